"""The text around a table: what was run, what the marks mean, what failed and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_high
from typing import Any

from genbench.record.score import UNNAMED_SPACES
from genbench.record.status import Status
from genbench.report.numbers import round_number
from genbench.report.text import clean
from genbench.table.aggregate import contended
from genbench.table.core_metrics import meaning_of
from genbench.table.suites import suite_names, suite_notes
from genbench.table.summary import Row, Summary

Scale = tuple[str, ...]
# how the reasons of missing scores begin that are faults of a metric or a seed, not properties of the model
DEFECT_PREFIXES = ("missing in", "failed", "the value is")
ERROR_PREFIX = "failed"  # reported for columns that are not shown, too
MAX_NOTES = 5
PAIRED_PROTOCOL = 2  # of records that hold jackknife replicates
UNPAIRED_NOTE = "note: some records hold no jackknife replicates: their models are compared unpaired"
MAX_FLAGGED_METRICS = 8
NARROWER_METRICS = {"precision", "density"}  # that samples exceed real rows in if they are narrower
WIDER_METRICS = {"recall", "coverage"}
REFERENCE_TEXT = {
    "real": "real: fresh real rows, the floor as far as the test rows can tell",
    "gaussian": "gaussian: a fitted Gaussian with full covariance",
    "memoriser": "memoriser: training rows, resampled",
}


def caption(summary: Summary) -> str:
    """Return what was run: numbers of rows, seeds, budget, device, precision where it is not fp32."""
    parts = suite_names(summary.suites)
    for split in ("train", "test"):
        sizes = {r["sizes"][split] for r in summary.records if (r.get("sizes") or {}).get(split) is not None}
        if sizes:
            parts.append(f"{' to '.join(str(n) for n in sorted({min(sizes), max(sizes)}))} {split}")
    seeds = sorted({r["seed"] for r in summary.records if r.get("seed") is not None})
    if seeds:
        parts.append(f"seed{'s' * (len(seeds) > 1)} {_numbers(seeds)}")
    devices = sorted({str(r["device"]) for r in summary.records if r.get("device")})
    precisions = sorted({str(r["precision"]) for r in summary.records if r.get("precision")})
    parts += [part for part in (_budget(summary.rows), " ".join([*devices, *precisions])) if part]
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
    models_text = {budget: " ".join(m) if len(m) <= 3 else f"{len(m)} models" for budget, m in budgets.items()}
    return "budget " + ", ".join(f"{budget} ({models})" for budget, models in models_text.items())


def legend(summary: Summary, names: Sequence[str], suspect: float) -> tuple[str, ...]:
    """Return the meaning of the marks that occur in these columns, and a note on what could not be ranked."""
    columns = [column for column in summary.columns if column.name in names]
    run = [row for row in summary.rows if row.role != "published"]
    entries = [row.entries[column.name] for row in run for column in columns]
    seeds = sorted({len(e.estimate.by_seed) for e in entries if e.estimate and e.interval})
    lines = []
    if seeds == [1]:
        lines.append("[ ] 95 % by sampling, of a single seed; the spread between trainings is not known")
    elif seeds:
        lines.append(f"[ ] 95 % interval of the mean over {' to '.join(map(str, sorted({seeds[0], seeds[-1]})))} seeds")
    if any(e.best for e in entries):
        lines.append("{best} no other is significantly better (pairs of one seed, Holm over the column, 5 %)")
    if any(e.unstable for e in entries):
        lines.append("~ unstable: its seeds disagree far more than those of other models; never the best")
    directions = {column.better for column in columns}
    lines += [f"{sign} {way} is better" for way, sign in (("lower", "↓"), ("higher", "↑")) if way in directions]
    kinds = {e.kind for e in entries if e.estimate}
    if "bound" in kinds:
        lines.append("≤ a bound: the true value is at most this")
    if "estimate" in kinds:
        lines.append("≈ an estimate")
    if kinds & {"bound", "estimate"}:
        lines.append("exact values, bounds and estimates are ranked separately; no best is marked where they mix")
    for column in columns:
        for scale, mark in scale_marks(summary, column.name).items():
            of_scale = [e for row in summary.rows if (e := row.entries[column.name]).estimate and e.scale == scale]
            unranked = "" if any(e.ranked for e in of_scale) else ", not ranked"
            lines += [f"{mark} {column.name}: {_difference(summary, column.name, scale)}{unranked}"] if mark else []
    if any(e.estimate and e.estimate.limit for e in entries):
        lines.append("≥ at least, as far as the test rows can tell at the scales of the kernel")
    if any(e.doubt and e.estimate for e in entries):
        lines.append("? a likelihood that failed a check; not ranked")
    if any(e.suspect for e in entries):
        lines.append(f"! better than real data by more than {suspect:g} combined standard errors")
    if any(e.busy for e in entries):
        lines.append("# a time of a busy machine, on which other processes ran: compare the seconds of CPU")
    if any("@" in column.name for column in columns):
        own = {column.space for column in columns if "@" not in column.name}
        spaces = own.intersection(UNNAMED_SPACES) - {""}
        lines += [f"@ the feature space, if it is not the standard one{': ' * bool(spaces)}{', '.join(spaces)}"]
    if any(row.scored and row.entries[c.name].estimate is None for row in run for c in columns):
        lines.append("– not defined for this model")
    return tuple(lines + _unranked_notes(summary, names))


def definitions(summary: Summary, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return each core metric among these columns, and what it measures."""
    return tuple((name, text) for name in summary.core if name in names and (text := meaning_of(name)))


def reference_texts(summary: Summary) -> tuple[str, ...]:
    """Return what each row of reference is, and the source of each published row."""
    models = {record["model"] for row in summary.rows if row.role == "reference" for record in row.records}
    sources: dict[str, list[str]] = {}
    for row in summary.rows:
        if row.role == "published":
            sources.setdefault(str(row.records[0]["published"]["source"]), []).append(str(row.records[0]["model"]))
    published = (clean(f"published, not ranked: {', '.join(names)}: {text}") for text, names in sources.items())
    return (*(text for model, text in REFERENCE_TEXT.items() if model in models), *published)


def scale_marks(summary: Summary, name: str) -> dict[Scale, str]:
    """Return the mark of each scale of a column: none for the main scale, that of most densities or else most rows."""
    entries = [row.entries[name] for row in summary.rows if row.entries[name].estimate and row.role != "published"]
    scales = Counter(e.scale for e in entries)
    densities = Counter(e.scale for e in entries if e.kind)
    order = [scale for scale, _ in (*densities.most_common(), *scales.most_common())]
    return dict(zip(dict.fromkeys(order), ("", "†", "‡", *"§" * len(order)), strict=False))


def _difference(summary: Summary, name: str, scale: Scale) -> str:
    """Return how a scale differs from the main scale of its column."""
    main = next(iter(scale_marks(summary, name)))
    kinds = ("", "features ", "space ", "version ")
    return clean(", ".join(kind + mine for kind, mine, other in zip(kinds, scale, main, strict=False) if mine != other))


def _unranked_notes(summary: Summary, names: Sequence[str]) -> list[str]:
    if not summary.comparable:
        return ["not ranked: the rows were scored against different numbers of test rows"]
    if not any(c.timing and c.better and c.name in names for c in summary.columns):
        return []
    if not summary.one_clock:
        return ["times are not ranked: they come from several runs, sessions or devices"]
    rows = [row.label for row in summary.rows if row.role == "model" and contended(row.records)]
    what = "times measured while other cells ran, or on a busy machine, are not ranked"
    return [f"{what}: {', '.join(rows)}"] if rows else []


def note(row: Row) -> str:
    """Return the note that a row shows in place of its numbers: ``1/3 failed: diverged``, or the status of one cell."""
    if not row.failed or len(row.records) == 1:
        return row.status
    statuses = [s for s in row.counts if s.failed and s is not Status.FAILED]
    return f"{row.failed}/{len(row.records)} failed{': ' if statuses else ''}{', '.join(statuses)}"


def reasons(row: Row) -> list[str]:
    """Return each reason why cells of a row are not ``ok``, with their seeds: ``seed 2, fit: the loss is nan``."""
    seeds_by_reason: dict[str, list[int]] = {}
    for r in row.records:
        if (status := Status(r["status"])) is not Status.OK:
            phase = f"{r['phase']}: " if r.get("phase") and status.failed else ""
            reason = f"{phase}{r.get('reason') or 'no reason given'}"
            seeds_by_reason.setdefault(reason, []).append(r.get("seed") or 0)
    return [clean(f"{_seed_prefix(seeds, len(row.records))}{reason}") for reason, seeds in seeds_by_reason.items()]


def _seed_prefix(seeds: Sequence[int], n_records: int) -> str:
    return "" if len(seeds) == n_records else f"seed{'s' * (len(seeds) > 1)} {_numbers(seeds)}, "


def remarks(summary: Summary, names: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each problem of rows that have numbers, then the notes on the data."""
    lines = []
    for row in summary.rows:
        if row.scored:
            lines += [f"{row.label}: {reason}" for reason in reasons(row)]
            for name, entry in row.entries.items():
                if entry.missing.startswith(DEFECT_PREFIXES if name in names else ERROR_PREFIX):
                    lines.append(f"{row.label}, {name}: {entry.missing}")
            lines += [f"{row.label}: {_check(check)}" for check in row.failed_checks]
            lines += [*_better_than_real(row), *_copying(row), *_unstable(row)]
            if row.undertrained:
                lines.append(f"{row.label}: undertrained, with {row.recipe_share:.0%} of the steps of its recipe")
    lines += suite_notes(summary.suites)
    lines += [UNPAIRED_NOTE] if _lacks_replicates(summary) else []
    notes = _notes(summary)
    lines += [f"note: {note}" for note in notes[:MAX_NOTES]]
    lines += [f"note: {len(notes) - MAX_NOTES} more in the records"] if len(notes) > MAX_NOTES else []
    return tuple(clean(line) for line in lines)


def _notes(summary: Summary) -> list[str]:
    """Return the notes of all cells, once each; of those that differ in numbers between seeds, that of the first."""
    first: dict[tuple[str, str, int], str] = {}
    for record in summary.records:
        repeats: Counter[str] = Counter()
        for note in map(str, record.get("notes") or ()):
            pattern = re.sub(r"\d+", "", note)
            repeats[pattern] += 1
            first.setdefault((str(record.get("label")), pattern, repeats[pattern]), note)
    return list(dict.fromkeys(first.values()))


def _lacks_replicates(summary: Summary) -> bool:
    """Return whether a model's record is of a protocol that kept no jackknife replicates."""
    models = [record for row in summary.rows if row.role == "model" for record in row.records]
    return any(int(record.get("protocol") or PAIRED_PROTOCOL) < PAIRED_PROTOCOL for record in models)


def _check(check: Mapping[str, Any]) -> str:
    """Return the text of a failed check of a likelihood: what was found, and what was expected."""
    value, expected = check.get("value"), check.get("expected")
    number = f"{value:.4g}" if isinstance(value, float) else value
    found = "" if value is None else f": {number}" + ("" if expected is None else f", expected {expected}")
    reason = f" ({check['reason']})" if check.get("reason") else ""
    return f"the likelihood failed the check {check.get('name')!r}{found}{reason}, and is not ranked"


def _better_than_real(row: Row) -> list[str]:
    """Return a line if samples are closer to real rows than fresh real rows are, with the likely cause."""
    found = [name for name, entry in row.entries.items() if entry.suspect]
    if not found or row.role == "reference":
        return []
    shown = ", ".join(found[:MAX_FLAGGED_METRICS]) + (
        f" and {len(found) - MAX_FLAGGED_METRICS} more" if len(found) > MAX_FLAGGED_METRICS else ""
    )
    return [f"{row.label}: better than real data in {shown}: {_cause(row, found)}"]


def _cause(row: Row, found: Sequence[str]) -> str:
    names = {name.partition("@")[0] for name in found}
    if row.copying:
        return "copies"
    if names & NARROWER_METRICS:
        return "narrower than the data"
    if names & WIDER_METRICS:
        return "wider than the data"
    return "the cause is not known"


def _copying(row: Row) -> list[str]:
    if not row.copying or row.role == "reference":
        return []
    return [f"{row.label}: copying: its samples repeat training rows or stay near them, by {', '.join(row.copying)}"]


def _unstable(row: Row) -> list[str]:
    """Return a line for each core metric in which the seeds of a model disagree, with the worst of them."""
    lines = []
    for name in row.unstable:
        estimate = row.entries[name].estimate
        if estimate is not None:
            values = sorted(estimate.by_seed.items(), key=lambda item: abs(item[1] - median_high(estimate.values)))
            seed, worst = values[-1]
            each = " ".join(str(round_number(value, digits=3)) for value in estimate.values)
            lines.append(f"{row.label}: unstable in {name}: {each}; the worst is seed {seed}, {worst:.3g}")
    return lines
