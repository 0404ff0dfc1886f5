"""Run a plan to its end: order of tasks, resume, signals, progress, records."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.session.session import Session

__all__ = ["Session"]

__getattr__ = lazy(__name__, {"Session": "genbench.session.session"})  # checking options needs nothing that runs cells
