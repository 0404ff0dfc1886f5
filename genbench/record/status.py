"""How a cell ended: the ten statuses of a record, and what each means for resuming, tables and comparisons."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """How a cell ended; the one place that says which statuses count as what."""

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
        """Whether the cell came to an end of its own: such a record stands on resume, any other cell runs again."""
        return self not in (Status.LOST, Status.INTERRUPTED, Status.SKIPPED)

    @property
    def failed(self) -> bool:
        """Whether the cell came to an end of its own without scores: a failure of the model, ranked last."""
        return self.finished and self is not Status.OK

    @property
    def says_something_of_the_code(self) -> bool:
        """Whether two versions may be compared by it; a cell without an end of its own is absent from all means."""
        return self.finished
