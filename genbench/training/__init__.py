"""Train and sample one cell: load data, fit, sample, evaluate likelihoods, save.

For models there are ``Average``, a moving average of weights, the schedules ``cosine`` and ``warm_up``, and
``held_out``, which holds rows out of training.
"""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.training.helpers.average import Average
    from genbench.training.helpers.held_out import held_out
    from genbench.training.helpers.one_hot import condition_features
    from genbench.training.helpers.schedules import cosine, warm_up
    from genbench.training.run import Run

__all__ = ["Average", "Run", "condition_features", "cosine", "held_out", "warm_up"]

__getattr__ = lazy(  # loading data needs no training loop
    __name__,
    {
        "Average": "genbench.training.helpers.average",
        "Run": "genbench.training.run",
        "condition_features": "genbench.training.helpers.one_hot",
        "cosine": "genbench.training.helpers.schedules",
        "held_out": "genbench.training.helpers.held_out",
        "warm_up": "genbench.training.helpers.schedules",
    },
)
