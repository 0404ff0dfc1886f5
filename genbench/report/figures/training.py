"""Losses, or whatever else the models logged, against training time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.record.store import Record
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import DASHES, LineStyle, format_ticks, plain_text
from genbench.table.summary import Row

MAX_PANELS_PER_ROW = 4
MAX_NAMES = 4  # logged quantities of a model that are drawn
MARKERS = (".", "x", "+", "1")  # for lines of one or two points, where dashes cannot be seen
MAX_POINTS_PER_LINE = 160  # a panel has no pixels for more, which would only enlarge the page
LOG_SCALE_RATIO = 30.0  # an axis is logarithmic if its largest value exceeds the median by this factor


def traces_of(record: Record) -> dict[str, Array]:
    """Return what a cell logged, by name: (points, 2) of seconds and value, at most MAX_POINTS_PER_LINE points."""
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in record.get("trace") or ():
        if not (isinstance(entry, Sequence) and len(entry) == 3 and isinstance(entry[2], dict)):
            continue
        for name, value in entry[2].items():
            if isinstance(value, (int, float)) and math.isfinite(value) and isinstance(entry[0], (int, float)):
                found.setdefault(str(name), []).append((float(entry[0]), float(value)))
    return {name: _thin(np.array(points)) for name, points in found.items()}


def _thin(points: Array) -> Array:
    at = np.unique(np.linspace(0, len(points) - 1, min(MAX_POINTS_PER_LINE, len(points))).round().astype(int))
    thin: Array = points[at]
    return thin


def training(results: DatasetResults) -> Figure:
    """Return one panel per model with what it logged against seconds of training, a line for each seed.

    Each panel has its own axes, because losses of different models are different quantities. Raises NotApplicable if
    nothing was logged.
    """
    rows = [row for row in results.rows if any(traces_of(record) for record in row.records)]
    if not rows:
        raise NotApplicable(f"{results.dataset}: no model logged a loss")
    across = min(MAX_PANELS_PER_ROW, len(rows))
    down = math.ceil(len(rows) / across)
    figure = Figure(figsize=(2.35 * across + 0.3, 1.9 * down + 0.3))
    grid = figure.subplots(down, across, squeeze=False)
    for axes, row in zip(grid.flat, rows, strict=False):
        _panel(axes, row, results.line_styles[row.label])
    for axes in list(grid.flat)[len(rows) :]:
        axes.set_axis_off()
    figure.supxlabel("seconds of training", fontsize=8)
    return figure


def _panel(axes: Axes, row: Row, style: LineStyle) -> None:
    traces = [traces_of(record) for record in row.records]
    names = list(dict.fromkeys(name for trace in traces for name in trace))
    names.sort(key=lambda name: name != "loss")
    values = [trace[name][:, 1] for trace in traces for name in names[:MAX_NAMES] if name in trace]
    axes.set_yscale(_scale(np.concatenate(values)))
    format_ticks(axes, "y")
    for at, name in enumerate(names[:MAX_NAMES]):
        for number, trace in enumerate(each for each in traces if name in each):
            kwargs: dict[str, Any] = {"label": plain_text(name)} if number == 0 else {}
            axes.plot(*trace[name].T, color=style.colour, linestyle=DASHES[at], linewidth=1.1, alpha=0.85,
                      marker=MARKERS[at] if len(trace[name]) < 3 else "", **kwargs)  # fmt: skip
    axes.set_title(style.label, fontsize=8, color=style.colour, weight="bold")
    axes.tick_params(labelsize=6.5)
    axes.set_xlim(left=0)
    axes.legend(fontsize=6.5, loc="best", handlelength=1.6, borderpad=0.1, labelspacing=0.2)


def _scale(values: Array) -> str:
    """Return ``log`` for positive values over several orders, ``symlog`` if some are negative, else ``linear``."""
    middle = float(np.median(np.abs(values)))
    if not np.abs(values).max() > LOG_SCALE_RATIO * max(middle, 1e-12):
        return "linear"
    return "log" if values.min() > 0 else "symlog"
