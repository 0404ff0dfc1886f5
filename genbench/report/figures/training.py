"""What the models logged while they learned, against the clock of their training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.record.store import Record
from genbench.report.figures.style import DASHES, Look, plain_numbers, plain_text
from genbench.report.figures.subject import Subject, Unsuited
from genbench.table.summary import Row

__all__ = ["traces_of", "training"]

ACROSS = 4
NAMES = 4  # values of a model that are drawn
MARKS = (".", "x", "+", "1")  # of each, where it is a point or two and a dash tells nothing
POINTS = 160  # of a line: more than a panel has pixels for would only make a page larger
SHARPEST = 30.0  # times its median: an axis that holds more than this is logarithmic


def traces_of(record: Record) -> dict[str, Array]:
    """Return what a cell logged: by name, (points, 2) of seconds and value, at most 160 of them."""
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in record.get("trace") or ():
        if not (isinstance(entry, Sequence) and len(entry) == 3 and isinstance(entry[2], dict)):
            continue
        for name, value in entry[2].items():
            if isinstance(value, (int, float)) and math.isfinite(value) and isinstance(entry[0], (int, float)):
                found.setdefault(str(name), []).append((float(entry[0]), float(value)))
    return {name: _thinned(np.array(points)) for name, points in found.items()}


def _thinned(points: Array) -> Array:
    at = np.unique(np.linspace(0, len(points) - 1, min(POINTS, len(points))).round().astype(int))
    thin: Array = points[at]
    return thin


def training(subject: Subject) -> Figure:
    """Return one panel a model with what it logged against the seconds of its training, a line for each seed.

    Losses of different models are different quantities, so that each panel has its own axes. Raises
    Unsuited where nothing was logged.
    """
    rows = [row for row in subject.rows if any(traces_of(record) for record in row.records)]
    if not rows:
        raise Unsuited(f"{subject.dataset}: no model logged a loss")
    across = min(ACROSS, len(rows))
    down = math.ceil(len(rows) / across)
    figure = Figure(figsize=(2.35 * across + 0.3, 1.9 * down + 0.3))
    grid = figure.subplots(down, across, squeeze=False)
    for axes, row in zip(grid.flat, rows, strict=False):
        _panel(axes, row, subject.looks[row.label])
    for axes in list(grid.flat)[len(rows) :]:
        axes.set_axis_off()
    figure.supxlabel("seconds of training", fontsize=8)
    return figure


def _panel(axes: Axes, row: Row, look: Look) -> None:
    traces = [traces_of(record) for record in row.records]
    names = list(dict.fromkeys(name for trace in traces for name in trace))
    names.sort(key=lambda name: name != "loss")
    values = [trace[name][:, 1] for trace in traces for name in names[:NAMES] if name in trace]
    axes.set_yscale(_scale(np.concatenate(values)))
    plain_numbers(axes, "y")
    for at, name in enumerate(names[:NAMES]):
        for number, trace in enumerate(each for each in traces if name in each):
            kwargs: dict[str, Any] = {"label": plain_text(name)} if number == 0 else {}
            axes.plot(*trace[name].T, color=look.colour, linestyle=DASHES[at], linewidth=1.1, alpha=0.85,
                      marker=MARKS[at] if len(trace[name]) < 3 else "", **kwargs)  # fmt: skip
    axes.set_title(look.label, fontsize=8, color=look.colour, weight="bold")
    axes.tick_params(labelsize=6.5)
    axes.set_xlim(left=0)
    axes.legend(fontsize=6.5, loc="best", handlelength=1.6, borderpad=0.1, labelspacing=0.2)


def _scale(values: Array) -> str:
    """Return ``log`` for positive values of several orders, ``symlog`` where some are negative, else ``linear``."""
    middle = float(np.median(np.abs(values)))
    if not np.abs(values).max() > SHARPEST * max(middle, 1e-12):
        return "linear"
    return "log" if values.min() > 0 else "symlog"
