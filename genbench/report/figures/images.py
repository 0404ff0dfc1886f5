"""Generated images in rows, each above the training image that is nearest to it: what copying looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array, Data
from genbench.report.figures.style import SOFT, plain_text
from genbench.report.figures.subject import Subject, Unsuited

__all__ = ["images", "nearest_rows"]

ACROSS = 14  # images
BLOCK = 2_000  # training rows at a time
GAP = 0.12  # of an image, between two


def images(subject: Subject) -> Figure:
    """Return two strips a model: its first images, and below each the training image nearest in pixels (euclidean).

    The first strip is of held-out images, whose neighbours tell what no copy looks like. Raises Unsuited where the
    data are no images, DataError where no samples are kept.
    """
    shown = subject.shown
    if shown.kind != "image":
        raise Unsuited(f"{subject.dataset}: the data are no images")
    strips: list[tuple[str, str, Array]] = [("held-out data", SOFT, shown.data.test[:ACROSS])]
    for row in subject.rows:
        if len(shown.samples.get(row.label, ())) and row.records[0]["model"] != "real":
            look = subject.looks[row.label]
            strips.append((look.label, look.colour, shown.samples[row.label][:ACROSS]))
    height, width = shown.data.shape[1:]
    strip = 7.2 / ACROSS * (2 * height + GAP * height) / ((1 + GAP) * width)  # inches
    figure = Figure(figsize=(8.6, (strip + 0.09) * len(strips) + 0.1), constrained_layout=False)
    grid = figure.add_gridspec(len(strips), 1, left=0.16, right=0.995, top=0.995, bottom=0.005, hspace=0.06)
    low, high = _range(shown.data)
    for at, (label, colour, rows) in enumerate(strips):
        axes = figure.add_subplot(grid[at])
        _show(axes, _tiled([rows, nearest_rows(rows, shown.data.train)]), low, high)
        axes.text(-0.015, 0.75, plain_text(label), color=colour, fontsize=9, weight="bold", ha="right", va="center",
                  transform=axes.transAxes)  # fmt: skip
        axes.text(-0.015, 0.25, "nearest\nin training", color=SOFT, fontsize=7, ha="right", va="center",
                  transform=axes.transAxes)  # fmt: skip
    return figure


def nearest_rows(rows: Array, train: Array) -> Array:
    """Return for each of rows (n, ...) the row of ``train`` (m, ...) that is nearest, by euclidean distance."""
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    best, at = np.full(len(rows), np.inf), np.zeros(len(rows), np.int64)
    for begin in range(0, len(train), BLOCK):
        block = train[begin : begin + BLOCK].reshape(-1, flat.shape[1]).astype(np.float64)
        centre = block.mean(0)  # squared norms only of what is centred
        a, b = flat - centre, block - centre
        squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        found = squared.argmin(1)
        distance = squared[np.arange(len(rows)), found]
        nearer = distance < best
        best[nearer], at[nearer] = distance[nearer], begin + found[nearer]
    return train[at]


def _range(data: Data) -> tuple[float, float]:
    """Return what is black and what is white."""
    if data.levels is not None:
        return 0.0, float(data.levels - 1)
    low, high = np.quantile(data.test[:500].astype(np.float64), (0.002, 0.998))
    return float(low), float(high if high > low else low + 1)


def _tiled(strips: list[Array]) -> Array:
    """Return one picture (height, width, 1 or 3) of rows of images, not a number between them."""
    n, channels, height, width = (ACROSS, *strips[0].shape[1:])
    channels = 3 if channels == 3 else 1
    gap = max(1, round(GAP * width))
    out = np.full((len(strips) * (height + gap) - gap, n * (width + gap) - gap, channels), np.nan)
    for i, strip in enumerate(strips):
        for j, image in enumerate(strip):
            top, left = i * (height + gap), j * (width + gap)
            out[top : top + height, left : left + width] = image[:channels].transpose(1, 2, 0)
    return out


def _show(axes: Axes, picture: Array, low: float, high: float) -> None:
    axes.set_axis_off()
    scaled = np.clip((picture - low) / (high - low), 0, 1)
    solid = np.isfinite(scaled).all(2)
    rgba: np.ndarray[Any, np.dtype[np.uint8]] = np.zeros((*scaled.shape[:2], 4), np.uint8)
    rgba[..., :3] = np.nan_to_num(255 * scaled)
    rgba[..., 3] = np.where(solid, 255, 0)
    axes.imshow(rgba, interpolation="none", aspect="equal", extent=(0, rgba.shape[1], rgba.shape[0], 0))
