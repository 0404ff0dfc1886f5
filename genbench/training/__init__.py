"""Train and sample one cell: load data, fit, sample, evaluate likelihoods, save."""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.training.one_hot import condition_features
    from genbench.training.run import Run

__all__ = ["Run", "condition_features"]

__getattr__ = lazy(
    __name__, {"Run": "genbench.training.run", "condition_features": "genbench.training.one_hot"}
)  # loading data needs no training loop
