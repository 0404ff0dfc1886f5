"""The verdict in words: what the samples are worth in real events, and what the model saves against the simulation."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.entry import Entry
from genbench.report.numbers import rounded
from genbench.report.text import clean
from genbench.summary import Row

__all__ = ["headline"]

NOTHING = Entry(None)


def headline(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return a sentence for each verdict that the scores allow, of the models in the order of ``rows``."""
    models = [row for row in rows if row.role == "model" and row.scored]
    worth = [f"{row.label} {text}" for row in models if (text := _worth(row))]
    saved = [f"{row.label} {text}" for row in models if (text := _saved(row))]
    said = []
    if worth:
        said.append(f"These samples are worth, in real events (95 %): {'; '.join(worth)}.")
    if saved:
        said.append(f"Against the simulation: {'; '.join(saved)}.")
    return tuple(clean(text, longest=2000) for text in said)


def _worth(row: Row) -> str:
    """Return ``374 (290 to 480), 0.19 of the training rows``, ``at least 9.8k``, or nothing."""
    entry = row.entries.get("equivalent", NOTHING)
    if entry.estimate is None:
        return ""
    number = _short(entry.estimate.mean)
    ratio = row.entries.get("amplification", NOTHING).estimate
    times = f", {_short(ratio.mean)} of its training rows" if ratio and ratio.mean < 1 else ""
    times = f", {_short(ratio.mean)} times its training rows" if ratio and ratio.mean >= 1 else times
    if entry.estimate.limit:
        return f"at least {number}{times}"
    low, high = entry.interval or (None, None)
    return f"{number}{f' ({_short(max(low, 0.0))} to {_short(high)})' if low is not None and high else ''}{times}"


def _saved(row: Row) -> str:
    """Return ``120 times faster, pays for itself after 3.4k events``, as far as it is known."""
    speed = row.entries.get("speedup", NOTHING).estimate
    after = row.entries.get("break_even", NOTHING).estimate
    said = []
    if speed and speed.mean > 0:
        faster = speed.mean >= 1
        said.append(f"{_short(speed.mean if faster else 1 / speed.mean)} times {'faster' if faster else 'slower'}")
    if after:
        said.append(f"pays for itself after {_short(after.mean)} events")
    return ", ".join(said)


def _short(value: float) -> str:
    return str(rounded(value, digits=2 if abs(value) < 1 else 3))
