"""Panels of each pair of columns: the density of real rows in grey, and the contours of models over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.quantities import Quantity, column_quantities, level_ticks, worst_quantities
from genbench.report.figures.style import REAL_COLOUR, LineStyle

MAX_LEVEL_NAMES = 4  # of a category, on an axis
MAX_COLUMNS = 5  # so that the report of ten models on five tables stays below ten megabytes
PANEL_INCHES = 1.3
BINS = 25
SMOOTHING_BINS = 1.0  # standard deviation of the Gaussian smoothing, in bins
CONTOUR_SHARES = (0.95, 0.68)  # shares of the rows inside the contours
TAIL_FRACTION = 0.005  # share of real rows beyond either end of an axis


def corner(results: DatasetResults) -> Figure:
    """Return a panel for each pair of columns, and a histogram of each: held-out rows grey, models as contours.

    A contour holds 68 or 95 % of the rows. Columns declared logarithmic are shown as log10. Of more than five columns
    those are shown that deviate most in any of the models. Raises NotApplicable if there are fewer than two columns,
    DataError if there are no samples.
    """
    samples = results.seed_samples
    labels = [row.label for row in results.models if row.label in samples.by_label]
    quantities = worst_quantities(column_quantities(samples), labels, MAX_COLUMNS)
    if len(quantities) < 2:
        raise NotApplicable(f"{results.dataset}: a corner plot needs a table of at least two columns")
    logs = [q.log and bool((q.real > 0).all()) for q in quantities]
    names = [f"log10 {q.title}" if log else q.title for q, log in zip(quantities, logs, strict=True)]
    real = _stack([q.real for q in quantities], logs)
    models = [(results.line_styles[m], _stack([q.samples[m] for q in quantities], logs)) for m in labels]
    figure = Figure(figsize=(PANEL_INCHES * len(names) + 0.5,) * 2, constrained_layout=False)
    grid = figure.add_gridspec(len(names), len(names), left=0.09, right=0.99, bottom=0.08, top=0.97,
                               wspace=0.06, hspace=0.06)  # fmt: skip
    edges = [np.linspace(*_range_of(quantity, real[:, i]), BINS + 1) for i, quantity in enumerate(quantities)]
    for i in range(len(names)):
        for j in range(i + 1):
            axes = figure.add_subplot(grid[i, j])
            if i == j:
                levels = len(quantities[i].levels)
                bars = np.arange(levels + 1) - 0.5 if levels else edges[i]
                _histogram(axes, bars, real[:, i], [(style, rows[:, i]) for style, rows in models])
            else:
                _pair(axes, (edges[j], edges[i]), real[:, (j, i)], [(style, rows[:, (j, i)]) for style, rows in models])
            _format_axes(axes, names, i, j)
            _set_ticks(axes.xaxis, quantities[j], i == len(names) - 1)
            if i != j:
                _set_ticks(axes.yaxis, quantities[i], j == 0)
    handles: list[Line2D | Patch] = [Patch(color=REAL_COLOUR, alpha=0.6, label="held-out data")]
    handles += [Line2D([], [], color=style.colour, linestyle=style.dashes, label=style.label) for style, _ in models]
    figure.legend(handles=handles, loc="upper right", title="68 and 95 % of the rows", title_fontsize=8)
    return figure


def _stack(columns: Sequence[Array], logs: Sequence[bool]) -> Array:
    """Return finite rows (n, d), with log10 of the columns in ``logs``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.stack([np.log10(c) if log else c for c, log in zip(columns, logs, strict=True)], axis=1)
    finite: Array = rows[np.isfinite(rows).all(1)]
    return finite


def _range_of(quantity: Quantity, real: Array) -> tuple[float, float]:
    """Return the ends of the axis of a column: those of its levels, or the range of the real rows without tails."""
    if quantity.levels:
        return -0.5, len(quantity.levels) - 0.5
    low, high = (float(end) for end in np.quantile(real, (TAIL_FRACTION, 1 - TAIL_FRACTION)))
    margin = 0.08 * (high - low) if high > low else 0.5
    return low - margin, high + margin


def _histogram(axes: Axes, edges: Array, real: Array, models: Sequence[tuple[LineStyle, Array]]) -> None:
    axes.stairs(np.histogram(real, edges)[0] / max(1, len(real)), edges, fill=True, color=REAL_COLOUR, alpha=0.5)
    for style, values in models:
        axes.stairs(np.histogram(values, edges)[0] / max(1, len(values)), edges, color=style.colour,
                    linestyle=style.dashes, linewidth=1.1)  # fmt: skip
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, None))


def _pair(axes: Axes, edges: tuple[Array, Array], real: Array, models: Sequence[tuple[LineStyle, Array]]) -> None:
    middles = [(e[1:] + e[:-1]) / 2 for e in edges]
    density, levels = _density(real, edges)
    if levels:
        shades = [(REAL_COLOUR, 0.3), (REAL_COLOUR, 0.7)][: len(levels)]
        axes.contourf(*middles, density, levels=[*levels, np.inf], colors=shades)
    for style, rows in models:
        density, levels = _density(rows, edges)
        if levels:
            axes.contour(*middles, density, levels=levels, colors=style.colour, linewidths=(0.8, 1.3)[: len(levels)])
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]))


def _density(rows: Array, edges: tuple[Array, Array]) -> tuple[Array, list[float]]:
    """Return smoothed counts (y, x) and the increasing heights above which the shares in CONTOUR_SHARES lie."""
    counts = gaussian_filter(np.histogram2d(rows[:, 0], rows[:, 1], edges)[0], SMOOTHING_BINS, mode="constant").T
    descending = np.sort(counts.ravel())[::-1]
    total = np.cumsum(descending)
    if not total[-1] > 0:
        return counts, []
    heights = [float(descending[np.searchsorted(total, share * total[-1])]) for share in CONTOUR_SHARES]
    return counts, sorted({height for height in heights if height > 0})


def _set_ticks(axis: Axis, quantity: Quantity, labelled: bool) -> None:
    """Set ticks at the levels of a category, with their names where the axis is labelled, and at integers."""
    if quantity.levels:
        shown, names = level_ticks(quantity.levels, MAX_LEVEL_NAMES)
        axis.set_ticks(shown, names if labelled else [""] * len(shown))
        for label in axis.get_ticklabels():
            label.set(rotation=45, rotation_mode="anchor", ha="right", va="center")
    elif quantity.integer:
        axis.set_major_locator(MaxNLocator(3, integer=True))


def _format_axes(axes: Axes, names: Sequence[str], i: int, j: int) -> None:
    axes.tick_params(labelsize=6, length=2)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.6)
    axes.locator_params(nbins=3)
    if i < len(names) - 1:
        axes.set_xticklabels([])
    else:
        axes.set_xlabel(names[j], fontsize=7)
    if j > 0 or i == 0:
        axes.set_yticklabels([])
    elif i > 0:
        axes.set_ylabel(names[i], fontsize=7)
    if i == j:
        axes.set_yticks([])
