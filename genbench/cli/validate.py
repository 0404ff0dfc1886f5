"""``genbench validate``: are runs complete and unaltered? Imports what it needs when run."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.cli.options import json_option
from genbench.cli.renamed import print_note
from genbench.errors import UserError

EXIT_INVALID = 3


@click.command(short_help="check runs against the JSON Schema")
@click.argument("runs", metavar="RUN...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--schema", "kind", type=click.Choice(("record", "run")), help="Print this JSON Schema instead.")
@json_option
@click.option("-f", "--format", "form", type=click.Choice(("text", "json")), hidden=True)
def validate(runs: tuple[Path, ...], kind: str | None, form: str | None, as_json: bool) -> int:
    """Check RUN..., run directories of 'genbench run', without changing them.

    Each record is checked against the published JSON Schema, its sha256 and its key, and samples against their
    checksums. The exit code is 0 if all runs are valid, else 3.
    """
    from genbench.cli.output import print_json
    from genbench.record import validation
    from genbench.record.field_types import schema
    from genbench.text import plain

    if kind is not None:
        print_json(schema(kind))
        return 0
    if not runs:
        raise UserError("validate: name a run's directory, or --schema record")
    reports = [validation.validate(run) for run in runs]
    if form is not None:
        print_note("validate --format")
    if as_json or form == "json":
        print_json({"runs": [report.as_dict() for report in reports]})
        return 0 if all(report.ok for report in reports) else EXIT_INVALID
    for report in reports:
        count = len(report.problems)
        result = "ok" if report.ok else f"{count} problem{'s' if count > 1 else ''}"
        result += f", {report.unsealed} unsealed" * bool(report.unsealed)
        click.echo(f"{plain(report.run)}: {report.cells} cells, {report.records} records: {result}")
        for line in [*map(str, report.problems), *report.notes]:
            click.echo(f"  {plain(line)}")
    return 0 if all(report.ok for report in reports) else EXIT_INVALID
