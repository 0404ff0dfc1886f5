"""What can be done after a run, as whole commands that can be pasted into a shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from genbench.table.results import Results

NOT_REPEATED = ("out", "force")  # options of a run that a command that resumes it has its own of, or lacks
EXAMPLE_SAMPLES = 10_000


def resume_command(ctx: click.Context, folder: Path) -> str:
    """Return the command of a context as it was given, with the folder of its run: it goes on where that stopped."""
    words = ["genbench", str(ctx.info_name)]
    for option in ctx.command.params:
        given = (
            option.name is not None and ctx.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
        )
        if not given or option.name in NOT_REPEATED or not isinstance(option, click.Option):
            continue
        flag, value = max(option.opts, key=len), ctx.params[str(option.name)]
        if option.is_flag:
            words.append(flag)
        else:
            words += [word for each in (value if option.multiple else [value]) for word in (flag, str(each))]
    return join([*words, "--out", str(folder)])


def next_steps(results: Results, folder: Path) -> list[str]:
    """Return commands for the pictures of a run, for samples of the model to take, and for all its scores."""
    run = str(folder)
    steps = [["genbench", "report", run, "-o", "report.html"]] if results.has_trained_models else []
    if chosen := _model_to_sample(results):
        model, dataset, suffix = chosen
        several = ["-d", dataset] if len(results.datasets) > 1 else []
        steps.append(["genbench", "sample", run, model, *several, "-n", str(EXAMPLE_SAMPLES), "-o", f"samples{suffix}"])
    steps.append(["genbench", "table", run, "--metrics", "all"])
    return [join(step) for step in steps]


def _model_to_sample(results: Results) -> tuple[str, str, str] | None:
    """Return the model to take, or else the first that was scored, its dataset, and the suffix of a file for both."""
    from genbench.table.recommendation import recommend
    from genbench.table.summary import summarise

    found: list[tuple[str, str, str]] = []
    for summary in summarise(results.records, suites=results.suites):
        suffix = _suffix(summary.records[0])
        if (take := recommend(summary).take) is not None:
            return take, summary.dataset, suffix
        found += [(row.label, summary.dataset, suffix) for row in summary.rows if row.role == "model" and row.scored]
    return found[0] if found else None


def _suffix(record: Mapping[str, Any]) -> str:
    """Return the suffix of the user's file, else one that fits the data."""
    from genbench.files.source import FORMATS

    own = Path(str((record.get("dataset_config") or {}).get("path") or "")).suffix.partition(":")[0]
    return own if own.lower() in FORMATS else ".npy" if record.get("data_kind") == "image" else ".csv"
