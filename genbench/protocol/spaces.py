"""What a feature space must have."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from genbench.protocol.datasets import Array


class FeatureSpace(Protocol):
    """A space that metrics may be taken in: built from its config, fitted on training rows, then fixed.

    Rows are float64 in the core's standard space: vectors (n, d) standardised by the training rows, images
    (n, channels, height, width) with pixels in [0, 1]. If it has ``state()``, which returns a mapping of names to
    arrays, and ``restore(state)``, the core stores the fitted state, so that it is fitted once for all models of a run.
    """

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Fit the space to training rows; ``labels`` (n,) are integers, None where the data have none."""
        ...

    def transform(self, rows: Array) -> Array:
        """Return the features (n, features) of rows as float64; those of a row do not depend on other rows."""
        ...
