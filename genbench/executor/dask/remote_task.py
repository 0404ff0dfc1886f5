"""A task that was submitted to a Dask scheduler, from the side of the session."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from genbench.process.task import RunningTask, Task

MAX_RESUBMISSIONS = 3  # of a task whose workers have all left


class RemoteTask(RunningTask):
    """A submitted task; ``machine`` and ``address`` are those of the worker that finished it."""

    def __init__(
        self, task: Task, name: str, resource: str, submit: Callable[[str], tuple[Any, frozenset[str]]]
    ) -> None:
        super().__init__(task)
        self.name = name
        self.resource = resource
        self.machine: dict[str, Any] | None = None
        self.address = ""
        self.disconnected = False  # from the scheduler
        self._submit = submit
        self._submissions = 0
        self._wake, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)
        self._start_submission()

    def _start_submission(self) -> None:
        self._submissions += 1
        self.future, self._allowed = self._submit(f"{self.name}.{self._submissions}")
        self.future.add_done_callback(self._wake_up)

    def _wake_up(self, _: Any) -> None:
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"!")

    @property
    def handles(self) -> tuple[Any, ...]:
        """What becomes readable at the end."""
        return (self._wake,)

    def listen(self) -> bool:
        """Return whether the task is over; take its result if so."""
        if self.outcome is None:
            self._check_future()
        if self.outcome is None:
            return False
        self._wake.close()
        self._wake_writer.close()
        return True

    def _check_future(self) -> None:
        status = self.future.status
        if status == "cancelled":
            self.disconnected = True
            self._set_lost("the connection to the scheduler was lost")
        elif status in ("finished", "error"):
            try:
                self._take(self.future.result(timeout=2))
            except TimeoutError:  # its worker died before it sent the result: another one runs the task again
                return
            except Exception as error:
                killed = type(error).__name__ == "KilledWorker"
                self._set_lost(
                    "every worker that ran it was lost" if killed else f"its worker failed: {one_line(error)}"
                )

    def _take(self, result: dict[str, Any]) -> None:
        self.usage, self.known, self.progress = result["usage"], result["known"], result["progress"]
        self.scores, self.clock_problem = result["scores"], result["clock_problem"]
        self.machine, self.address = result["machine"], result["address"]
        self.outcome = result["outcome"]

    def _set_lost(self, reason: str) -> None:
        self.outcome = {"error": {"status": "lost", "reason": reason}}

    def resubmit_if_stranded(self, present: frozenset[str]) -> None:
        """Submit the task again if the workers that it was submitted to have all left, and others are present."""
        if self._allowed & present or not present or self.outcome is not None or self.future.done():
            return
        if self._submissions > MAX_RESUBMISSIONS:
            self._set_lost("every worker that ran it was lost")
            return
        self._cancel()
        self._start_submission()

    def stop(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Have the task ended; its worker notices within a second."""
        if self.outcome is None:
            self.outcome = {"error": {"status": "interrupted", "reason": ""}}
            self._cancel()

    def _cancel(self) -> None:
        with contextlib.suppress(Exception):
            self.future.cancel()


def one_line(error: BaseException) -> str:
    """Return the type and message of an exception as one line of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
