"""The fault that takes from three columns what they share beyond pairs: each two of them keep their joint law.

Columns are split at their medians into signs. Of three signs whose margins are balanced, the mean product is what the
pairs do not explain. Four rows, one of each pair of signs of the first two columns, all with the same product, change
their products when the values of the third column are exchanged among them; every table of two signs stays the same.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

MAX_TRIPLES = 2000  # of columns that are looked at
MAX_MATCHED_ROWS = 1000  # of each pair of signs, that are matched at once
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # signs of the first two columns


def lost_triple_dependence(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Take this share of the dependence of three columns that no two of them show; their pairs stay dependent."""
    triple, _ = strongest_triple(real)
    centred = rows - np.median(real.train, axis=0)
    signs = np.where(centred > 0, 1, -1)
    product = signs[:, triple].prod(1)
    excess = product.sum()
    corners = [
        rng.permutation(
            np.flatnonzero(
                (signs[:, triple[:2]] == corner).all(1) & (product == (1 if excess > 0 else -1))  # rows in excess
            )
        )
        for corner in CORNERS
    ]
    fours = _matched(_features(rows, centred, triple, real), corners)
    # an exchange changes four products, each by 2
    first, second, third, fourth = fours[: round(size * abs(excess) / 8)].T
    out, column = rows.copy(), triple[2]
    for one, other in ((first, second), (third, fourth)):
        out[one, column], out[other, column] = rows[other, column], rows[one, column]
    return out


def strongest_triple(real: RealRows) -> tuple[list[int], float]:
    """Return the three columns whose signs have the largest mean product in the training rows, and z of that mean.

    z is 0 for fewer than three columns that vary, and less than 0 where the largest of as many independent means would
    be larger.
    """
    triples = np.array(list(combinations(real.varying, 3)), dtype=np.intp).reshape(-1, 3)
    if not len(triples):
        return [], 0.0
    if len(triples) > MAX_TRIPLES:
        triples = triples[np.linspace(0, len(triples) - 1, MAX_TRIPLES).astype(int)]
    signs = np.where(real.train > np.median(real.train, axis=0), 1.0, -1.0)
    means = np.array([abs((signs[:, i] * signs[:, j] * signs[:, k]).mean()) for i, j, k in triples])
    best = int(means.argmax())
    return triples[best].tolist(), float(means[best] * math.sqrt(len(signs)) - math.sqrt(2 * math.log(len(triples))))


def _features(rows: Array, centred: Array, triple: list[int], real: RealRows) -> Array:
    """Return what four rows should have in common (n, .): how far the three are from their medians, and the others."""
    far = np.apply_along_axis(rankdata, 0, np.abs(centred[:, triple])) / len(rows)
    others = [column for column in real.varying if column not in triple]
    # ranks spread by .29, the others by 1
    return np.concatenate([far, 0.29 * rows[:, others] / real.scale[others]], axis=1)


def _matched(features: Array, corners: list[Array]) -> Array:
    """Return fours of rows (k, 4) that are alike, one of each corner, each row at most once."""
    count = min(map(len, corners))
    parts = max(1, math.ceil(max(map(len, corners)) / MAX_MATCHED_ROWS))
    found = [np.empty((0, 4), np.intp)]
    for part in zip(*(np.array_split(corner, parts) for corner in corners), strict=True):
        base = part[0][: min(map(len, part))]
        others = [other[linear_sum_assignment(cdist(features[base], features[other]))[1]] for other in part[1:]]
        found.append(np.stack([base, *others], axis=1))
    return np.concatenate(found)[:count]
