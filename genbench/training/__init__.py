"""Train and sample one cell: load data, fit, sample, evaluate likelihoods, save.

For models there are ``Average``, a moving average of weights, the schedules ``cosine`` and ``warm_up``, ``held_out``,
which holds rows out of training, and ``to_arrays`` and ``from_arrays``, for a model's ``state`` and ``restore``.
"""

from typing import TYPE_CHECKING

from genbench.lazy import lazy

if TYPE_CHECKING:
    from genbench.training.helpers.average import Average
    from genbench.training.helpers.held_out import held_out
    from genbench.training.helpers.one_hot import condition_features
    from genbench.training.helpers.schedules import cosine, warm_up
    from genbench.training.helpers.state import from_arrays, to_arrays
    from genbench.training.run import Run

__all__ = ["Average", "Run", "condition_features", "cosine", "from_arrays", "held_out", "to_arrays", "warm_up"]

__getattr__ = lazy(  # loading data needs no training loop
    __name__,
    {
        "Average": "genbench.training.helpers.average",
        "Run": "genbench.training.run",
        "condition_features": "genbench.training.helpers.one_hot",
        "cosine": "genbench.training.helpers.schedules",
        "from_arrays": "genbench.training.helpers.state",
        "held_out": "genbench.training.helpers.held_out",
        "to_arrays": "genbench.training.helpers.state",
        "warm_up": "genbench.training.helpers.schedules",
    },
)
