"""What ``fit`` receives beside the data: batches on the device, a budget, and a log that does not stall the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import torch

from genbench.budget import Budget
from genbench.errors import Diverged
from genbench.protocol import Sampler
from genbench.training.snapshots import Snapshots

Listener = Callable[[int, int | None, dict[str, float]], None]
LOG_INTERVAL_S = 0.25  # between two reads of logged tensors: only then may a step wait for the device


class Run:
    """One training: the budget, the loop and the log of one cell.

    ``listener(step, steps, values)`` is called a few times a second; ``trace`` keeps (seconds, step, values). A loss
    that is not finite ends the training with Diverged. ``levels`` is given for integer images, whose rows are
    dequantised anew in each batch. ``snapshots`` are taken of a model that passes a sampler to ``batches``; the clock
    is paused meanwhile.
    """

    def __init__(
        self,
        budget: Budget,
        device: torch.device | str = "cpu",
        *,
        levels: int | None = None,
        listener: Listener | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.budget = budget
        self.device = torch.device(device)
        self.steps = 0
        self.trace: list[tuple[float, int, dict[str, float]]] = []
        self._levels = levels
        self._listener = listener
        self._snapshots = snapshots
        self._limit: int | None = None
        self._latest: dict[str, float | torch.Tensor] = {}
        self._start = self._last_read = time.perf_counter()

    @property
    def progress(self) -> float:
        """Fraction of the budget that is used, 0 to 1."""
        if self._limit is not None:
            return min(1.0, self.steps / self._limit)
        return min(1.0, self.elapsed / self.budget.amount)

    @property
    def elapsed(self) -> float:
        """Seconds since training began, less those of snapshots."""
        return time.perf_counter() - self._start

    def batches(self, rows: torch.Tensor, size: int, *, sample: Sampler | None = None) -> Iterator[torch.Tensor]:
        """Yield shuffled batches (size, *shape) of ``rows`` until the budget ends.

        Fewer rows than ``size`` are one batch. Each epoch is a new permutation without an incomplete last batch. A
        second loop continues with the rest of the budget. With ``sample``, snapshots are taken on the way.
        """
        size = min(size, len(rows))
        per_epoch = len(rows) // size
        if self._limit is None and self.budget.unit != "s":
            self._limit = self.budget.steps(per_epoch)
        seconds = self.budget.amount if self.budget.unit == "s" else math.inf
        draw = self._dequantised if self._levels else torch.Tensor.index_select
        while True:
            order = torch.randperm(len(rows), device=rows.device)
            for index in order[: per_epoch * size].view(per_epoch, size).unbind():
                if self._limit is not None and self.steps >= self._limit:
                    return self._read_log()
                now = time.perf_counter()
                if now - self._last_read > LOG_INTERVAL_S:
                    self._read_log()
                if now - self._start >= seconds:
                    return self._read_log()
                if sample is not None and self._snapshots is not None and self.progress >= self._snapshots.due:
                    self._take_snapshot(self._snapshots, sample)
                yield draw(rows, 0, index)
                self.steps += 1

    def _take_snapshot(self, snapshots: Snapshots, sample: Sampler) -> None:
        seconds = snapshots.take(sample, self._start, self.steps, self.progress)
        self._start += seconds  # as if the clock had been paused
        self._last_read += seconds

    def _dequantised(self, rows: torch.Tensor, dim: int, index: torch.Tensor) -> torch.Tensor:
        assert self._levels is not None
        half = self._levels / 2  # a grey level is 1/half wide in [-1, 1]
        floor = rows.index_select(dim, index).add_(1).mul_(half).floor_()
        return floor.add_(torch.rand_like(floor)).div_(half).sub_(1)

    def log(self, **values: float | torch.Tensor) -> None:
        """Log values of this step; tensors are detached and read a few times a second."""
        self._latest = values

    def _read_log(self) -> None:
        values = {k: float(v.detach()) if isinstance(v, torch.Tensor) else float(v) for k, v in self._latest.items()}
        self._last_read = time.perf_counter()
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at step {self.steps}")
        self.trace.append((self._last_read - self._start, self.steps, values))
        if self._listener is not None:
            self._listener(self.steps, self._limit, values)
