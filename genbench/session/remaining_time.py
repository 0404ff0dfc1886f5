"""How long a run will still take, from the estimates of its cells and the time that it has taken so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

ESTIMATE_WEIGHT_S = 10.0  # seconds of work for which the estimates count as much as what has been measured


class RemainingTime:
    """Counts down the time left of a run, which every cell that ends corrects.

    ``estimates`` are the seconds that each cell is expected to take, by its key; ``jobs`` run at a time.
    """

    def __init__(
        self, estimates: Mapping[str, float], jobs: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = dict(estimates)
        self._total = sum(self._left.values())
        self._jobs = max(1, jobs)
        self._done_shares: dict[str, float] = {}
        self._clock = clock
        self._start = clock()
        self._end: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    @property
    def seconds(self) -> float | None:
        """Seconds left: None until a cell has ended, then counted down from one to the next; 0 at the end."""
        if self._end is None or not self._left:
            return None if self._left else 0.0
        if self._end <= self._clock():  # it takes longer than was expected
            self._correct()
        return self._end - self._clock()

    def progress(self, key: str, share: float) -> None:
        """Note which share of a running cell is done."""
        if key in self._left:
            self._done_shares[key] = min(max(share, 0.0), 1.0)

    def finish(self, key: str) -> None:
        """Note that a cell has ended, and correct the time left."""
        self._left.pop(key, None)
        self._done_shares.pop(key, None)
        self._correct()

    def _correct(self) -> None:
        left = [seconds * (1.0 - self._done_shares.get(key, 0.0)) for key, seconds in self._left.items()]
        done = self._total - sum(left)
        slots = min(self._jobs, max(1, len(left)))
        factor = (self.elapsed * self._jobs + ESTIMATE_WEIGHT_S) / (done + ESTIMATE_WEIGHT_S)
        self._end = self._clock() + factor * max(sum(left) / slots, max(left, default=0.0))
