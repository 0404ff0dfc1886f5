"""The headline of a table: what samples are worth in real events, and how much faster they are than a simulation."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.report.numbers import round_number
from genbench.report.text import clean
from genbench.table.aggregate import Aggregate
from genbench.table.summary import Row

__all__ = ["headline"]

NO_VALUE = Aggregate(None)
MAX_SENTENCE_CHARS = 2000  # enough for a sentence that names every model


def headline(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return one sentence on the worth of the models and one on their speed-up, as far as they were scored."""
    models = [row for row in rows if row.role == "model" and row.scored]
    worth = [f"{row.label} {text}" for row in models if (text := _worth(row))]
    speedups = [f"{row.label} {text}" for row in models if (text := _speedup(row))]
    sentences = []
    if worth:
        sentences.append(f"These samples are worth N real events [95 %] (N / training rows): {'; '.join(worth)}")
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
    interval = f" [{_format(entry.interval[0])}, {_format(entry.interval[1])}]" if entry.interval else ""
    return f"{number}{interval}{ratio_text}"


def _speedup(row: Row) -> str:
    """Return ``120 times, after 3.4k events``, or the part of it that is known."""
    speed = row.entries.get("speedup", NO_VALUE).estimate
    break_even = row.entries.get("break_even", NO_VALUE)
    parts = [f"{_format(speed.mean)} times"] if speed else []
    if break_even.estimate:
        parts.append(f"after {_format(break_even.estimate.mean)} events")
    elif break_even.missing.startswith("never"):
        parts.append("never")
    return ", ".join(parts)


def _format(value: float) -> str:
    return str(round_number(value, digits=3 if abs(value) >= 10 else 2))
