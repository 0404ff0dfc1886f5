"""Finite sets of labelled images: split, copies of an image on one side."""

from __future__ import annotations

import numpy as np

from genbench.budget import Sizes
from genbench.data import split
from genbench.protocol import Array, Column, Data

__all__ = ["split_images"]


def split_images(
    images: Array, labels: Array, levels: int, sizes: Sizes, rng: np.random.Generator, given: str = ""
) -> Data:
    """Return disjoint splits of images (n, height, width) of 0 .. levels - 1, with labels (n,).

    With ``given="label"`` the labels are their conditions, too.
    """
    rows = images[:, None].astype(np.uint8)  # (n, 1, height, width)
    parts = dict(zip(("train", "test", "reference"), split(rows, sizes, rng), strict=True))
    conditions: dict[str, Array] | None = None
    columns: tuple[Column, ...] = ()
    if given == "label":
        names, codes = np.unique(labels, return_inverse=True)
        conditions = {name: codes[index][:, None].astype(np.float64) for name, index in parts.items()}
        columns = (Column("label", kind="category", levels=tuple(str(name) for name in names)),)
    return Data(
        *(rows[index] for index in parts.values()),
        levels=levels,
        labels={name: labels[index].astype(np.int64) for name, index in parts.items()},
        conditions=conditions,
        condition_columns=columns,
    )
