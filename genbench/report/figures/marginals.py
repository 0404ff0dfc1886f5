"""Histograms of each column and observable: models over real rows with their ratio below, as in particle physics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, SeedSamples
from genbench.report.figures.quantities import (
    Quantity,
    level_ticks,
    quantities_of,
    worst_quantities,
)
from genbench.report.figures.style import (
    MUTED_COLOUR,
    REAL_COLOUR,
    TEXT_COLOUR,
    LineStyle,
    format_ticks,
    limit_ticks,
)

BINS = 40
MAX_COLUMNS, MAX_OBSERVABLES = 12, 16
MAX_PANELS_PER_ROW = 4
HEAVY_TAILS, VERY_HEAVY_TAILS = 6.0, 12.0  # range over interquartile range; 4.9 for a Gaussian, 6.9 an exponential
LONG_NUMBER = 10_000  # which is written as 10k
MIN_BINS_OF_TAILS = 12
LOG_RANGE = 100.0  # largest over smallest value, from which very heavy tails make an axis logarithmic
TAIL_FRACTION = 0.0005  # share of real rows beyond either end of the axis
MAX_HEIGHT_RATIO = 1.8  # height of the axis over the highest bin of the real rows
MIN_ROWS_PER_RATIO = 5  # real rows that a bin needs for its ratio to be shown


def marginals(results: DatasetResults) -> Figure:
    """Return a histogram of each column and observable, models over real rows, with the ratio to them below.

    The grey band of a ratio is the noise of the real rows, one standard deviation. Heights are on a logarithmic scale
    where the real rows have tails; so are values that are positive, have very heavy tails and span orders of magnitude,
    or whose column is declared logarithmic. Of many columns or observables those that deviate most are shown. Raises
    DataError if there are no samples, NotApplicable if there are neither columns nor observables.
    """
    samples = results.seed_samples
    rows = [row for row in results.models if row.label in samples.by_label]
    quantities = _shown_quantities(samples, [row.label for row in rows])
    if not quantities:
        raise NotApplicable(f"{results.dataset}: images without observables have no marginals to show")
    across = min(MAX_PANELS_PER_ROW, len(quantities))
    down = math.ceil(len(quantities) / across)
    figure = Figure(figsize=(2.25 * across + 0.4, 2.35 * down + 0.5))
    grid = figure.subplots(2 * down, across, squeeze=False, gridspec_kw={"height_ratios": [3, 1.2] * down})
    styles = {row.label: results.line_styles[row.label] for row in rows}
    for at in range(down * across):
        above, below = grid[2 * (at // across), at % across], grid[2 * (at // across) + 1, at % across]
        if at < len(quantities):
            _panel(above, below, quantities[at], styles)
            if at % across == 0:
                below.set_ylabel("model/real", fontsize=7)
        else:
            above.set_axis_off()
            below.set_axis_off()
    handles: list[Line2D | Patch] = [Patch(color=REAL_COLOUR, alpha=0.5, label="held-out data")]
    handles += [Line2D([], [], color=s.colour, linestyle=s.dashes, label=s.label) for s in styles.values()]
    max_chars = max(len(str(handle.get_label())) for handle in handles)
    ncols = int(figure.get_figwidth() / (0.6 + 0.068 * max_chars))  # inches of a line with its gap, and of a letter
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), max(1, ncols)))
    return figure


def _shown_quantities(samples: SeedSamples, labels: Sequence[str]) -> list[Quantity]:
    quantities = quantities_of(samples)
    number = samples.data.shape[0] if samples.kind == "vector" else 0
    columns, observables = quantities[:number], quantities[number:]
    return [
        *(_with_log_axis(each) for each in worst_quantities(columns, labels, MAX_COLUMNS)),
        *(_with_log_axis(each) for each in worst_quantities(observables, labels, MAX_OBSERVABLES)),
    ]


def _with_log_axis(quantity: Quantity) -> Quantity:
    """Return a quantity with a logarithmic axis where it is positive, spans orders and has very heavy tails."""
    if quantity.log or quantity.levels or quantity.integer:
        return quantity
    low, high = _range_of(quantity)
    spans_orders = low > 0 and high > LOG_RANGE * low
    return replace(quantity, log=True) if spans_orders and tail_weight(quantity.real) > VERY_HEAVY_TAILS else quantity


def tail_weight(values: Array) -> float:
    """Return the range of values without the outermost 0.1 %, over their interquartile range; 0 without values."""
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0
    low, lower, upper, high = np.quantile(values, (TAIL_FRACTION, 0.25, 0.75, 1 - TAIL_FRACTION))
    return float((high - low) / (upper - lower)) if upper > lower else (math.inf if high > low else 0.0)


def _has_log_heights(quantity: Quantity, edges: Array) -> bool:
    """Return whether heights are on a logarithmic scale: where the real rows, on their axis, have tails."""
    if quantity.levels or len(edges) < MIN_BINS_OF_TAILS:
        return False
    is_log = quantity.log and edges[0] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return tail_weight(np.log(quantity.real) if is_log else quantity.real) > HEAVY_TAILS


def _panel(above: Axes, below: Axes, quantity: Quantity, styles: Mapping[str, LineStyle]) -> None:
    edges = _bin_edges(quantity)
    real = np.histogram(quantity.real, edges)[0] / max(1, len(quantity.real))
    noise = np.sqrt(real / max(1, len(quantity.real)))
    is_log = _has_log_heights(quantity, edges)
    bottom = 0.5 / max(1, len(quantity.real)) if is_log else 0.0  # half a row
    above.stairs(np.maximum(real, bottom), edges, baseline=bottom, fill=True, color=REAL_COLOUR, alpha=0.5)
    enough = real * len(quantity.real) >= MIN_ROWS_PER_RATIO
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(enough, noise / real, np.nan)
    below.stairs(1 + relative, edges, baseline=1 - relative, fill=True, color=REAL_COLOUR, alpha=0.5)
    below.axhline(1, color=TEXT_COLOUR, linewidth=0.6)
    top = highest = max(float(real.max()), 1e-12)
    for label, style in styles.items():
        values = quantity.samples.get(label, np.empty(0))
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        share = np.histogram(values, edges)[0] / len(values)
        highest = max(highest, float(share.max()))
        above.stairs(
            np.maximum(share, bottom), edges, baseline=bottom, color=style.colour, linestyle=style.dashes, linewidth=1
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(enough, share / real, np.nan)
        below.stairs(np.clip(ratio, -0.1, 2.1), edges, baseline=None, color=style.colour, linestyle=style.dashes,
                     linewidth=0.9)  # fmt: skip
    _format_axes(above, below, quantity, edges)
    if is_log:
        above.set_yscale("log")
        above.set_ylim(bottom, 2 * highest)
        above.yaxis.set_major_locator(LogLocator(numticks=4))
        above.yaxis.set_minor_locator(NullLocator())
        format_ticks(above, "y")
        return
    above.set_yticks([])
    above.spines["left"].set_visible(False)
    above.set_ylim(0, min(1.05 * highest, MAX_HEIGHT_RATIO * top))  # a model that collapsed would flatten the rest


def _format_axes(above: Axes, below: Axes, quantity: Quantity, edges: Array) -> None:
    for axes in (above, below):
        axes.tick_params(labelsize=6.5)
        axes.set_xlim(edges[0], edges[-1])
        if quantity.log and edges[0] > 0:
            axes.set_xscale("log")
            format_ticks(axes, "x")
            limit_ticks(axes, edges[0], edges[-1])
        elif np.abs(edges).max() >= LONG_NUMBER:
            axes.locator_params(axis="x", nbins=5)
            format_ticks(axes, "x")
    above.tick_params(labelbottom=False)
    above.set_title(quantity.title, fontsize=8)
    below.set(ylim=(0, 2), yticks=[0, 1, 2])
    below.grid(axis="y", color=MUTED_COLOUR, linewidth=0.3, alpha=0.5)
    if quantity.levels:
        shown, names = level_ticks(quantity.levels)
        above.set_xticks(shown)
        below.set_xticks(shown, names)
    elif quantity.integer:
        for axes in (above, below):
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _integer_bins(real: Array, low: float, high: float) -> Array:
    """Return edges midway between integers, with equally many of the values that occur in each bin: no comb is seen."""
    step = float(np.diff(np.unique(real)).min())
    width = step * max(1, math.ceil((high - low + step) / (step * BINS)))
    return low - step / 2 + width * np.arange(math.ceil((high - low + step) / width) + 1)


def _range_of(quantity: Quantity) -> tuple[float, float]:
    """Return the range of the real rows without their tails; 0 to 1 without rows."""
    real = quantity.real[np.isfinite(quantity.real)]
    if not len(real):
        return 0.0, 1.0
    low, high = (float(end) for end in np.quantile(real, (TAIL_FRACTION, 1 - TAIL_FRACTION)))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bin_edges(quantity: Quantity) -> Array:
    """Return the edges of the bins, over the range of the real rows without their tails."""
    if quantity.levels:
        return np.arange(len(quantity.levels) + 1) - 0.5
    real = quantity.real[np.isfinite(quantity.real)]
    low, high = _range_of(quantity)
    if quantity.integer and len(real) and real.min() < real.max():
        return _integer_bins(real, np.floor(low), np.ceil(high))
    if quantity.log and low > 0:
        return np.geomspace(low, high, BINS + 1)
    margin = 0.03 * (high - low) if len(real) else 0.0
    return np.linspace(low - margin, high + margin, BINS + 1)
