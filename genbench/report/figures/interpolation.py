"""Rows that are decoded from codes between those of two held-out rows."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, SeedSamples
from genbench.report.figures.strips import Strip, draw_strips
from genbench.report.figures.style import REAL_COLOUR, plain_text

MAX_PAIRS = 3  # of images
MAX_PANELS_PER_ROW = 4
PANEL_INCHES = 2.1
MAX_POINTS = 1500
TAIL_FRACTION = 0.002  # of held-out rows, on either side of a panel


def interpolation(results: DatasetResults) -> Figure:
    """Return what models decode along the line between the codes of two held-out rows.

    Images are shown in rows, from one reconstruction to the other, the same pairs for all models. Of tables, paths are
    drawn through held-out rows: of two columns themselves, else of the first two. Raises NotApplicable if no model
    interpolates, DataError if there are no samples.
    """
    samples = results.seed_samples
    found = {row.label: samples.tasks[row.label]["interpolation"] for row in results.models
             if "interpolation" in samples.tasks.get(row.label, {})}  # fmt: skip
    if not found or (samples.kind == "vector" and samples.data.shape[0] < 2):
        raise NotApplicable(f"{results.dataset}: no model interpolates between held-out rows of two columns or images")
    if samples.kind == "vector":
        return _paths(results, samples, found)
    strips = []
    for label, rows in found.items():
        style = results.line_styles[label]
        strips.append(Strip(style.label, style.colour, list(rows[:MAX_PAIRS])))
    return draw_strips(strips, samples.data, max(rows.shape[1] for rows in found.values()))


def _paths(results: DatasetResults, samples: SeedSamples, found: dict[str, Array]) -> Figure:
    test = samples.data.test[:, :2].astype(np.float64)
    names = [column.name for column in samples.data.columns] or ["x0", "x1"]
    across = min(MAX_PANELS_PER_ROW, len(found))
    down = math.ceil(len(found) / across)
    figure = Figure(figsize=(PANEL_INCHES * across + 0.3, (PANEL_INCHES + 0.2) * down + 0.3))
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes, (label, rows) in zip(grid.flat, found.items(), strict=False):
        style = results.line_styles[label]
        axes.scatter(*test[:MAX_POINTS].T, s=2, color=REAL_COLOUR, alpha=0.5, linewidths=0, rasterized=True)
        for path in rows:
            axes.plot(path[:, 0], path[:, 1], color=style.colour, linewidth=1, marker=".", markersize=3)
            axes.plot(*path[[0, -1], :2].T, color=style.colour, linestyle="", marker="o", markersize=4)
        axes.set_title(style.label, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(found) :]:
        axes.set_axis_off()
    low, high = np.quantile(test, (TAIL_FRACTION, 1 - TAIL_FRACTION), axis=0)
    margin = 0.1 * np.maximum(high - low, 1e-12)
    grid[0, 0].set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    figure.supxlabel(plain_text(names[0]), fontsize=8)
    figure.supylabel(plain_text(names[1]), fontsize=8)
    return figure
