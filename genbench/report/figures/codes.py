"""Codes of held-out rows in two dimensions, coloured by label: one panel per model."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import COLOURS, MUTED_COLOUR

MAX_PANELS_PER_ROW = 4
PANEL_INCHES = 2.3
MAX_LABELS = 20  # that have colours of their own
EXTRA_COLOURS = ("#777777", "#000000", "#9fc131", "#7a3fd0")  # beyond those of models


def codes(results: DatasetResults) -> Figure:
    """Return the codes of held-out rows of each model that has codes; their first two principal components if more.

    The title gives the dimensions, and the share of the codes' variance that is shown. Codes of one dimension are drawn
    with random heights. Raises NotApplicable if no model has codes, DataError if there are no samples.
    """
    samples = results.seed_samples
    found = {row.label: samples.tasks[row.label]["codes_test"] for row in results.models
             if "codes_test" in samples.tasks.get(row.label, {})}  # fmt: skip
    if not found:
        raise NotApplicable(f"{results.dataset}: no model has codes of held-out rows")
    labels = None if samples.data.labels is None else samples.data.labels.get("test")
    across = min(MAX_PANELS_PER_ROW, len(found))
    down = math.ceil(len(found) / across)
    figure = Figure(figsize=(PANEL_INCHES * across + 0.7, (PANEL_INCHES + 0.3) * down))
    grid = figure.subplots(down, across, squeeze=False)
    for axes, (label, rows) in zip(grid.flat, found.items(), strict=False):
        points, share = principal_components(rows)
        _scatter(axes, points, None if labels is None else labels[: len(points)], results.line_styles[label].colour)
        shown = "" if rows.shape[1] <= 2 else f", {100 * share:.0f} % shown"
        dimensions = f"{rows.shape[1]} dimension{'s' * (rows.shape[1] > 1)}"
        axes.set_title(f"{results.line_styles[label].label}\n{dimensions}{shown}", fontsize=8)
        axes.tick_params(labelsize=6, length=2)
        if rows.shape[1] == 1:
            axes.set_yticks([])
    for axes in list(grid.flat)[len(found) :]:
        axes.set_axis_off()
    if labels is not None and len(np.unique(labels)) <= MAX_LABELS:
        handles = grid[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside right center", title="label", title_fontsize=8, markerscale=2)
    return figure


def principal_components(rows: Array) -> tuple[Array, float]:
    """Return the first two principal components (n, 2) of rows (n, k), and their share of the variance.

    Two columns stay as they are; a single one gets random heights beside it.
    """
    rows = rows.astype(np.float64)
    if rows.shape[1] == 1:
        return np.column_stack([rows, np.random.default_rng(0).random(len(rows))]), 1.0
    if rows.shape[1] == 2:
        return rows, 1.0
    centred = rows - rows.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    total = float(np.square(s).sum())
    return u[:, :2] * s[:2], float(np.square(s[:2]).sum()) / total if total > 0 else 1.0


def _scatter(axes: Axes, points: Array, labels: Array | None, colour: str) -> None:
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=3, color=colour, alpha=0.6, linewidths=0, rasterized=True)
        return
    names = np.unique(labels)
    if len(names) > MAX_LABELS:
        axes.scatter(
            points[:, 0], points[:, 1], s=3, c=labels, cmap="viridis", alpha=0.7, linewidths=0, rasterized=True
        )
        return
    palette = (*COLOURS, *EXTRA_COLOURS)
    for i, name in enumerate(names):
        of_label = points[labels == name]
        axes.scatter(
            of_label[:, 0], of_label[:, 1], s=4, color=palette[i % len(palette)], alpha=0.7, linewidths=0,
            label=str(name), marker="o" if i < len(palette) else "^", rasterized=True,
        )  # fmt: skip
    axes.axhline(0, color=MUTED_COLOUR, linewidth=0.3, zorder=0)
    axes.axvline(0, color=MUTED_COLOUR, linewidth=0.3, zorder=0)
