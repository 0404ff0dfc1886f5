"""What ``fit`` receives beside the data: the device, the training loop, the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, overload

if TYPE_CHECKING:
    import torch

__all__ = ["RunContext", "Sampler"]

Sampler = Callable[..., "torch.Tensor"]  # n -> (n, *shape); n, conditions -> (n, *shape)


class RunContext(Protocol):
    """What ``fit`` receives from the core: device, precision, loop, log; ``genbench.training.Run`` implements it."""

    device: torch.device
    precision: str  # fp32, or bf16: what is computed in its loops is then cast automatically, where that pays

    @property
    def progress(self) -> float:
        """Fraction of the budget that is spent, or of the stage that is entered, 0 to 1: for schedules."""
        ...

    @overload
    def batches(
        self, rows: torch.Tensor, size: int, *, sample: Sampler | None = None, dequantise: bool = True
    ) -> Iterator[torch.Tensor]: ...

    @overload
    def batches(
        self,
        rows: tuple[torch.Tensor | None, ...],
        size: int,
        *,
        sample: Sampler | None = None,
        dequantise: bool = True,
    ) -> Iterator[tuple[Any, ...]]: ...

    def batches(self, rows: Any, size: int, *, sample: Sampler | None = None, dequantise: bool = True) -> Iterator[Any]:
        """Yield shuffled batches (size, *shape) until the budget, or the stage, is spent; one batch is one step.

        Of a tuple of tensors of equally many rows, the batches are tuples of the same rows of each; None in it stays
        None. Rows of integer images are dequantised anew in each batch, unless ``dequantise`` is False; other tensors
        (codes, hidden activations) are passed on as they are. A loop that is left has taken the step it was left in.

        A model that can draw samples between two steps, as its method ``sample`` does after training, passes a
        function ``sample(n)``: the core then takes a few snapshots, with its clock stopped, and the report shows
        quality against training time.
        """
        ...

    def stage(self, share: float) -> AbstractContextManager[None]:
        """Give a block a share of the whole budget: its loops end with it, and ``progress`` is its own, 0 to 1.

        Stages follow each other, and their shares sum to at most 1; what one leaves is there for those after it.
        """
        ...

    def steps(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> Iterator[int]:
        """Yield the number of each step until the budget is spent, for a model that draws its own batches.

        A budget in epochs needs ``per_epoch``, the steps of one.
        """
        ...

    def step(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> bool:
        """Count one step that a library has taken, and return whether the budget allows another: for callbacks."""
        ...

    def log(self, **values: float | torch.Tensor) -> None:
        """Record the loss and other curves; tensors are read later, so that steps do not wait for the device."""
        ...

    def report(self, **facts: float | torch.Tensor) -> None:
        """Record finite numbers that the model knows of itself, such as the number of its function evaluations."""
        ...
