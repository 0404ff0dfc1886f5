"""Faults of images: blurred, shifted, of low contrast, with a pattern."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from genbench.auditing.row_selection import choose_rows, replace_rows
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

LEVELS = 256  # of images that are not stored as integers
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # rows and columns that an image may be shifted by


def blur(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Blur all images by a Gaussian of this standard deviation."""
    images = rows.reshape(len(rows), *real.shape)
    blurred: Array = gaussian_filter(images, (0, 0, size, size), mode="nearest").reshape(rows.shape)
    return blurred


def shifted_images(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Shift this share of the images by a pixel to one of the four sides; the pixels at the edge are repeated."""
    chosen = choose_rows(rows, size, rng)
    side = rng.integers(len(DIRECTIONS), size=len(rows))[: len(chosen)]
    height, width = real.shape[-2:]
    padded = np.pad(rows[chosen].reshape(-1, *real.shape), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = np.empty((len(chosen), rows.shape[1]))
    for number, (down, right) in enumerate(DIRECTIONS):
        window = padded[side == number, :, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
        shifted[side == number] = window.reshape(len(window), rows.shape[1])
    return replace_rows(rows, chosen, shifted)


def low_contrast(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Move all pixels towards the mean of their image by this share of their distance from it."""
    mean = rows.mean(1, keepdims=True)
    flat: Array = mean + (1 - size) * (rows - mean)
    return flat


def checkerboard_pattern(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Add this many grey levels, of 256 where images are not integers, to every other pixel."""
    height, width = real.shape[-2:]
    board = np.add.outer(np.arange(height), np.arange(width)) % 2
    pattern: Array = np.broadcast_to(size / ((real.levels or LEVELS) - 1) * board, real.shape).ravel()
    patterned: Array = rows + pattern
    return patterned
