"""Codes of held-out rows in two dimensions, coloured by label, condition or observable: one panel per model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from genbench.protocol import Array, Data
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import COLOURS, MUTED_COLOUR, format_ticks, limit_ticks, plain_text

MAX_PANELS_PER_ROW = 4
PANEL_INCHES = 2.3
MAX_LABELS = 20  # that have colours of their own
COLOUR_RANGE = (0.02, 0.98)  # quantiles of what numbers are coloured by
EXTRA_COLOURS = ("#777777", "#000000")  # beyond those of models


def codes(results: DatasetResults) -> Figure:
    """Return the codes of held-out rows of each model that has codes; their first two principal components if more.

    They are coloured by label, else by the first condition, else by the first observable. The title gives the
    dimensions, and the share of the codes' variance that is shown. Codes of one dimension are drawn with random
    heights. Raises NotApplicable if no model has codes, DataError if there are no samples.
    """
    samples = results.seed_samples
    found = {row.label: samples.tasks[row.label]["codes_test"] for row in results.models
             if "codes_test" in samples.tasks.get(row.label, {})}  # fmt: skip
    if not found:
        raise NotApplicable(f"{results.dataset}: no model has codes of held-out rows")
    colouring = colouring_of(samples.data)
    across = min(MAX_PANELS_PER_ROW, len(found))
    down = math.ceil(len(found) / across)
    figure = Figure(figsize=(PANEL_INCHES * across + 0.7, (PANEL_INCHES + 0.3) * down))
    grid = figure.subplots(down, across, squeeze=False)
    for axes, (label, rows) in zip(grid.flat, found.items(), strict=False):
        points, share = principal_components(rows)
        _scatter(axes, points, colouring, results.line_styles[label].colour)
        shown = "" if rows.shape[1] <= 2 else f", {100 * share:.0f} % shown"
        dimensions = f"{rows.shape[1]} dimension{'s' * (rows.shape[1] > 1)}"
        axes.set_title(f"{results.line_styles[label].label}\n{dimensions}{shown}", fontsize=8)
        axes.tick_params(labelsize=6, length=2)
        if rows.shape[1] == 1:
            axes.set_yticks([])
    for axes in list(grid.flat)[len(found) :]:
        axes.set_axis_off()
    if colouring is not None and colouring.norm is not None:
        mappable = ScalarMappable(colouring.norm, "viridis")
        bar = figure.colorbar(mappable, ax=list(grid.flat), extend="both", fraction=0.05)
        bar.set_label(plain_text(colouring.name), fontsize=8)
        bar.ax.tick_params(labelsize=7)
        if isinstance(colouring.norm, LogNorm):
            limit_ticks(bar.ax, *bar.ax.get_ylim(), "y")
            format_ticks(bar.ax, "y")
    elif colouring is not None:
        handles = grid[0, 0].get_legend_handles_labels()
        title = plain_text(colouring.name)
        figure.legend(*handles, loc="outside right center", title=title, title_fontsize=8, markerscale=2)
    return figure


@dataclass(frozen=True)
class Colouring:
    """What held-out rows are coloured by: classes, with the names of codes from 0, or numbers, with their ``norm``."""

    name: str
    values: Array  # (n,)
    classes: tuple[str, ...] = ()
    norm: Normalize | None = None


def colouring_of(data: Data) -> Colouring | None:
    """Return what the held-out rows are coloured by: label, else the first condition, else the first observable."""
    labels = None if data.labels is None else data.labels.get("test")
    if labels is not None:
        names, codes = np.unique(labels, return_inverse=True)
        if len(names) <= MAX_LABELS:
            return Colouring("label", codes, tuple(map(str, names)))
        return _by_number("label", labels.astype(np.float64))
    if data.conditions is not None:
        column, values = data.condition_columns[0], data.conditions["test"][:, 0]
        if column.kind == "category" and len(column.levels) <= MAX_LABELS:
            return Colouring(column.name, values.astype(np.int64), column.levels)
        return _by_number(f"{column.name} [{column.unit}]" if column.unit else column.name, values, log=column.log)
    if data.observables is not None and (found := data.observables(data.test)):
        name, values = next(iter(found.items()))
        return _by_number(name, np.asarray(values, dtype=np.float64))
    return None


def _by_number(name: str, values: Array, *, log: bool = False) -> Colouring | None:
    low, high = np.quantile(values, COLOUR_RANGE)
    if not low < high:
        return None  # nearly all are the same
    return Colouring(name, values, norm=LogNorm(low, high) if log and low > 0 else Normalize(low, high))


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


def _scatter(axes: Axes, points: Array, colouring: Colouring | None, colour: str) -> None:
    x, y = points.T
    if colouring is None:
        axes.scatter(x, y, s=3, color=colour, alpha=0.6, linewidths=0, rasterized=True)
        return
    values = colouring.values[: len(points)]
    if colouring.norm is not None:
        axes.scatter(x, y, s=3, c=values, cmap="viridis", norm=colouring.norm, alpha=0.7, linewidths=0, rasterized=True)
        return
    palette = (*COLOURS[2:], *COLOURS[:2], *EXTRA_COLOURS)
    for i, name in enumerate(colouring.classes):
        axes.scatter(
            x[values == i], y[values == i], s=4, color=palette[i % len(palette)], alpha=0.7, linewidths=0,
            label=plain_text(name), marker="o" if i < len(palette) else "^", rasterized=True,
        )  # fmt: skip
    axes.axhline(0, color=MUTED_COLOUR, linewidth=0.3, zorder=0)
    axes.axvline(0, color=MUTED_COLOUR, linewidth=0.3, zorder=0)
