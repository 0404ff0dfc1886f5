"""A task that was handed to a Dask scheduler, from the side of the session."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from genbench.process.task import Task

__all__ = ["RemoteTask", "one_line"]

RETRIES = 3  # times that a task is handed over again when all its workers are gone


class RemoteTask:
    """A task that was handed over; ``machine`` and ``address`` say where it ended."""

    def __init__(
        self, task: Task, name: str, resource: str, submit: Callable[[str], tuple[Any, frozenset[str]]]
    ) -> None:
        self.task = task
        self.name = name
        self.resource = resource
        self.outcome: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.progress = task.first_progress
        self.again = self.interrupted = False
        self.machine: dict[str, Any] | None = None
        self.address = ""
        self.cut_off = False  # from the scheduler
        self._submit = submit
        self._tries = 0
        self._ours, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._hand_over()

    def _hand_over(self) -> None:
        self._tries += 1
        self.future, self._allowed = self._submit(f"{self.name}.{self._tries}")
        self.future.add_done_callback(self._ring)

    def _ring(self, _: Any) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    @property
    def handles(self) -> tuple[Any, ...]:
        """What to wait for: the end."""
        return (self._ours,)

    def listen(self) -> bool:
        """Return whether it is over, with what came back."""
        if self.outcome is None:
            self._look()
        if self.outcome is None:
            return False
        self._ours.close()
        self._bell.close()
        return True

    def _look(self) -> None:
        status = self.future.status
        if status == "cancelled":
            self.cut_off = True
            self._lose("the connection to the scheduler was lost")
        elif status in ("finished", "error"):
            try:
                self._take(self.future.result(timeout=2))
            except TimeoutError:  # its worker died before it told: another one does it again
                return
            except Exception as error:
                dead = type(error).__name__ == "KilledWorker"
                self._lose("every worker that ran it was lost" if dead else f"its worker failed: {one_line(error)}")

    def _take(self, found: dict[str, Any]) -> None:
        self.usage, self.known, self.progress = found["usage"], found["known"], found["progress"]
        self.machine, self.address = found["machine"], found["address"]
        self.outcome = found["outcome"]

    def _lose(self, why: str) -> None:
        self.outcome = {"error": {"status": "lost", "reason": why}}

    def hand_over_unless(self, here: frozenset[str]) -> None:
        """Hand it over again where none is left of the workers that it was for, but others are."""
        if self._allowed & here or not here or self.outcome is not None or self.future.done():
            return
        if self._tries > RETRIES:
            self._lose("every worker that ran it was lost")
            return
        self._cancel()
        self._hand_over()

    def stop(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Have it ended; its worker hears of it within the second."""
        if self.outcome is None:
            self.outcome = {"error": {"status": "interrupted", "reason": ""}}
            self._cancel()

    def _cancel(self) -> None:
        with contextlib.suppress(Exception):
            self.future.cancel()


def one_line(error: BaseException) -> str:
    """Return the type of an exception and what it says."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
