"""Scatter plots of samples of two columns next to real rows: one panel per model, all with the same axes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import REAL_COLOUR, percent, plain_text

MAX_POINTS_PER_PANEL = 2500
MAX_TITLE = 24  # characters of a title that fit above a panel
MAX_PANELS_PER_ROW = 5
PANEL_INCHES = 1.75
MARGIN_FRACTION = 0.12  # margin around the real rows, as a fraction of their range


def scatter(results: DatasetResults) -> Figure:
    """Return one panel of points for held-out rows and for each model, in the data's own units.

    All panels show the range of the held-out rows; the title of a panel gives the share of samples outside it. Raises
    NotApplicable unless the data have two columns, DataError if there are no samples.
    """
    samples = results.seed_samples
    if samples.data.shape != (2,):
        raise NotApplicable(
            f"{results.dataset}: a scatter plot needs two columns, these data have shape {samples.data.shape}"
        )
    rows = [row for row in results.rows if row.label in samples.by_label]
    panels = [("held-out data", REAL_COLOUR, samples.data.test)]
    for row in rows:
        style, real = results.line_styles[row.label], row.records[0]["model"] == "real"
        panels.append((style.label, REAL_COLOUR if real else style.colour, samples.by_label[row.label]))
    across = min(MAX_PANELS_PER_ROW, len(panels))
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(PANEL_INCHES * across, (PANEL_INCHES + 0.2) * down + 0.4))
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    low, high = _axis_ranges(samples.data.test)
    for axes, (label, colour, points) in zip(grid.flat, panels, strict=False):
        axes.scatter(*points[:MAX_POINTS_PER_PANEL].T, s=2.2, color=colour, alpha=0.55, linewidths=0, rasterized=True)
        axes.tick_params(labelsize=7)
        outside = float(((points < low) | (points > high)).any(1).mean())
        title = label + (f"  {percent(outside)} % outside" if outside else "")
        axes.set_title(title if len(title) <= MAX_TITLE else title.replace("  ", "\n", 1), fontsize=8)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    grid[0, 0].set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    names = [column.name for column in samples.data.columns] or ["x0", "x1"]
    figure.supxlabel(plain_text(names[0]), fontsize=8)
    figure.supylabel(plain_text(names[1]), fontsize=8)
    return figure


def _axis_ranges(rows: Array) -> tuple[Array, Array]:
    low, high = np.quantile(rows.astype(np.float64), (0.001, 0.999), axis=0)
    margin = MARGIN_FRACTION * np.maximum(high - low, 1e-12)
    return low - margin, high + margin
