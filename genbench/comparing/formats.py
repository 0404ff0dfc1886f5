"""Render a comparison in a format chosen by name."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genbench.comparing.comparison import Comparison
from genbench.comparing.verdict import Verdict
from genbench.errors import UserError
from genbench.record.encoding import to_json
from genbench.report.text import clean

MAX_MEASURE_CHARACTERS = 64  # of a measure's name in Bencher

FORMATS = ("rich", "markdown", "json", "github-action-benchmark", "bmf", "asv")


def render(comparison: Comparison, form: str, *, full: bool = False, strict: bool = False) -> str:
    """Return a comparison as text in one of ``FORMATS``; ``full`` lists what is otherwise only counted.

    ``rich`` is plain text for a terminal of 100 columns; with ``strict``, JSON gives the exit code of ``--strict``.
    Raises UserError for another format.
    """
    if form not in FORMATS:
        raise UserError(f"no format {form!r}; expected one of {', '.join(FORMATS)}")
    if form == "rich":
        return _plain_terminal(comparison, full)
    if form == "markdown":
        return comparison.to_markdown(full=full)
    if form == "json":
        return to_json(_document(comparison, strict), indent=1) + "\n"
    content = {"github-action-benchmark": _github_action_benchmark, "bmf": _bmf, "asv": _asv}[form](comparison)
    return to_json(content, indent=1) + "\n"


def _plain_terminal(comparison: Comparison, full: bool) -> str:
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=100)
    console.print(comparison.to_rich(full=full))
    written: StringIO = console.file  # type: ignore[assignment]
    return written.getvalue()


def _document(comparison: Comparison, strict: bool) -> dict[str, Any]:
    return {
        "base": comparison.base,
        "head": comparison.head,
        "summary": comparison.summary,
        "exit_code": comparison.exit_code(strict=strict),
        "counts": comparison.counts,
        "notes": comparison.notes,
        "about": comparison.about,
        "verdicts": [each.as_dict() for each in comparison.verdicts],
    }


def _github_action_benchmark(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the entries of github-action-benchmark, in its format ``customSmallerIsBetter``."""
    found = []
    for each, value, runs in _smaller_is_better(comparison):
        name = clean(f"{each.subject} - {each.metric}{' (1/x)' if each.better == 'higher' else ''}")
        entry: dict[str, Any] = {"name": name, "unit": clean(each.unit) or "1", "value": value}
        if len(runs) > 1:
            entry["range"] = f"± {(max(runs) - min(runs)) / 2:.3g}"
        entry["extra"] = clean(f"{each.verdict}{f': {each.reason}' if each.reason else ''}; base {each.base}")
        found.append(entry)
    return found


def _bmf(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Return Bencher Metric Format: head's value by subject and measure, with the lowest and highest run as bounds."""
    found: dict[str, dict[str, Any]] = {}
    for each in comparison.verdicts:
        if isinstance(each.head, (int, float)) and math.isfinite(each.head):
            runs = [run for run in each.head_runs if run is not None]
            bounds = {"lower_value": min(runs), "upper_value": max(runs)} if len(runs) > 1 else {}
            slug = re.sub(r"[^a-z0-9]+", "-", each.metric.lower()).strip("-")[:MAX_MEASURE_CHARACTERS] or "value"
            found.setdefault(clean(each.subject), {})[slug] = {"value": each.head, **bounds}
    return found


def _asv(comparison: Comparison) -> dict[str, Any]:
    """Return a result file of airspeed velocity (version 2) for head, named by its commit where that is known."""
    about: Mapping[str, Any] = comparison.about.get("head") or {}
    machine = {str(k): str(v) for k, v in (about.get("machine") or {}).items() if k != "load"}
    columns = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25",
               "stats_q_75", "stats_number", "stats_repeat", "samples"]  # fmt: skip
    date = _milliseconds(about.get("created"))
    results = {}
    for each, value, runs in _smaller_is_better(comparison):
        blank = [None] * 4
        name = re.sub(r"[^A-Za-z0-9_]+", "_", each.subject).strip("_")
        metric = re.sub(r"[^A-Za-z0-9_]+", "_", each.metric).strip("_")
        results[f"{name}.track_{metric}"] = [[value], [], None, date, None, *blank, [1], [max(len(runs), 1)], [runs]]
    python = str(machine.get("python") or machine.get("python_version") or "")
    versions = {k: str(v) for k, v in (about.get("versions") or {}).items() if v}
    return {
        "version": 2, "commit_hash": clean(str(about.get("commit") or comparison.head)),
        "env_name": f"existing-py{python}", "date": date,
        "params": machine, "python": python, "requirements": versions, "env_vars": {}, "durations": {},
        "result_columns": columns, "results": results,
    }  # fmt: skip


def _smaller_is_better(comparison: Comparison) -> Iterator[tuple[Verdict, float, list[float]]]:
    """Yield the verdicts on numbers, with the value of head and of its runs, inverted where higher is better."""
    for each in comparison.verdicts:
        if not isinstance(each.head, (int, float)) or each.kind == "status" or not math.isfinite(each.head):
            continue
        runs = [float(run) for run in each.head_runs if run is not None]
        if each.better != "higher":
            yield each, float(each.head), runs
        elif each.head > 0:
            yield each, 1.0 / each.head, [1.0 / run for run in runs if run]


def _milliseconds(when: Any) -> int | None:
    try:
        return int(datetime.datetime.fromisoformat(str(when)).timestamp() * 1000)
    except ValueError:
        return None
