"""What a cell may take: seconds and bytes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MIN_STAGE_S", "Limits"]

MIN_STAGE_S = 0.05  # seconds that a stage has at least, also of a cell that has spent its time


@dataclass(frozen=True)
class Limits:
    """What a cell may take: seconds, of which it ``spent`` some before, and bytes of all its processes together."""

    seconds: float | None = None
    memory: int | None = None
    spent: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the deadline, when the stage begins; a moment at least, so that it says how it ended."""
        return None if self.seconds is None else max(self.seconds - self.spent, MIN_STAGE_S)

    def as_dict(self) -> dict[str, float | None]:
        """Return them as a record holds them."""
        return {"timeout_s": self.seconds, "memory_mb": None if self.memory is None else self.memory / 2**20}
