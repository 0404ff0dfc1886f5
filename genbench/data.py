"""Tools for authors of datasets: split rows into train, test and reference, and hash the splits."""

from __future__ import annotations

import hashlib

import numpy as np

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.protocol import Array, Data

__all__ = ["fingerprint", "split"]

SPLIT_FRACTIONS = (0.70, 0.15, 0.15)
MIN_ROWS = 20


def split(rows: Array, sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the indices of disjoint train, test and reference rows; of equal rows only the first is used.

    ``rows`` are (n, *shape). Each split has at most the requested size; if there are too few rows, the splits share
    them 70 : 15 : 15. Raises DataError for fewer than 20 distinct rows.
    """
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    _, first = np.unique(flat.view([("", flat.dtype)] * flat.shape[1]).ravel(), return_index=True)
    if len(first) < MIN_ROWS:
        raise DataError(
            f"{len(first)} distinct rows are too few to train, test and compare: at least {MIN_ROWS} needed"
        )
    order = rng.permutation(np.sort(first))
    wanted = np.array([sizes.train, sizes.test, sizes.reference])
    if wanted.sum() > len(order):
        wanted = np.minimum(wanted, np.floor(np.array(SPLIT_FRACTIONS) * len(order)).astype(int))
    train, test, reference = wanted
    return order[:train], order[train : train + test], order[train + test : train + test + reference]


def fingerprint(data: Data) -> str:
    """Return the sha256 of the dtypes, shapes and bytes of the three splits."""
    digest = hashlib.sha256()
    for rows in (data.train, data.test, data.reference):
        digest.update(f"{rows.dtype.str}{rows.shape}".encode())
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()
