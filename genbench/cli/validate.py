"""``genbench validate``: are runs what they say they are? Imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.errors import UserError

__all__ = ["validate"]

FAILED = 3


@click.command(short_help="check runs against the JSON Schema")
@click.argument("runs", metavar="RUN...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--schema", "kind", type=click.Choice(("record", "run")), help="Print the JSON Schema of this instead.")
@click.option("-f", "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def validate(runs: tuple[Path, ...], kind: str | None, form: str) -> int:
    """Check RUN..., run directories of 'genbench run'; nothing in them is changed.

    Each record is held against the published JSON Schema, its sha256 and its key, and the samples against their
    checksums. Exit code 0 where all are as they should be, 3 where any is not.
    """
    from genbench.cli.output import print_json
    from genbench.record import validation
    from genbench.text import plain

    if kind is not None:
        print_json(validation.schema(kind))
        return 0
    if not runs:
        raise UserError("validate: name a run's directory, or --schema record")
    verdicts = [validation.validate(run) for run in runs]
    if form == "json":
        print_json({"runs": [verdict.as_dict() for verdict in verdicts]})
        return 0 if all(verdict.ok for verdict in verdicts) else FAILED
    for verdict in verdicts:
        count = len(verdict.problems)
        what = "ok" if verdict.ok else f"{count} problem{'s' if count > 1 else ''}"
        click.echo(f"{plain(verdict.run)}: {verdict.cells} cells, {verdict.records} records: {what}")
        for line in [*map(str, verdict.problems), *verdict.notes]:
            click.echo(f"  {plain(line)}")
    return 0 if all(verdict.ok for verdict in verdicts) else FAILED
