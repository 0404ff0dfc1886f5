"""Count what makes a training step wait for its device: copies to the host, and sizes that depend on values.

Each is found where it is asked for, so that no device is needed: on the CPU the same calls are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode

from genbench.budget import Budget
from genbench.training.run import Run

__all__ = ["WatchedRun"]

TO_HOST = ("cpu", "numpy", "tolist", "__array__")  # methods that copy a tensor to the host
CHECKS_ON_CPU = ("one_hot",)  # functions that read values on the CPU alone, to check them
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "is_nonzero", "equal")


class HostCalls(TorchFunctionMode):
    """Count calls of tensors' methods that copy to the host."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = (resolve_name(func) or "").rpartition(".")[2]
        if name in TO_HOST:
            self.counts[name] += 1
        before = Counter(self.counts)
        out = func(*args, **(kwargs or {}))
        if name in CHECKS_ON_CPU:
            self.counts.clear()
            self.counts.update(before)
        return out


class WaitingOperators(TorchDispatchMode):
    """Count operators that have to know values: to read a number, or for the size of what they return."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        by_mask = name in ("index", "index_put", "index_put_") and any(
            each is not None and each.dtype in (torch.bool, torch.uint8) for each in args[1]
        )
        if name in WAITS or by_mask:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


class WatchedRun(Run):
    """A training whose steps are watched, between the moment a batch is yielded and the next one is asked for."""

    def __init__(self, steps: int, **options: Any) -> None:
        super().__init__(Budget(steps, "steps"), **options)
        self.counts: Counter[str] = Counter()
        self.watched = 0

    def batches(self, rows: Any, size: int, **options: Any) -> Iterator[Any]:
        """Yield the batches."""
        yield from self._watched(super().batches(rows, size, **options))

    def steps(self, **options: Any) -> Iterator[int]:
        """Yield the numbers of the steps."""
        yield from self._watched(super().steps(**options))

    def _watched(self, loop: Iterator[Any]) -> Iterator[Any]:
        for each in loop:
            self.watched += 1
            with ExitStack() as modes:
                modes.enter_context(HostCalls(self.counts))
                modes.enter_context(WaitingOperators(self.counts))
                yield each
