"""Train and sample one cell: load data, fit, sample, evaluate likelihoods, save.

``Run`` is imported on first use: loading data needs no training loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.training.run import Run

__all__ = ["Run"]


def __getattr__(name: str) -> Any:
    if name != "Run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from genbench.training.run import Run

    return Run
