"""Train and sample one cell: load data, fit, sample, evaluate likelihoods, save."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.training.run import Run

__all__ = ["Run"]

__getattr__ = lazy(__name__, {"Run": "genbench.training.run"})  # loading data needs no training loop
