"""Write the table of costs that comes with genbench from the records of runs of one machine.

    python tests/perf/costs.py RUN... -o genbench/plan/costs.json

Runs of the presets ``default`` and ``smoke`` give the cost of a step and of the rest at both sizes. A cell of which a
run has several records, by its seeds, counts by the median.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from genbench.plan.costs import CostTable
from genbench.plan.measured_costs import rates_of
from genbench.record.store import read_records


def written(table: CostTable) -> str:
    """Return a table as JSON with a line for each rate."""
    stored = table.as_dict()
    rates = ",\n".join(f"  {json.dumps(row)}" for row in sorted(stored["rates"], key=lambda row: list(map(str, row))))
    shares = ",\n".join(f"  {json.dumps(kind)}: {json.dumps(shares)}" for kind, shares in stored["shares"].items())
    return f'{{"rates": [\n{rates}\n ],\n "shares": {{\n{shares}\n }}}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    records = [record for run in arguments.runs for record in read_records(run)]
    arguments.out.write_text(written(rates_of(records)), encoding="utf-8")


if __name__ == "__main__":
    main()
