"""Random convolutions: features of images that nobody trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genbench.protocol import Array
from genbench_features import RandomConvolutionsConfig

__all__ = ["RandomConvolutions"]

BLOCK = 20_000_000  # numbers at once


class RandomConvolutions:
    """Rectified responses to random 3x3 filters, averaged over the image: half at full, half at half resolution.

    Half of the features of each are means and half standard deviations over the image. Filters are normal numbers less
    their mean, so that they see structure and not brightness; pixels are scaled by the training rows. The features of
    an image do not depend on where things stand in it. Saxe et al. 2011; Rahimi & Recht 2007.
    """

    def __init__(self, config: RandomConvolutionsConfig) -> None:
        self.config = config

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:  # noqa: ARG002 (the contract)
        """Draw the filters; of the training images (n, channels, height, width) only mean and scale are used."""
        self.mean, self.scale = np.array(train.mean()), np.array(train.std() or 1.0)
        count = self.config.filters // 2
        filters = rng.standard_normal((2, (count + 1) // 2, train.shape[1] * 9))
        filters -= filters.mean(2, keepdims=True)
        self.filters = filters / np.linalg.norm(filters, axis=2, keepdims=True)

    def transform(self, rows: Array) -> Array:
        """Return (n, filters) float64."""
        step = max(1, BLOCK // (self.filters.shape[1] * int(np.prod(rows.shape[2:])) * 9))
        return np.concatenate([self._features(rows[i : i + step]) for i in range(0, len(rows), step)])

    def _features(self, rows: Array) -> Array:
        images = (rows - self.mean) / self.scale
        found = []
        for filters, seen in zip(self.filters, (images, _halved(images)), strict=True):
            patches = _patches(seen)  # (n, channels * 9, places)
            response = np.maximum(filters @ patches, 0.0)  # (n, filters, places)
            found += [response.mean(2), response.std(2)]
        return np.concatenate(found, axis=1)[:, : self.config.filters]

    def state(self) -> Mapping[str, Array]:
        """Return what was drawn."""
        return {"mean": self.mean, "scale": self.scale, "filters": self.filters}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take back what was drawn."""
        self.mean, self.scale, self.filters = state["mean"], state["scale"], state["filters"]


def _halved(images: Array) -> Array:
    """Return means over 2x2 pixels; an odd last row or column is left out, and a single one kept."""
    height, width = (max(1, n // 2) for n in images.shape[2:])
    tall, wide = (2 if n > 1 else 1 for n in images.shape[2:])
    cut = images[:, :, : height * tall, : width * wide]
    return np.asarray(cut.reshape(*images.shape[:2], height, tall, width, wide).mean((3, 5)))


def _patches(images: Array) -> Array:
    """Return the 3x3 surroundings of each pixel (n, channels * 9, height * width); edges are repeated."""
    n, channels, height, width = images.shape
    wide = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [wide[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.stack(shifted, axis=2).reshape(n, channels * 9, height * width)
