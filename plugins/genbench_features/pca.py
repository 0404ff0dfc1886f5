"""Principal components of the training rows, whitened."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genbench.protocol import Array
from genbench_features import PCAConfig

__all__ = ["PCA"]


class PCA:
    """The leading principal components, each divided by its standard deviation over the training rows.

    So all directions count equally, whatever their variance. There are at most ``dimensions`` of them, and not more
    than explain the share ``variance``: the last ones are noise, which whitening would amplify. Hotelling 1933.
    """

    def __init__(self, config: PCAConfig) -> None:
        self.config = config

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:  # noqa: ARG002 (the contract)
        """Compute the components of training rows (n, *shape)."""
        rows = train.reshape(len(train), -1)
        self.mean = rows.mean(0)
        centred = rows - self.mean
        if rows.shape[0] >= rows.shape[1]:
            values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(rows) - 1))
            values, vectors = values[::-1], vectors[:, ::-1]
        else:  # with fewer rows than columns, the same components at less cost
            _, singular, transposed = np.linalg.svd(centred, full_matrices=False)
            values, vectors = singular**2 / max(1, len(rows) - 1), transposed.T
        values = np.maximum(values, 0.0)
        explained = np.cumsum(values) / (values.sum() or 1.0)
        explaining = 1 + int(np.searchsorted(explained, self.config.variance * (1 - 1e-12)))
        rank = int(np.count_nonzero(values > 1e-12 * values[0]))
        kept = max(1, min(self.config.dimensions, explaining, rank))
        # the largest entry is positive, whatever sign the library chose
        signs = np.sign(vectors[np.abs(vectors[:, :kept]).argmax(0), np.arange(kept)])
        self.matrix = vectors[:, :kept] * signs / np.sqrt(np.where(values[:kept] > 0, values[:kept], 1.0))

    def transform(self, rows: Array) -> Array:
        """Return features (n, components), whose mean is 0 and covariance the identity over the training rows."""
        return np.asarray((rows.reshape(len(rows), -1) - self.mean) @ self.matrix)

    def state(self) -> Mapping[str, Array]:
        """Return the fitted arrays."""
        return {"mean": self.mean, "matrix": self.matrix}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the fitted arrays."""
        self.mean, self.matrix = state["mean"], state["matrix"]
