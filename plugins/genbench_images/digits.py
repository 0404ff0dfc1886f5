"""The digits of scikit-learn: 1,797 images of 8x8 pixels with values from 0 to 16."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.datasets import load_digits

from genbench.budget import Sizes
from genbench.protocol import Array, Data
from genbench_images import DigitsConfig
from genbench_images.labelled import split_images

__all__ = ["BinaryDigits", "Digits"]

INK = 8  # the least of the 17 grey levels that is ink in a binary image


class Digits:
    """Optical recognition of handwritten digits (Alpaydin & Kaynak 1998), the test set of the UCI repository."""

    def __init__(self, config: DigitsConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits of images (n, 1, 8, 8) with 17 grey levels, labelled 0 .. 9, perhaps one digit as outliers."""
        bunch = load_digits()
        if self.config.outliers is None:
            return split_images(bunch.images, bunch.target, 17, sizes, rng, self.config.given)
        other = bunch.target == self.config.outliers
        data = split_images(bunch.images[~other], bunch.target[~other], 17, sizes, rng, self.config.given)
        outliers = bunch.images[other][:, None].astype(np.uint8)
        outliers = outliers[rng.permutation(len(outliers))[: sizes.test]]
        conditions = data.conditions
        if conditions is not None:  # each is given as one of the other digits
            conditions = {**conditions, "outliers": rng.choice(conditions["test"], len(outliers))}
        return replace(data, outliers=outliers, conditions=conditions)


class BinaryDigits(Digits):
    """The same images in the same splits, of two levels: pixels of 8 and more, of 16, are ink."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits of images (n, 1, 8, 8) of 0 and 1, with the labels, conditions and outliers of ``Digits``."""
        data = super().load(sizes, rng)
        return replace(
            data,
            train=_ink(data.train),
            test=_ink(data.test),
            reference=_ink(data.reference),
            outliers=None if data.outliers is None else _ink(data.outliers),
            levels=2,
        )


def _ink(images: Array) -> Array:
    """Return 1 where images (n, 1, height, width) have ink, and else 0."""
    binary: Array = (images >= INK).astype(np.uint8)
    return binary
