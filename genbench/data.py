"""From a dataset's own units to the space a model learns in, and back: splits, standardisation, dequantisation.

Everything is fitted on the training rows alone, and each map knows its Jacobian, so that a likelihood is always told in
the data's own units.
"""

from __future__ import annotations

import hashlib

import numpy as np

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.protocol import Array, Data

__all__ = ["fingerprint", "split"]

SHARES = (0.70, 0.15, 0.15)
FEWEST_ROWS = 20


def split(rows: Array, sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the indices of disjoint train, test and reference rows; of equal rows only the first is used.

    Each split has at most the size asked for, and where the rows do not suffice the splits share them 70 : 15 : 15.
    Raises DataError where fewer than 20 distinct rows are left.
    """
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    _, first = np.unique(flat.view([("", flat.dtype)] * flat.shape[1]).ravel(), return_index=True)
    if len(first) < FEWEST_ROWS:
        raise DataError(
            f"{len(first)} distinct rows are too few to train, test and compare: at least {FEWEST_ROWS} needed"
        )
    order = rng.permutation(np.sort(first))
    wanted = np.array([sizes.train, sizes.test, sizes.reference])
    if wanted.sum() > len(order):
        wanted = np.minimum(wanted, np.floor(np.array(SHARES) * len(order)).astype(int))
    train, test, reference = wanted
    return order[:train], order[train : train + test], order[train + test : train + test + reference]


def fingerprint(data: Data) -> str:
    """Return the sha256 of the three splits: dtype, shape and bytes."""
    digest = hashlib.sha256()
    for rows in (data.train, data.test, data.reference):
        digest.update(f"{rows.dtype.str}{rows.shape}".encode())
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()
