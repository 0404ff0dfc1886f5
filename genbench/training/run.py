"""What ``fit`` receives beside the data: batches on the device, a budget, and a log that does not stall the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, overload

import torch

from genbench.budget import Budget
from genbench.errors import Diverged
from genbench.protocol import Sampler
from genbench.training.dequantise import Dequantiser
from genbench.training.snapshots import Snapshots
from genbench.training.spending import Spending

Listener = Callable[[int, int | None, dict[str, float]], None]
Rows = torch.Tensor | None
LOG_INTERVAL_S = 0.25  # between two reads of logged tensors: only then may a step wait for the device


class Run:
    """One training: the budget, the loop, the log and the facts of one cell.

    ``listener(step, steps, values)`` is called a few times a second; ``trace`` keeps (seconds, step, values). A loss
    that is not finite ends the training with Diverged. ``levels`` is given for integer images, whose rows are
    dequantised anew in each batch; they are recognised by the training rows ``train``. ``snapshots`` are taken of a
    model that passes a sampler to its loop; the clock is paused meanwhile. With the precision ``bf16``, what a loop
    computes is cast automatically.
    """

    def __init__(
        self,
        budget: Budget,
        device: torch.device | str = "cpu",
        *,
        levels: int | None = None,
        train: torch.Tensor | None = None,
        listener: Listener | None = None,
        snapshots: Snapshots | None = None,
        precision: str = "fp32",
    ) -> None:
        self.budget = budget
        self.device = torch.device(device)
        self.precision = precision
        self.trace: list[tuple[float, int, dict[str, float]]] = []
        self.facts: dict[str, float] = {}
        self._dequantiser = Dequantiser(levels, train) if levels else None
        self._listener = listener
        self._snapshots = snapshots
        self._in_step = False
        self._cast = _cast_to_bf16(self.device) if precision == "bf16" else None
        self._latest: dict[str, float | torch.Tensor] = {}
        self._unread = False
        self._spending = Spending(budget)
        self._last_read = self._spending.start

    @property
    def steps_taken(self) -> int:
        """The number of steps that are finished, in all loops and stages."""
        return self._spending.steps

    @property
    def progress(self) -> float:
        """Fraction of the budget that is used, 0 to 1; within a stage, of that stage."""
        return self._spending.progress

    @property
    def elapsed(self) -> float:
        """Seconds since training began, less those of snapshots."""
        return self._spending.elapsed

    @overload
    def batches(
        self, rows: torch.Tensor, size: int, *, sample: Sampler | None = None, dequantise: bool = True
    ) -> Iterator[torch.Tensor]: ...

    @overload
    def batches(
        self, rows: tuple[Rows, ...], size: int, *, sample: Sampler | None = None, dequantise: bool = True
    ) -> Iterator[tuple[Any, ...]]: ...

    def batches(
        self,
        rows: torch.Tensor | tuple[Rows, ...],
        size: int,
        *,
        sample: Sampler | None = None,
        dequantise: bool = True,
    ) -> Iterator[Any]:
        """Yield shuffled batches (size, *shape) of ``rows`` until the budget, or the stage, ends.

        Of a tuple of tensors, tuples of the same rows of each are yielded, and None of None. Fewer rows than ``size``
        are one batch. Each epoch is a new permutation without an incomplete last batch. A second loop continues with
        the rest of the budget; a loop that is left has taken the step that it was left in. With ``sample``, snapshots
        are taken on the way. Integer images are dequantised anew, other tensors are passed on as they are;
        ``dequantise=False`` passes on all. Raises ValueError for no rows, and for tensors of different lengths.
        """
        parts = rows if isinstance(rows, tuple) else (rows,)
        n, device = _length(parts)
        size = min(size, n)
        per_epoch = n // size
        self._begin_loop(per_epoch)
        draws = [self._draw_of(part, dequantise=dequantise) for part in parts]
        while True:
            order = torch.randperm(n, device=device)
            for index in order[: per_epoch * size].view(per_epoch, size).unbind():
                if not self._begin_step(sample):
                    return
                batch = tuple(draw(index) for draw in draws)
                self._enter_step()
                try:
                    yield batch if isinstance(rows, tuple) else batch[0]
                finally:  # also where the loop is left
                    self._end_step()

    def _draw_of(self, rows: Rows, *, dequantise: bool) -> Callable[[torch.Tensor], Rows]:
        if rows is None:
            return lambda _: None
        if dequantise and self._dequantiser is not None and self._dequantiser.recognises(rows):
            dequantiser = self._dequantiser
            return lambda index: dequantiser.draw(rows, index)
        return lambda index: rows.index_select(0, index)

    def steps(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> Iterator[int]:
        """Yield the number of each step, for a model that draws its own batches, until the budget or the stage ends.

        A budget in epochs needs ``per_epoch``, the steps of one; without it UserError is raised.
        """
        self._begin_loop(per_epoch)
        while self._begin_step(sample):
            self._enter_step()
            try:
                yield self.steps_taken
            finally:
                self._end_step()

    def step(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> bool:
        """Count one finished step of a loop that a library runs, and return whether the budget allows another one.

        It is for callbacks: a library that is told so, or by an exception, stops where this returns False.
        """
        self._end_step()
        self._spending.begin_loop(per_epoch)
        self._spending.steps += 1
        return self._begin_step(sample)

    @contextmanager
    def stage(self, share: float) -> Iterator[None]:
        """Give the block a share of the whole budget: its loops end with it, and ``progress`` is its own, 0 to 1.

        What a stage leaves unused is there for those after it. Raises RuntimeError within another stage, and
        ValueError where the shares of all stages sum to more than 1.
        """
        self._end_step()
        self._read_unread()
        self._spending.enter_stage(share)
        try:
            yield
        finally:
            self._end_step()
            self._spending.leave_stage()

    def log(self, **values: float | torch.Tensor) -> None:
        """Log values of this step; tensors are detached and read a few times a second."""
        self._latest, self._unread = values, True

    def report(self, **facts: float | torch.Tensor) -> None:
        """Record facts of the model, such as the number of its function evaluations; the last value of a name counts.

        Raises ValueError for what is not one finite number.
        """
        for name, fact in facts.items():
            try:
                value = float(fact)
            except (TypeError, ValueError, RuntimeError):  # the last one is torch's, for a tensor of many
                raise ValueError(f"run.report({name}=...): expected one number, got {type(fact).__name__}") from None
            if not math.isfinite(value):
                raise ValueError(f"run.report({name}=...): expected a finite number, got {value}")
            self.facts[name] = value

    def finish(self) -> None:
        """End the last step and read what was logged after it; raises Diverged where that is not finite."""
        self._end_step()
        self._read_unread()

    def _begin_loop(self, per_epoch: int | None) -> None:
        self._end_step()
        self._read_unread()
        self._spending.begin_loop(per_epoch)

    def _begin_step(self, sample: Sampler | None) -> bool:
        """Return whether the budget allows another step, after a read of the log and a snapshot where they are due."""
        self._end_step()  # of another loop, which was left without being closed
        if self._spending.is_over:
            self._read_log()
            return False
        if time.perf_counter() - self._last_read > LOG_INTERVAL_S:
            self._read_log()
        if sample is not None and self._snapshots is not None and self._spending.share >= self._snapshots.due:
            self._take_snapshot(self._snapshots, sample)
        return True

    def _enter_step(self) -> None:
        self._in_step = True
        if self._cast is not None:
            self._cast.__enter__()  # type: ignore[no-untyped-call]

    def _end_step(self) -> None:
        if self._in_step:
            self._in_step = False
            if self._cast is not None:
                self._cast.__exit__(None, None, None)
            self._spending.steps += 1

    def abandon(self) -> None:
        """End the step in which a model raised an error, so that what follows is not cast."""
        self._end_step()

    def _take_snapshot(self, snapshots: Snapshots, sample: Sampler) -> None:
        spending = self._spending
        seconds = snapshots.take(sample, spending.start, spending.steps, spending.share)
        spending.pause(seconds)
        self._last_read += seconds

    def _read_unread(self) -> None:
        if self._unread:
            self._read_log()

    def _read_log(self) -> None:
        values = {k: float(v.detach()) if isinstance(v, torch.Tensor) else float(v) for k, v in self._latest.items()}
        self._last_read, self._unread = time.perf_counter(), False
        spending = self._spending
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at step {spending.steps}")
        self.trace.append((self._last_read - spending.start, spending.steps, values))
        if self._listener is not None:
            self._listener(spending.steps, spending.limit, values)


def _cast_to_bf16(device: torch.device) -> torch.autocast:
    """Return the cast of a step; weights are cast wherever they are used, as a step may change them several times."""
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def _length(parts: tuple[Rows, ...]) -> tuple[int, torch.device]:
    """Return the number of rows that all tensors have, and their device; raises ValueError where they differ."""
    tensors = [part for part in parts if part is not None]
    lengths = {len(part) for part in tensors}
    if len(lengths) != 1 or lengths == {0}:
        found = ", ".join("None" if part is None else str(tuple(part.shape)) for part in parts)
        raise ValueError(f"run.batches: expected tensors of equally many rows, at least one, got ({found})")
    return lengths.pop(), tensors[0].device
