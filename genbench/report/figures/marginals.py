"""Every column and observable by itself: models over real rows, and their ratio below, as in particle physics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from genbench.protocol import Array, Column, Data
from genbench.report.figures.style import INK, REAL, SOFT, Look, few_decades, plain_numbers, plain_text
from genbench.report.figures.subject import Shown, Subject, Unsuited

__all__ = ["Quantity", "marginals", "quantities_of"]

BINS = 40
COLUMNS, OBSERVABLES = 12, 16  # the most that are shown
ACROSS = 4
TAIL = 0.0005  # share of real rows beyond either end of the axis
HEADROOM = 1.8  # times the highest bin of the real rows
FEWEST = 5  # real rows in a bin whose ratio is shown


@dataclass(frozen=True)
class Quantity:
    """One number of a row: its name, unit and values, of real rows and of each model; ``log`` says how it is shown."""

    name: str
    unit: str
    log: bool
    real: Array  # (n,)
    samples: Mapping[str, Array]  # label -> (m,)


def quantities_of(shown: Shown) -> list[Quantity]:
    """Return the columns of a table, if these are one, and then the observables that its dataset declares."""
    data, found = shown.data, []
    if shown.kind == "vector":
        columns = data.columns or tuple(Column(f"x{i}") for i in range(data.shape[0]))
        for i, column in enumerate(columns[:COLUMNS]):
            samples = {label: rows[:, i].astype(np.float64) for label, rows in shown.samples.items()}
            found.append(Quantity(column.name, column.unit, column.log, data.test[:, i].astype(np.float64), samples))
    new = [each for each in _observables(data, shown.samples) if not any(_same(each, column) for column in found)]
    return found + new[:OBSERVABLES]


def _same(one: Quantity, other: Quantity) -> bool:
    """Return whether an observable is only a column again."""
    return one.name == other.name and np.allclose(one.real, other.real, equal_nan=True)


def _observables(data: Data, samples: Mapping[str, Array]) -> list[Quantity]:
    """Return what the dataset computes of rows; of a model whose samples it cannot digest, nothing."""
    if data.observables is None:
        return []
    try:
        real = dict(data.observables(data.test))
    except Exception:
        return []
    seen: dict[str, Mapping[str, Array]] = {}
    for label, rows in samples.items():
        try:
            seen[label] = data.observables(rows)
        except Exception:
            seen[label] = {}
    return [
        Quantity(name, "", False, np.asarray(values, np.float64), {
            label: np.asarray(each[name], np.float64) for label, each in seen.items() if name in each})
        for name, values in real.items()
    ]  # fmt: skip


def marginals(subject: Subject) -> Figure:
    """Return a histogram of each column and observable, models over real rows, with the ratio to them below.

    The grey band of a ratio is the noise of the real rows, one standard deviation. Raises DataError where there are no
    samples, Unsuited where there are neither columns nor observables.
    """
    shown = subject.shown
    quantities = quantities_of(shown)
    if not quantities:
        raise Unsuited(f"{subject.dataset}: images without observables have no marginals to show")
    rows = [row for row in subject.models if row.label in shown.samples]
    across = min(ACROSS, len(quantities))
    down = math.ceil(len(quantities) / across)
    figure = Figure(figsize=(2.25 * across + 0.4, 2.35 * down + 0.5))
    grid = figure.subplots(2 * down, across, squeeze=False, gridspec_kw={"height_ratios": [3, 1.2] * down})
    shown_looks = [(row.label, subject.looks[row.label]) for row in rows]
    for at in range(down * across):
        above, below = grid[2 * (at // across), at % across], grid[2 * (at // across) + 1, at % across]
        if at < len(quantities):
            _panel(above, below, quantities[at], shown_looks)
            if at % across == 0:
                below.set_ylabel("model/real", fontsize=7)
        else:
            above.set_axis_off()
            below.set_axis_off()
    handles: list[Line2D | Patch] = [Patch(color=REAL, alpha=0.5, label="held-out data")]
    handles += [Line2D([], [], color=look.colour, linestyle=look.dashes, label=look.label) for _, look in shown_looks]
    longest = max(len(str(handle.get_label())) for handle in handles)
    ncols = int(figure.get_figwidth() / (0.6 + 0.068 * longest))  # inches: a line and its gap, a letter
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), max(1, ncols)))
    return figure


def _panel(above: Axes, below: Axes, quantity: Quantity, shown: list[tuple[str, Look]]) -> None:
    edges = _edges(quantity)
    real = np.histogram(quantity.real, edges)[0] / max(1, len(quantity.real))
    noise = np.sqrt(real / max(1, len(quantity.real)))
    above.stairs(real, edges, fill=True, color=REAL, alpha=0.5)
    enough = real * len(quantity.real) >= FEWEST
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(enough, noise / real, np.nan)
    below.stairs(1 + relative, edges, baseline=1 - relative, fill=True, color=REAL, alpha=0.5)
    below.axhline(1, color=INK, linewidth=0.6)
    top = highest = max(float(real.max()), 1e-12)
    for label, look in shown:
        values = quantity.samples.get(label, np.empty(0))
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        share = np.histogram(values, edges)[0] / len(values)
        highest = max(highest, float(share.max()))
        above.stairs(share, edges, color=look.colour, linestyle=look.dashes, linewidth=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(enough, share / real, np.nan)
        below.stairs(np.clip(ratio, -0.1, 2.1), edges, baseline=None, color=look.colour, linestyle=look.dashes,
                     linewidth=0.9)  # fmt: skip
    _dress(above, below, quantity, edges)
    above.set_ylim(0, min(1.05 * highest, HEADROOM * top))  # a model that collapsed would flatten the rest


def _dress(above: Axes, below: Axes, quantity: Quantity, edges: Array) -> None:
    for axes in (above, below):
        axes.tick_params(labelsize=6.5)
        axes.set_xlim(edges[0], edges[-1])
        if quantity.log and edges[0] > 0:
            axes.set_xscale("log")
            plain_numbers(axes, "x")
            few_decades(axes, edges[0], edges[-1])
    above.tick_params(labelbottom=False)
    above.set_yticks([])
    above.spines["left"].set_visible(False)
    unit = f" ({plain_text(quantity.unit)})" if quantity.unit else ""
    above.set_title(plain_text(quantity.name) + unit, fontsize=8)
    below.set(ylim=(0, 2), yticks=[0, 1, 2])
    below.grid(axis="y", color=SOFT, linewidth=0.3, alpha=0.5)


def _edges(quantity: Quantity) -> Array:
    """Return the ends of the bins: from the range of the real rows but for their tails."""
    real = quantity.real[np.isfinite(quantity.real)]
    if not len(real):
        return np.linspace(0.0, 1.0, BINS + 1)
    low, high = np.quantile(real, (TAIL, 1 - TAIL))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    if quantity.log and low > 0:
        return np.geomspace(low, high, BINS + 1)
    margin = 0.03 * (high - low)
    return np.linspace(low - margin, high + margin, BINS + 1)
