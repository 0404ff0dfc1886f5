"""A plan run to its end: order, resume, signals, progress, records."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.session.session import Session

__all__ = ["Session"]

__getattr__ = lazy(__name__, {"Session": "genbench.session.session"})  # options are checked without what runs cells
