"""Histograms of each column and observable: models over real rows with their ratio below, as in particle physics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from genbench.protocol import Array, Column, Data
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, SeedSamples
from genbench.report.figures.style import (
    MUTED_COLOUR,
    REAL_COLOUR,
    TEXT_COLOUR,
    LineStyle,
    format_ticks,
    limit_ticks,
    plain_text,
)

BINS = 40
MAX_COLUMNS, MAX_OBSERVABLES = 12, 16
MAX_PANELS_PER_ROW = 4
MAX_LEVEL_NAMES, LEVEL_CHARACTERS = 6, 9  # of a category, on an axis
TAIL_FRACTION = 0.0005  # share of real rows beyond either end of the axis
MAX_HEIGHT_RATIO = 1.8  # height of the axis over the highest bin of the real rows
MIN_ROWS_PER_RATIO = 5  # real rows that a bin needs for its ratio to be shown


@dataclass(frozen=True)
class Quantity:
    """A column or an observable: its values in the real rows and in the samples of each model.

    ``log`` says that its axis is logarithmic; ``levels`` are the names of a category's codes; ``integer`` says that it
    has integers only.
    """

    name: str
    unit: str
    log: bool
    real: Array  # (n,)
    samples: Mapping[str, Array]  # label -> (m,)
    levels: tuple[str, ...] = ()
    integer: bool = False

    @property
    def title(self) -> str:
        """The name with the unit, as plain text."""
        return plain_text(self.name) + (f" ({plain_text(self.unit)})" if self.unit else "")


def quantities_of(samples: SeedSamples) -> list[Quantity]:
    """Return the columns, if the data are a table, and then the observables that the dataset declares."""
    data, columns = samples.data, list[Quantity]()
    if samples.kind == "vector":
        declared = data.columns or tuple(Column(f"x{i}") for i in range(data.shape[0]))
        for i, column in enumerate(declared[:MAX_COLUMNS]):
            by_label = {label: rows[:, i].astype(np.float64) for label, rows in samples.by_label.items()}
            real = data.test[:, i].astype(np.float64)
            is_integer = column.kind == "integer" and not column.log
            columns.append(Quantity(column.name, column.unit, column.log, real, by_label, column.levels, is_integer))
    observables = _observables(data, samples.by_label)
    new = [each for each in observables if not any(_is_same_quantity(each, column) for column in columns)]
    return columns + new[:MAX_OBSERVABLES]


def _is_same_quantity(observable: Quantity, column: Quantity) -> bool:
    """Return whether an observable repeats a column."""
    return observable.name == column.name and np.allclose(observable.real, column.real, equal_nan=True)


def _observables(data: Data, samples: Mapping[str, Array]) -> list[Quantity]:
    """Return the observables that the dataset computes; a model whose samples it cannot process is left out."""
    if data.observables is None:
        return []
    try:
        real = dict(data.observables(data.test))
    except Exception:
        return []
    by_label: dict[str, Mapping[str, Array]] = {}
    for label, rows in samples.items():
        try:
            by_label[label] = data.observables(rows)
        except Exception:
            by_label[label] = {}
    return [
        Quantity(name, "", False, np.asarray(values, np.float64), {
            label: np.asarray(each[name], np.float64) for label, each in by_label.items() if name in each})
        for name, values in real.items()
    ]  # fmt: skip


def marginals(results: DatasetResults) -> Figure:
    """Return a histogram of each column and observable, models over real rows, with the ratio to them below.

    The grey band of a ratio is the noise of the real rows, one standard deviation. Raises DataError if there are no
    samples, NotApplicable if there are neither columns nor observables.
    """
    samples = results.seed_samples
    quantities = quantities_of(samples)
    if not quantities:
        raise NotApplicable(f"{results.dataset}: images without observables have no marginals to show")
    rows = [row for row in results.models if row.label in samples.by_label]
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


def _panel(above: Axes, below: Axes, quantity: Quantity, styles: Mapping[str, LineStyle]) -> None:
    edges = _bin_edges(quantity)
    real = np.histogram(quantity.real, edges)[0] / max(1, len(quantity.real))
    noise = np.sqrt(real / max(1, len(quantity.real)))
    above.stairs(real, edges, fill=True, color=REAL_COLOUR, alpha=0.5)
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
        above.stairs(share, edges, color=style.colour, linestyle=style.dashes, linewidth=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(enough, share / real, np.nan)
        below.stairs(np.clip(ratio, -0.1, 2.1), edges, baseline=None, color=style.colour, linestyle=style.dashes,
                     linewidth=0.9)  # fmt: skip
    _format_axes(above, below, quantity, edges)
    above.set_ylim(0, min(1.05 * highest, MAX_HEIGHT_RATIO * top))  # a model that collapsed would flatten the rest


def _format_axes(above: Axes, below: Axes, quantity: Quantity, edges: Array) -> None:
    for axes in (above, below):
        axes.tick_params(labelsize=6.5)
        axes.set_xlim(edges[0], edges[-1])
        if quantity.log and edges[0] > 0:
            axes.set_xscale("log")
            format_ticks(axes, "x")
            limit_ticks(axes, edges[0], edges[-1])
    above.tick_params(labelbottom=False)
    above.set_yticks([])
    above.spines["left"].set_visible(False)
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


def level_ticks(levels: Sequence[str], limit: int = MAX_LEVEL_NAMES) -> tuple[list[int], list[str]]:
    """Return the codes at which an axis of a category has ticks, evenly spaced, and the names of these levels."""
    shown = list(range(0, len(levels), math.ceil(len(levels) / limit)))
    return shown, [plain_text(levels[i])[:LEVEL_CHARACTERS] for i in shown]


def _integer_bins(real: Array, low: float, high: float) -> Array:
    """Return edges midway between integers, with equally many of the values that occur in each bin: no comb is seen."""
    step = float(np.diff(np.unique(real)).min())
    width = step * max(1, math.ceil((high - low + step) / (step * BINS)))
    return low - step / 2 + width * np.arange(math.ceil((high - low + step) / width) + 1)


def _bin_edges(quantity: Quantity) -> Array:
    """Return the edges of the bins, over the range of the real rows without their tails."""
    real = quantity.real[np.isfinite(quantity.real)]
    if quantity.levels:
        return np.arange(len(quantity.levels) + 1) - 0.5
    if not len(real):
        return np.linspace(0.0, 1.0, BINS + 1)
    low, high = np.quantile(real, (TAIL_FRACTION, 1 - TAIL_FRACTION))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    if quantity.integer and real.min() < real.max():
        return _integer_bins(real, np.floor(low), np.ceil(high))
    if quantity.log and low > 0:
        return np.geomspace(low, high, BINS + 1)
    margin = 0.03 * (high - low)
    return np.linspace(low - margin, high + margin, BINS + 1)
