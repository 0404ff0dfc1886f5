"""Strips of images: some rows of images for each model, all of one scale, with their names at the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array, Data
from genbench.report.figures.style import MUTED_COLOUR, plain_text

MAX_IMAGES_PER_STRIP = 14
GAP_FRACTION = 0.12  # gap between two images, as a fraction of their width
IMAGE_INCHES = 7.2 / MAX_IMAGES_PER_STRIP  # width of an image and its gap
LABEL_INCHES = 1.38  # left of the images


@dataclass(frozen=True)
class Strip:
    """Rows of images (n, channels, height, width), with a label beside the first and a note beside each other."""

    label: str
    colour: str
    rows: Sequence[Array]
    notes: Sequence[str] = ()  # of the rows below the first


def draw_strips(strips: Sequence[Strip], data: Data, across: int = MAX_IMAGES_PER_STRIP) -> Figure:
    """Return a figure of strips, one below the other, each of ``across`` images a row at most."""
    height, width = data.shape[1:]
    sizes = [len(strip.rows) for strip in strips]
    row = IMAGE_INCHES * height / width  # inches, with the gap
    inches = [row * n for n in sizes]
    total = (LABEL_INCHES + IMAGE_INCHES * across + 0.04, sum(inches) + 0.09 * len(strips) + 0.1)
    figure = Figure(figsize=total, constrained_layout=False)
    grid = figure.add_gridspec(
        len(strips), 1, height_ratios=inches, left=LABEL_INCHES / total[0], right=1 - 0.04 / total[0],
        top=1 - 0.04 / total[1], bottom=0.04 / total[1], hspace=0.09 * len(strips) / max(sum(inches), 1e-9),
    )  # fmt: skip
    low, high = pixel_range(data)
    for at, strip in enumerate(strips):
        axes = figure.add_subplot(grid[at])
        show(axes, tile(strip.rows, across), low, high)
        for i, note in enumerate(["", *strip.notes][: len(strip.rows)]):
            axes.text(
                -0.015, 1 - (i + 0.5) / len(strip.rows), note if i else plain_text(strip.label),
                color=MUTED_COLOUR if i else strip.colour, fontsize=7 if i else 9, weight="normal" if i else "bold",
                ha="right", va="center", transform=axes.transAxes,
            )  # fmt: skip
    return figure


def pixel_range(data: Data) -> tuple[float, float]:
    """Return the values that are shown black and white."""
    if data.levels is not None:
        return 0.0, float(data.levels - 1)
    low, high = np.quantile(data.test[:500].astype(np.float64), (0.002, 0.998))
    return float(low), float(high if high > low else low + 1)


def tile(strips: Sequence[Array], across: int = MAX_IMAGES_PER_STRIP) -> Array:
    """Return one picture (height, width, 1 or 3) of rows of images, with nan between them."""
    channels, height, width = strips[0].shape[1:]
    channels = 3 if channels == 3 else 1
    gap = max(1, round(GAP_FRACTION * width))
    out = np.full((len(strips) * (height + gap) - gap, across * (width + gap) - gap, channels), np.nan)
    for i, strip in enumerate(strips):
        for j, image in enumerate(strip[:across]):
            top, left = i * (height + gap), j * (width + gap)
            out[top : top + height, left : left + width] = image[:channels].transpose(1, 2, 0)
    return out


def show(axes: Axes, picture: Array, low: float, high: float) -> None:
    """Show a picture whose values low and high are black and white; nan is transparent."""
    axes.set_axis_off()
    scaled = np.clip((picture - low) / (high - low), 0, 1)
    solid = np.isfinite(scaled).all(2)
    rgba: np.ndarray[Any, np.dtype[np.uint8]] = np.zeros((*scaled.shape[:2], 4), np.uint8)
    rgba[..., :3] = np.nan_to_num(255 * scaled)
    rgba[..., 3] = np.where(solid, 255, 0)
    axes.imshow(rgba, interpolation="none", aspect="equal", extent=(0, rgba.shape[1], rgba.shape[0], 0))
