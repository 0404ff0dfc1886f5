"""Quality of the samples against training time and against samples per second, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genbench.errors import DataError
from genbench.report.figures.dataset_results import DatasetResults, add_clock_warning
from genbench.report.figures.style import (
    MUTED_COLOUR,
    LineStyle,
    finite_ends,
    format_ticks,
    limit_ticks,
    plain_text,
)
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.summary import Row

QUALITY_COLUMNS = ("equivalent", "energy", "sliced_w2", "frechet")  # the first that was scored is the quality
COST_AXES = (("fit_s", "seconds of training", "lower"), ("samples_per_s", "samples per second", "higher"))
AXIS_LABELS = {"equivalent": "worth in real events"}


@dataclass(frozen=True)
class ParetoPoint:
    """A model: its cost, its quality with the ends of the interval, and whether the quality is only a lower limit."""

    row: Row
    cost: float
    quality: float
    low: float
    high: float
    limit: bool = False


def quality_of(results: DatasetResults) -> ColumnInfo:
    """Return the column that stands for quality; raises DataError if no model has such a score."""
    columns = {column.name: column for summary in results.summaries for column in summary.columns}
    scores = [c for c in columns.values() if not c.timing and c.better]
    for column in [columns[name] for name in QUALITY_COLUMNS if name in columns] + scores:
        if any(_entry(row, column.name).estimate for row in results.models):
            return column
    raise DataError(f"{results.dataset}: no model has a score that could stand for quality")


def _entry(row: Row, name: str) -> Aggregate:
    return row.entries.get(name) or Aggregate(None)


def pareto_front(points: Sequence[ParetoPoint], cost: str, quality: str) -> list[ParetoPoint]:
    """Return the points that no other beats in both respects, cheapest first.

    ``cost`` and ``quality`` say which direction is better: ``lower`` or ``higher``.
    """
    signs = (1 if cost == "lower" else -1, 1 if quality == "lower" else -1)
    front: list[ParetoPoint] = []
    for point in sorted(points, key=lambda p: (signs[0] * p.cost, signs[1] * p.quality)):
        if not front or signs[1] * point.quality < signs[1] * front[-1].quality:
            front.append(point)
    return front


def pareto(results: DatasetResults) -> Figure:
    """Return quality against seconds of training and against samples per second, with the Pareto front.

    Values are means over seeds, bars their 95 % intervals; an arrow marks a lower limit or an open end. References are
    grey. Raises DataError if no model has both a score and a time.
    """
    column = quality_of(results)
    panels = [(label, better, _points(results.rows, name, column.name)) for name, label, better in COST_AXES]
    if not any(points for _, _, points in panels):
        raise DataError(f"{results.dataset}: no model has both a score and a time")
    figure = Figure(figsize=(8.4, 3.5))
    grid = figure.subplots(1, 2, sharey=True)
    for axes, (label, better, points) in zip(grid, panels, strict=True):
        _panel(axes, points, results.line_styles, column, better)
        axes.set_xlabel(f"{label} ({better} is better)")
    direction = "higher" if column.better == "higher" else "lower"
    grid[0].set_ylabel(f"{AXIS_LABELS.get(column.name, plain_text(column.name))} ({direction} is better)")
    add_clock_warning(figure, results)
    _draw_floor(grid, results.rows, column)
    seen = {p.row.label: results.line_styles[p.row.label] for _, _, points in panels for p in points}
    handles = [Line2D([], [], color=k.colour, marker=k.marker, linestyle="", label=k.label) for k in seen.values()]
    handles.append(Line2D([], [], color=MUTED_COLOUR, linewidth=1, label="Pareto front"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def _points(rows: Sequence[Row], cost: str, quality: str) -> list[ParetoPoint]:
    found = []
    for row in rows:
        time, score = _entry(row, cost), _entry(row, quality)
        if time.estimate is None or score.estimate is None or not time.estimate.mean > 0:
            continue
        mean = score.estimate.mean
        low, high = score.interval or (mean, mean)
        found.append(ParetoPoint(row, time.estimate.mean, mean, low, high, score.estimate.limit))
    return found


def _panel(
    axes: Axes, points: Sequence[ParetoPoint], line_styles: Mapping[str, LineStyle], column: ColumnInfo, better: str
) -> None:
    axes.set_xscale("log")
    format_ticks(axes, "x")
    if points:  # without this, costs within a decade may have no labelled tick
        limit_ticks(axes, min(p.cost for p in points), max(p.cost for p in points))
    values = [p.quality for p in points]
    if values and min(values) > 0:
        axes.set_yscale("log")
        format_ticks(axes, "y")
        axes.set_ylim(min(values) / 2, max(values) * 2)
    elif values and (noise := float(np.median([_half_width(p) for p in points]))) > 0:
        axes.set_yscale("symlog", linthresh=noise, linscale=0.6)  # linear where values scatter around zero by chance
        format_ticks(axes, "y")
    for point in points:
        style, is_model = line_styles[point.row.label], point.row.role != "reference"
        span = finite_ends((point.low, point.high), point.quality)
        if axes.get_yscale() == "log":
            span = tuple(np.clip(span, *axes.get_ylim()))
        axes.plot([point.cost] * 2, span, color=style.colour, linewidth=1, alpha=0.7)
        axes.plot(point.cost, point.quality, color=style.colour, marker=style.marker, markersize=7 if is_model else 5,
                  zorder=3)  # fmt: skip
        if point.limit or math.isinf(point.high):
            axes.annotate("", (point.cost, point.quality), (0, 16), textcoords="offset points",
                          arrowprops={"arrowstyle": "<-", "color": style.colour})  # fmt: skip
    front = pareto_front([p for p in points if p.row.role != "reference"], better, column.better or "lower")
    if len(front) > 1:
        axes.step(
            [p.cost for p in front], [p.quality for p in front], where="post", color=MUTED_COLOUR, linewidth=1, zorder=1
        )


def _half_width(point: ParetoPoint) -> float:
    low, high = finite_ends((point.low, point.high), point.quality)
    return (high - low) / 2


def _draw_floor(grid: Sequence[Axes], rows: Sequence[Row], column: ColumnInfo) -> None:
    """Draw the score of fresh real data, if it is within the axes."""
    real = next((row for row in rows if row.records[0]["model"] == "real"), None)
    estimate = _entry(real, column.name).estimate if real is not None else None
    if estimate is None:
        return
    for axes in grid:
        low, high = axes.get_ylim()
        if low < estimate.mean < high:
            axes.axhline(estimate.mean, color=MUTED_COLOUR, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
            label = "fresh real data" + (" (at least)" if estimate.limit else "")
            axes.annotate(label, (0.02, estimate.mean), xycoords=("axes fraction", "data"), fontsize=7,
                          color=MUTED_COLOUR, va="bottom")  # fmt: skip
