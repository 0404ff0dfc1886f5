"""The limits of a cell: seconds and bytes."""

from __future__ import annotations

from dataclasses import dataclass

MIN_STAGE_S = 0.05  # that each stage gets, so that a cell which has spent its time can still report how it ended


@dataclass(frozen=True)
class Limits:
    """The limits of a cell: its deadline in seconds, of which it has ``spent`` some, and memory in bytes.

    ``memory`` limits all processes of the cell together; None stands for no limit.
    """

    seconds: float | None = None
    memory: int | None = None
    spent: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds from the start of a stage to the deadline, at least ``MIN_STAGE_S``; None without a deadline."""
        return None if self.seconds is None else max(self.seconds - self.spent, MIN_STAGE_S)

    def as_dict(self) -> dict[str, float | None]:
        """Return the limits in the form in which a record holds them."""
        return {"timeout_s": self.seconds, "memory_mb": None if self.memory is None else self.memory / 2**20}
