"""Text of messages: text from elsewhere made safe to print, and durations for people to read."""

from __future__ import annotations

import unicodedata

__all__ = ["duration", "plain"]


def plain(text: object) -> str:
    """Return text in one line, without control characters, escape sequences or marks that change its direction."""
    spaced = " ".join(str(text).split())
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


def duration(seconds: float) -> str:
    """Return seconds in the unit that a person would use: 45 s, 3 min, 1 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
