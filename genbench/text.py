"""Words for numbers that several commands say."""

from __future__ import annotations

__all__ = ["duration"]


def duration(seconds: float) -> str:
    """Return seconds as a person says them: 45 s, 3 min, 1 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
