"""Any metric against a numeric option of the dataset or of the models, or against the number of training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import LineStyle, finite_ends, format_ticks, line_style_of, looks_of, plain_text
from genbench.table.columns import ColumnInfo
from genbench.table.sweep import TRAIN_ROWS, Sweep, SweepLine, sweeps_of

MAX_PANELS_PER_ROW = 3
DECADE = 10.0  # an axis of the option is logarithmic if its values span as much
MIN_LOG_RATIO = 30.0  # an axis of values is
REAL = "real"
ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def sweep(results: DatasetResults) -> Figure:
    """Return metrics against the option that has several values: means over seeds with 95 % intervals, all models.

    ``results.option`` chooses the option and ``results.metrics`` the metrics, by default the core metrics. Fresh real
    data are black. A model without the option is a dotted level. Raises NotApplicable if no option has several values
    or no metric has any, and UnknownName for an option without several values.
    """
    wanted = [each for each in sweeps_of(results.summaries, results.option) if each.chosen(results.metrics)]
    if not wanted:
        raise NotApplicable(f"{results.dataset}: no numeric option has several values, as in 'gaussian[dim=2|8]'")
    panels = [(each, column) for each in wanted for column in each.chosen(results.metrics)]
    across = min(MAX_PANELS_PER_ROW, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(2.7 * across + 1.5, 2.4 * down + 0.2))
    grid = figure.subplots(down, across, squeeze=False)
    styles = _styles(wanted, results)
    for axes, (each, column) in zip(grid.flat, panels, strict=False):
        _panel(axes, each, column, styles, several=len(wanted) > 1)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    found = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in grid.flat]
    handles = {label: handle for pairs in found for handle, label in pairs}
    figure.legend(handles=list(handles.values()), loc="outside right upper")
    return figure


def _styles(sweeps: Sequence[Sweep], results: DatasetResults) -> dict[str, LineStyle]:
    """Return the style of each line, that of its model in the other figures where its label is the same."""
    lines = {line.label: line for each in sweeps for line in each.lines}
    models = [line.label for line in lines.values() if line.role != "reference"]
    looks = looks_of([*results.all_models, *models])
    return {label: line_style_of(label, line.model, line.role, looks) for label, line in lines.items()}


def _panel(axes: Axes, swept: Sweep, column: ColumnInfo, styles: dict[str, LineStyle], *, several: bool) -> None:
    drawn = [(line, points) for line in swept.lines if (points := _points(line, swept, column.name))]
    _set_scales(axes, swept, drawn)
    for line, points in drawn:
        _draw(axes, points, styles[line.label], is_real=line.model == REAL, level=not line.rows)
    axes.set_title(plain_text(column.name) + ARROWS[column.better], fontsize=9)
    name = "training rows" if swept.of == TRAIN_ROWS else swept.option
    axes.set_xlabel(plain_text(f"{name}, {swept.dataset}" if several or swept.of == "dataset" else name), fontsize=8)
    if column.unit:
        axes.set_ylabel(plain_text(column.unit), fontsize=7)
    axes.tick_params(labelsize=7)


Point = tuple[float, float, float, float]  # value of the option, mean, and the ends of its interval


def _points(line: SweepLine, swept: Sweep, name: str) -> list[Point]:
    found = []
    for value in swept.values:
        row = line.at(value)
        entry = row.entries.get(name) if row is not None and row.scored else None
        if entry is not None and entry.estimate is not None:
            mean = entry.estimate.mean
            found.append((value, mean, *finite_ends(entry.interval or (mean, mean), mean)))
    return found


def _set_scales(axes: Axes, swept: Sweep, drawn: Sequence[tuple[SweepLine, list[Point]]]) -> None:
    """Make an axis logarithmic where its values span decades, the values around 0 on a linear scale."""
    low, high = swept.values[0], swept.values[-1]
    if low > 0 and high >= DECADE * low:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(swept.values)))
    axes.xaxis.set_minor_locator(NullLocator())
    format_ticks(axes, "x")
    means = np.array([mean for line, points in drawn if line.model != REAL for _, mean, _, _ in points])
    sizes = np.abs(means[means != 0]) if len(means) else means
    if not len(sizes) or sizes.max() < MIN_LOG_RATIO * sizes.min():
        return
    if means.min() > 0:
        axes.set_yscale("log")
        axes.set_ylim(means.min() / 2, means.max() * 2)
    else:
        axes.set_yscale("symlog", linthresh=float(np.quantile(sizes, 0.4)))
        axes.set_ylim(2 * min(means.min(), 0), 2 * max(means.max(), 0))
    format_ticks(axes, "y")


def _draw(axes: Axes, points: Sequence[Point], style: LineStyle, *, is_real: bool, level: bool) -> None:
    """Draw one line with its intervals; on a logarithmic axis those of real data begin at its lower end."""
    x, mean, low, high = np.array(points).T
    looks: dict[str, Any] = {"color": style.colour, "zorder": 2 if is_real else 3}
    if level:
        axes.plot(x, mean, linestyle=":", label=style.label, **looks)
        return
    is_log = axes.get_yscale() == "log"
    shown = np.where(mean > 0, mean, np.nan) if is_log else mean
    bottom = axes.get_ylim()[0]
    low, high = (np.maximum(end, bottom) for end in (low, high)) if is_log else (low, high)
    axes.plot(x, shown, linestyle=style.dashes, marker=style.marker, markersize=4, label=style.label, **looks)
    axes.fill_between(x, low, high, color=style.colour, alpha=0.15, linewidth=0)
    axes.vlines(x, low, high, linewidth=1.0, alpha=0.6, **looks)
