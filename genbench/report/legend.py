"""The words around a table: what was run, what the marks mean, what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from genbench.record.score import UNNAMED_SPACES
from genbench.record.status import Status
from genbench.report.text import clean
from genbench.table.aggregate import shared
from genbench.table.summary import Row, Summary

__all__ = ["Scale", "caption", "legend", "note", "reasons", "remarks", "scale_marks"]

Scale = tuple[str, ...]
AMISS = ("missing in", "failed", "the value is")  # reasons for a missing score that are no property of the model
RAISED = "failed"  # told of columns that are not shown, too
NOTES, FLAGS = 5, 8  # how many are told
REFERENCE_TEXT = {
    "real": "real: fresh real data, the floor",
    "gaussian": "gaussian: a full-covariance fit",
    "memoriser": "memoriser: training rows, drawn again",
}


def caption(summary: Summary) -> str:
    """Return what was run: rows, seeds, budget, device."""
    parts = []
    for split in ("train", "test"):
        sizes = {r["sizes"][split] for r in summary.records if (r.get("sizes") or {}).get(split) is not None}
        if sizes:
            parts.append(f"{' to '.join(str(n) for n in sorted({min(sizes), max(sizes)}))} {split}")
    seeds = sorted({r["seed"] for r in summary.records if r.get("seed") is not None})
    if seeds:
        parts.append(f"seed{'s' * (len(seeds) > 1)} {_numbers(seeds)}")
    devices = sorted({str(r["device"]) for r in summary.records if r.get("device")})
    parts += [part for part in (_budget(summary.rows), " ".join(devices)) if part]
    return clean(", ".join(parts))


def _numbers(seeds: Sequence[int]) -> str:
    """Return ``0 to 4`` for a range and ``0 3 7`` for anything else."""
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return " ".join(map(str, seeds))


def _budget(rows: Sequence[Row]) -> str:
    budgets: dict[str, list[str]] = {}
    for row in rows:
        if row.role == "model" and row.records[0].get("budget"):
            models = budgets.setdefault(str(row.records[0]["budget"]), [])
            models += [label for label in [str(row.records[0]["label"])] if label not in models]
    if len(budgets) <= 1:
        return f"budget {next(iter(budgets))}" if budgets else ""
    who = {budget: " ".join(m) if len(m) <= 3 else f"{len(m)} models" for budget, m in budgets.items()}
    return "budget " + ", ".join(f"{budget} ({models})" for budget, models in who.items())


def legend(summary: Summary, names: Sequence[str], suspect: float) -> tuple[str, ...]:
    """Return what the marks mean: those that occur in these columns, and what could not be ranked."""
    columns = [column for column in summary.columns if column.name in names]
    entries = [row.entries[column.name] for row in summary.rows for column in columns]
    seeds = sorted({len(e.estimate.by_seed) for e in entries if e.estimate and e.estimate.error})
    said = []
    if seeds == [1]:
        said.append("± sampling error of a single seed: how much trainings differ is not known")
    elif seeds:
        said.append(f"± standard error over {' to '.join(str(n) for n in sorted({seeds[0], seeds[-1]}))} seeds")
    if any(e.best for e in entries):
        test = "sampling errors" if seeds == [1] else "t over seeds on a log scale"
        said.append(f"{{best}} nothing is better beyond chance ({test}, Holm over all pairs of the column, 5 %)")
    directions = {column.better for column in columns}
    said += [f"{sign} {way} is better" for way, sign in (("lower", "↓"), ("higher", "↑")) if way in directions]
    kinds = {e.kind for e in entries if e.estimate}
    if "bound" in kinds:
        said.append("≤ a bound: the true value is at most this")
    if "estimate" in kinds:
        said.append("≈ an estimate")
    if kinds & {"bound", "estimate"}:
        said.append("exact, bound and estimate are ranked apart, and none is marked where they mix")
    for column in columns:
        for scale, mark in scale_marks(summary, column.name).items():
            of_scale = [e for row in summary.rows if (e := row.entries[column.name]).estimate and e.scale == scale]
            unranked = "" if any(e.ranked for e in of_scale) else ", not ranked"
            said += [f"{mark} {column.name}: {_words(summary, column.name, scale)}{unranked}"] if mark else []
    if any(e.estimate and e.estimate.limit for e in entries):
        said.append("≥ at least: more can't be told from real data")
    if any(e.doubt and e.estimate for e in entries):
        said.append("? a likelihood that failed a check, not ranked")
    if any(e.suspect for e in entries):
        said.append(f"! better than real data by over {suspect:g} standard errors of both")
    if any("@" in column.name for column in columns):
        spaces = {column.space for column in columns if "@" not in column.name and column.space in UNNAMED_SPACES} - {""}
        said += [f"@ the feature space, where it is not the standard one{': ' * bool(spaces)}{', '.join(spaces)}"]
    if any(row.scored and row.entries[c.name].estimate is None for row in summary.rows for c in columns):
        said.append("– not defined for this model")
    said += [text for model, text in REFERENCE_TEXT.items() if any(r["model"] == model for r in summary.records)]
    return tuple(said + _unranked(summary, names))


def scale_marks(summary: Summary, name: str) -> dict[Scale, str]:
    """Return the mark of each scale of a column: none for the main one, that of most densities or else of most rows."""
    entries = [row.entries[name] for row in summary.rows if row.entries[name].estimate]
    scales = Counter(e.scale for e in entries)
    densities = Counter(e.scale for e in entries if e.kind)
    order = [scale for scale, _ in (*densities.most_common(), *scales.most_common())]
    return dict(zip(dict.fromkeys(order), ("", "†", "‡", *"§" * len(order)), strict=False))


def _words(summary: Summary, name: str, scale: Scale) -> str:
    """Return in which respect a scale differs from the main one of its column."""
    main = next(iter(scale_marks(summary, name)))
    kinds = ("", "features ", "space ", "version ")
    return clean(", ".join(kind + mine for kind, mine, other in zip(kinds, scale, main, strict=False) if mine != other))


def _unranked(summary: Summary, names: Sequence[str]) -> list[str]:
    if not summary.comparable:
        return ["not ranked: the rows were scored against different numbers of test rows"]
    if not any(c.timing and c.better and c.name in names for c in summary.columns):
        return []
    if not summary.one_clock:
        return ["times are not ranked: they come from several runs, sessions or devices"]
    rows = [row.label for row in summary.rows if row.role == "model" and shared(row.records)]
    return [f"times taken beside other cells are not ranked: {', '.join(rows)}"] if rows else []


def note(row: Row) -> str:
    """Return what to say in the place of the numbers of a row: ``1/3 failed: diverged``, or the status of one cell."""
    if not row.failed or len(row.records) == 1:
        return row.status
    statuses = [s for s in row.counts if s.failed and s is not Status.FAILED]
    return f"{row.failed}/{len(row.records)} failed{': ' if statuses else ''}{', '.join(statuses)}"


def reasons(row: Row) -> list[str]:
    """Return a text for each way in which cells of a row did not end well: ``seed 2, fit: the loss is nan``."""
    ways: dict[str, list[int]] = {}
    for r in row.records:
        if (status := Status(r["status"])) is not Status.OK:
            where = f"{r['phase']}: " if r.get("phase") and status.failed else ""
            ways.setdefault(f"{where}{r.get('reason') or 'no reason given'}", []).append(r.get("seed") or 0)
    return [clean(f"{_which(seeds, len(row.records))}{way}") for way, seeds in ways.items()]


def _which(seeds: Sequence[int], of: int) -> str:
    return "" if len(seeds) == of else f"seed{'s' * (len(seeds) > 1)} {_numbers(seeds)}, "


def remarks(summary: Summary, names: Sequence[str]) -> tuple[str, ...]:
    """Return a line for what is amiss with rows that have numbers, then what was noted of the data."""
    lines = []
    for row in summary.rows:
        if row.scored:
            lines += [f"{row.label}: {reason}" for reason in reasons(row)]
            amiss = {name: entry.missing for name, entry in row.entries.items()}
            told = [name for name, why in amiss.items() if why.startswith(AMISS if name in names else RAISED)]
            lines += [f"{row.label}, {name}: {amiss[name]}" for name in told]
            lines += [f"{row.label}: {_check(check)}" for check in row.failed_checks]
            lines += _suspicion(row)
    notes = list(dict.fromkeys(str(note) for record in summary.records for note in record.get("notes") or ()))
    lines += [f"note: {note}" for note in notes[:NOTES]]
    lines += [f"note: and {len(notes) - NOTES} more, in the records"] if len(notes) > NOTES else []
    return tuple(clean(line) for line in lines)


def _check(check: Mapping[str, Any]) -> str:
    """Return what a likelihood was found to be, and what it should have been."""
    value, expected = check.get("value"), check.get("expected")
    number = f"{value:.4g}" if isinstance(value, float) else value
    found = "" if value is None else f": {number}" + ("" if expected is None else f", expected {expected}")
    reason = f" ({check['reason']})" if check.get("reason") else ""
    return f"the likelihood failed the check {check.get('name')!r}{found}{reason}, and is not ranked"


def _suspicion(row: Row) -> list[str]:
    """Return the line on a model whose samples are closer to real data than real data are."""
    found = [name for name, entry in row.entries.items() if entry.suspect]
    if not found or row.role == "reference":
        return []
    shown = ", ".join(found[:FLAGS]) + (f" and {len(found) - FLAGS} more" if len(found) > FLAGS else "")
    return [f"{row.label}: better than real data in {shown}: suspect copying, or a metric that is fooled"]
