"""Progress of datasets that take long to load: ``load`` reports it, and whoever loads the dataset listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["heard_by", "tell_loading"]

Listener = Callable[[int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell_loading(done: int, whole: int) -> None:
    """Report that ``done`` of ``whole`` rows, files or events are loaded; ``load`` may call it at any time."""
    listener = _listener.get()
    if listener is not None:
        listener(done, whole)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Call ``listener(done, whole)`` for the progress of datasets that are loaded inside this context."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
