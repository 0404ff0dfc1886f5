"""The ten statuses of a record, and what each means for resuming, tables and comparisons."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How a cell ended."""

    OK = "ok"
    INVALID = "invalid"
    DIVERGED = "diverged"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OOM = "oom"
    CRASHED = "crashed"
    LOST = "lost"  # the machine's fault: its worker or the watching process died
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def finished(self) -> bool:
        """Whether the outcome is the cell's own: a resumed run keeps such records and repeats all other cells."""
        return self not in (Status.LOST, Status.INTERRUPTED, Status.SKIPPED)

    @property
    def failed(self) -> bool:
        """Whether the cell finished without scores: a failure of the model, which is ranked last."""
        return self.finished and self is not Status.OK

    @property
    def says_something_of_the_code(self) -> bool:
        """Whether the status may be used to compare two versions of the code; other cells are left out of all means."""
        return self.finished


STATUSES = tuple(Status)
