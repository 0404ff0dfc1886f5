"""The rows that a fault changes: a share of them, of which a larger one includes a smaller one."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Array


def choose_rows(rows: Array, size: float, rng: np.random.Generator) -> Array:
    """Return the indices of this share of the rows, at least one; a larger share includes a smaller one."""
    return rng.permutation(len(rows))[: max(1, round(size * len(rows)))]


def replace_rows(rows: Array, chosen: Array, values: Array) -> Array:
    """Return a copy of the rows (n, d) in which those at the indices ``chosen`` (k,) are ``values`` (k, d)."""
    out = rows.copy()
    out[chosen] = values
    return out
