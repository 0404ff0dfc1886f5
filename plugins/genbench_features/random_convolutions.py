"""Random convolutions: features of images without training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genbench.protocol import Array
from genbench_features import RandomConvolutionsConfig

__all__ = ["RandomConvolutions"]

BLOCK_VALUES = 20_000_000  # of patches in memory at once


class RandomConvolutions:
    """Rectified responses to random 3x3 filters, averaged over the image: half at full, half at half resolution.

    At each resolution half of the features are means and half are standard deviations over the image. Filters are
    normal random numbers minus their mean, so that they respond to structure and not to brightness; pixels are scaled
    by the training rows. Features do not depend on the position of objects in the image. Saxe et al. 2011; Rahimi &
    Recht 2007.
    """

    def __init__(self, config: RandomConvolutionsConfig) -> None:
        self.config = config

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:  # noqa: ARG002 (the contract)
        """Draw the filters; of training images (n, channels, height, width) only mean and scale are used."""
        self.mean, self.scale = np.array(train.mean()), np.array(train.std() or 1.0)
        count = self.config.filters // 2
        filters = rng.standard_normal((2, (count + 1) // 2, train.shape[1] * 9))
        filters -= filters.mean(2, keepdims=True)
        self.filters = filters / np.linalg.norm(filters, axis=2, keepdims=True)

    def transform(self, rows: Array) -> Array:
        """Return features (n, filters), float64."""
        step = max(1, BLOCK_VALUES // (self.filters.shape[1] * int(np.prod(rows.shape[2:])) * 9))
        return np.concatenate([self._features(rows[i : i + step]) for i in range(0, len(rows), step)])

    def _features(self, rows: Array) -> Array:
        images = (rows - self.mean) / self.scale
        features = []
        for filters, resized in zip(self.filters, (images, _halved(images)), strict=True):
            patches = _patches(resized)  # (n, channels * 9, positions)
            response = np.maximum(filters @ patches, 0.0)  # (n, filters, positions)
            features += [response.mean(2), response.std(2)]
        return np.concatenate(features, axis=1)[:, : self.config.filters]

    def state(self) -> Mapping[str, Array]:
        """Return the fitted arrays."""
        return {"mean": self.mean, "scale": self.scale, "filters": self.filters}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the fitted arrays."""
        self.mean, self.scale, self.filters = state["mean"], state["scale"], state["filters"]


def _halved(images: Array) -> Array:
    """Return means over 2x2 pixels; an odd last row or column is left out, unless it is the only one."""
    height, width = (max(1, n // 2) for n in images.shape[2:])
    rows, columns = (2 if n > 1 else 1 for n in images.shape[2:])  # of the image in one pixel of the result
    cropped = images[:, :, : height * rows, : width * columns]
    return np.asarray(cropped.reshape(*images.shape[:2], height, rows, width, columns).mean((3, 5)))


def _patches(images: Array) -> Array:
    """Return the 3x3 patch around each pixel (n, channels * 9, height * width); pixels at the edge are repeated."""
    n, channels, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.stack(shifted, axis=2).reshape(n, channels * 9, height * width)
