"""A short training of models whose costs on this machine are not known, to estimate how long a plan takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from genbench.plan.cell import REAL, Cell
from genbench.plan.plan import Plan
from genbench.registry.registry import Registry
from genbench.session.cell_state import Record
from genbench.session.options import RunOptions
from genbench.session.session import Session

PROBE_BUDGET = "2s"


def probe(plan: Plan, registry: Registry, options: RunOptions, allowed_s: float) -> list[Record]:
    """Train some models of a plan for two seconds each, unscored, and return their records.

    They are those that ``cells_to_probe`` chooses. Nothing is kept, and limits and isolation are those of the run.
    """
    cells = tuple(cells_to_probe(plan, allowed_s))
    if not cells:
        return []
    with tempfile.TemporaryDirectory(prefix="genbench-probe-") as folder:
        short = replace(options, out=Path(folder) / "run", keep="none", force=False, retry=None)
        session = Session(replace(plan, cells=cells, suite=None), registry, short)
        records = session.run()
    if session.stopped:
        raise KeyboardInterrupt
    return records


def cells_to_probe(plan: Plan, allowed_s: float) -> Iterator[Cell]:
    """Yield short cells, one for each model and kind of data, that take at most ``allowed_s`` CPU seconds together.

    Models of which nothing is known come first, then those that take most of the time of the plan.
    """
    longest: dict[tuple[str, str], Cell] = {}
    total: dict[tuple[str, str], float] = {}
    for cell in plan.cells:
        if cell.model.name != REAL and cell.seed == plan.cells[0].seed:
            key, seconds = (cell.model.label, cell.kind), plan.cost_of(cell).fit_s
            total[key] = total.get(key, 0.0) + seconds
            if key not in longest or seconds > plan.cost_of(longest[key]).fit_s:
                longest[key] = cell
    order = sorted(longest, key=lambda key: (not plan.cost_of(longest[key]).guess, -total[key]))
    for key in order:
        cell = longest[key]
        short = replace(cell, metrics=(), budget=cell.budget if cell.budget == "none" else PROBE_BUDGET)
        if plan.cost_of(short).fit_s > plan.cost_of(cell).fit_s:
            short = replace(short, budget=cell.budget)
        if (seconds := plan.cost_of(short).seconds) <= allowed_s:
            allowed_s -= seconds
            yield short
