"""Generated images in rows, each above the training image nearest to it, which shows copies."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array, Data
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import MUTED_COLOUR, plain_text

MAX_IMAGES_PER_STRIP = 14
TRAIN_ROWS_PER_BLOCK = 2_000  # training rows whose distances are computed at once
GAP_FRACTION = 0.12  # gap between two images, as a fraction of their width


def images(results: DatasetResults) -> Figure:
    """Return two strips per model: its first images, and below each the nearest training image (Euclidean, in pixels).

    The first strip holds held-out images, which are not copies, for comparison. Raises NotApplicable unless the data
    are images, DataError if there are no samples.
    """
    samples = results.seed_samples
    if samples.kind != "image":
        raise NotApplicable(f"{results.dataset}: the data are not images")
    strips: list[tuple[str, str, Array]] = [("held-out data", MUTED_COLOUR, samples.data.test[:MAX_IMAGES_PER_STRIP])]
    for row in results.rows:
        if len(samples.by_label.get(row.label, ())) and row.records[0]["model"] != "real":
            style = results.line_styles[row.label]
            strips.append((style.label, style.colour, samples.by_label[row.label][:MAX_IMAGES_PER_STRIP]))
    height, width = samples.data.shape[1:]
    strip = 7.2 / MAX_IMAGES_PER_STRIP * (2 * height + GAP_FRACTION * height) / ((1 + GAP_FRACTION) * width)  # inches
    figure = Figure(figsize=(8.6, (strip + 0.09) * len(strips) + 0.1), constrained_layout=False)
    grid = figure.add_gridspec(len(strips), 1, left=0.16, right=0.995, top=0.995, bottom=0.005, hspace=0.06)
    low, high = _pixel_range(samples.data)
    for at, (label, colour, rows) in enumerate(strips):
        axes = figure.add_subplot(grid[at])
        _show(axes, _tile([rows, nearest_rows(rows, samples.data.train)]), low, high)
        axes.text(-0.015, 0.75, plain_text(label), color=colour, fontsize=9, weight="bold", ha="right", va="center",
                  transform=axes.transAxes)  # fmt: skip
        axes.text(-0.015, 0.25, "nearest\nin training", color=MUTED_COLOUR, fontsize=7, ha="right", va="center",
                  transform=axes.transAxes)  # fmt: skip
    return figure


def nearest_rows(rows: Array, train: Array) -> Array:
    """Return for each of rows (n, ...) the row of ``train`` (m, ...) at the smallest Euclidean distance."""
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    best, at = np.full(len(rows), np.inf), np.zeros(len(rows), np.int64)
    for begin in range(0, len(train), TRAIN_ROWS_PER_BLOCK):
        block = train[begin : begin + TRAIN_ROWS_PER_BLOCK].reshape(-1, flat.shape[1]).astype(np.float64)
        centre = block.mean(0)  # subtracted first, for precise squared norms
        a, b = flat - centre, block - centre
        squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        found = squared.argmin(1)
        distance = squared[np.arange(len(rows)), found]
        nearer = distance < best
        best[nearer], at[nearer] = distance[nearer], begin + found[nearer]
    return train[at]


def _pixel_range(data: Data) -> tuple[float, float]:
    """Return the values that are shown black and white."""
    if data.levels is not None:
        return 0.0, float(data.levels - 1)
    low, high = np.quantile(data.test[:500].astype(np.float64), (0.002, 0.998))
    return float(low), float(high if high > low else low + 1)


def _tile(strips: list[Array]) -> Array:
    """Return one picture (height, width, 1 or 3) of rows of images, with nan between them."""
    n, channels, height, width = (MAX_IMAGES_PER_STRIP, *strips[0].shape[1:])
    channels = 3 if channels == 3 else 1
    gap = max(1, round(GAP_FRACTION * width))
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
