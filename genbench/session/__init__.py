"""Run a plan to its end: order of tasks, resume, signals, progress, records.

``Session`` is imported on first use: checking options needs nothing that runs cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.session.session import Session

__all__ = ["Session"]


def __getattr__(name: str) -> Any:
    if name != "Session":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from genbench.session.session import Session

    return Session
