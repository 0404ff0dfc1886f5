"""Real rows of known laws for the tests of faults: tables with columns of every kind, and images."""

from __future__ import annotations

import numpy as np

from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

TABLE_ROWS, IMAGE_ROWS = 600, 400
ANGLE, COUNT = 3, 4  # columns of a table
LEVELS = 17  # of the images


def table(n: int, rng: np.random.Generator) -> Array:
    """Return rows of two modes (n, 5): a triple that only all three show, an angle in radians, a positive column.

    The sign of the third column is the product of the signs of the first two; the last, exponential, grows with the
    first.
    """
    rows = rng.standard_normal((n, 5))
    rows[:, 2] = np.abs(rows[:, 2]) * np.sign(rows[:, 0] * rows[:, 1])
    rows[:, ANGLE] = rng.uniform(-np.pi, np.pi, n)
    rows[:, COUNT] = rng.exponential(np.exp(0.5 * rows[:, 0]))
    return rows


def table_ground(n: int = TABLE_ROWS) -> RealRows:
    """Return training and spare rows of the table, with modes on both sides of the first column's zero."""
    train, spare = (table(count, np.random.default_rng(seed)) for seed, count in ((1, n), (2, 5 * n)))
    period = np.full(5, np.nan)
    period[ANGLE] = 2 * np.pi
    known = np.concatenate([spare, table(n, np.random.default_rng(3))])
    classes = {row.tobytes(): int(row[1] > 0) for row in known}
    centres = np.array([[-1.0, 0, 0, 0, 1], [1.0, 0, 0, 0, 1]])
    return RealRows(train, spare, centres, train.std(0), period=period, zero=np.zeros(5), classes=classes)


def images(n: int, rng: np.random.Generator) -> Array:
    """Return flat images (n, 36) in [0, 1] of 17 grey levels: a bar of random height and brightness on black."""
    pixels = np.zeros((n, 1, 6, 6))
    for image, row, level in zip(pixels, rng.integers(1, 5, n), rng.integers(8, LEVELS, n), strict=True):
        image[0, row, 1:5] = level / (LEVELS - 1)
    return pixels.reshape(n, -1)


def image_ground(levels: int | None = LEVELS) -> RealRows:
    """Return training and spare images, whose modes are the rows of the bar, and whose classes its brightness."""
    train, spare = (images(IMAGE_ROWS, np.random.default_rng(seed)) for seed in (1, 2))
    known = np.concatenate([spare, images(IMAGE_ROWS, np.random.default_rng(3))])
    classes = {row.tobytes(): int(row.max() > 0.75) for row in known}
    centres = np.stack([train[train[:, 6 * row + 2] > 0].mean(0) for row in range(1, 5)])
    return RealRows(train, spare, centres, train.std(0), (1, 6, 6), levels, classes=classes)
