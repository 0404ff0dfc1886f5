"""The verdict in words: what the samples are worth in real events, and what a model saves against the simulation."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.report.numbers import rounded
from genbench.report.text import clean
from genbench.table.aggregate import Aggregate
from genbench.table.summary import Row

__all__ = ["headline"]

NOTHING = Aggregate(None)
LONGEST = 2000  # characters of a sentence that names every model


def headline(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return a sentence for each verdict that the scores allow, of the models in the order of ``rows``."""
    models = [row for row in rows if row.role == "model" and row.scored]
    worth = [f"{row.label} {text}" for row in models if (text := _worth(row))]
    saved = [f"{row.label} {text}" for row in models if (text := _saved(row))]
    said = []
    if worth:
        said.append(f"These samples are worth N real events [95 %] (N / training rows): {'; '.join(worth)}")
    if saved:
        said.append(f"Faster than the simulation, and when training has paid for itself: {'; '.join(saved)}")
    return tuple(clean(text, LONGEST) for text in said)


def _worth(row: Row) -> str:
    """Return ``374 [290, 480] (0.19)``, ``≥ 9.8k (4.9)``, or nothing."""
    entry = row.entries.get("equivalent", NOTHING)
    if entry.estimate is None:
        return ""
    number = _short(entry.estimate.mean)
    ratio = row.entries.get("amplification", NOTHING).estimate
    for_each = f" ({_short(ratio.mean)})" if ratio else ""
    if entry.estimate.limit:
        return f"≥ {number}{for_each}"
    interval = f" [{_short(entry.interval[0])}, {_short(entry.interval[1])}]" if entry.interval else ""
    return f"{number}{interval}{for_each}"


def _saved(row: Row) -> str:
    """Return ``120 times, after 3.4k events``, as far as it is known."""
    speed = row.entries.get("speedup", NOTHING).estimate
    paid = row.entries.get("break_even", NOTHING)
    said = [f"{_short(speed.mean)} times"] if speed else []
    if paid.estimate:
        said.append(f"after {_short(paid.estimate.mean)} events")
    elif paid.missing.startswith("never"):
        said.append("never")
    return ", ".join(said)


def _short(value: float) -> str:
    return str(rounded(value, digits=3 if abs(value) >= 10 else 2))
