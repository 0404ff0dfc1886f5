"""The headline of a table: which model to take, what its samples are worth, how much faster they are."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.report.numbers import round_number
from genbench.report.text import clean
from genbench.table.aggregate import Aggregate
from genbench.table.recommendation import recommend
from genbench.table.summary import Row, Summary

NO_VALUE = Aggregate(None)
MAX_SENTENCE_CHARS = 2000  # enough for a sentence that names every model


def headline(summary: Summary, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return which model to take, then a sentence on the worth of the models and one on their speed-up."""
    models = [row for row in rows if row.role == "model" and row.scored]
    worth = [f"{row.label} {text}" for row in models if (text := _worth(row))]
    speedups = [f"{row.label} {text}" for row in models if (text := _speedup(row))]
    sentences = [str(recommend(summary))] if any(row.role == "model" for row in rows) else []
    if worth:
        sentences.append(f"Worth in real events at kernel scales [95 %] (per training row): {'; '.join(worth)}")
    if speedups:
        sentences.append(
            f"Speed-up over the simulation, and after how many events training has paid off: {'; '.join(speedups)}"
        )
    return tuple(clean(text, MAX_SENTENCE_CHARS) for text in sentences)


def _worth(row: Row) -> str:
    """Return ``374 [290, 480] (0.19)`` or ``≥ 9.8k (4.9)``; empty if the row has no such score."""
    entry = row.entries.get("equivalent", NO_VALUE)
    if entry.estimate is None:
        return ""
    number = _format(entry.estimate.mean)
    ratio = row.entries.get("amplification", NO_VALUE).estimate
    ratio_text = f" ({_format(ratio.mean)})" if ratio else ""
    if entry.estimate.limit:
        return f"≥ {number}{ratio_text}"
    if entry.interval is None:
        return f"{number}{ratio_text}"
    return f"{round_number(entry.estimate.mean, entry.interval)}{ratio_text}"


def _speedup(row: Row) -> str:
    """Return ``120 times, after 3.4k events``, or the part of it that is known."""
    speed = row.entries.get("speedup", NO_VALUE).estimate
    break_even = row.entries.get("break_even", NO_VALUE)
    parts = [f"{_format(speed.mean)} times"] if speed else []
    if break_even.estimate:
        parts.append(f"after {_format(break_even.estimate.mean)} events")
    elif "never" in break_even.missing:
        parts.append(break_even.missing[break_even.missing.index("never") :])
    return ", ".join(parts)


def _format(value: float) -> str:
    return str(round_number(value, digits=3 if abs(value) >= 10 else 2))
