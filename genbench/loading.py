"""How far a dataset is that takes long to load: the dataset tells, whoever loads it hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["heard_by", "tell_loading"]

Listener = Callable[[int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell_loading(done: int, whole: int) -> None:
    """Say that ``done`` of ``whole`` rows, files or events are there: a dataset's ``load`` may call it at any time."""
    listener = _listener.get()
    if listener is not None:
        listener(done, whole)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let ``listener`` hear what datasets tell that are loaded meanwhile."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
