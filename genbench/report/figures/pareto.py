"""What quality costs: the quality of the samples against the time of training, and against samples a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genbench.errors import DataError
from genbench.report.figures.style import SOFT, Look, few_decades, plain_numbers, plain_text
from genbench.report.figures.subject import Subject, warn_of_clocks
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.summary import Row

__all__ = ["Point", "front_of", "pareto", "quality_of"]

QUALITIES = ("equivalent", "energy", "sliced_w2", "frechet")  # the first that is there is the quality
COSTS = (("fit_s", "seconds of training", "lower"), ("samples_per_s", "samples a second", "higher"))
WORDS = {"equivalent": "worth in real events"}


@dataclass(frozen=True)
class Point:
    """A model: what it costs, how good it is, between which ends, and whether that is only a lower limit."""

    row: Row
    cost: float
    quality: float
    low: float
    high: float
    limit: bool = False


def quality_of(subject: Subject) -> ColumnInfo:
    """Return the column that stands for quality; raises DataError where no model has one."""
    columns = {column.name: column for summary in subject.summaries for column in summary.columns}
    scores = [c for c in columns.values() if not c.timing and c.better]
    for column in [columns[name] for name in QUALITIES if name in columns] + scores:
        if any(_entry(row, column.name).estimate for row in subject.models):
            return column
    raise DataError(f"{subject.dataset}: no model has a score that could stand for quality")


def _entry(row: Row, name: str) -> Aggregate:
    return row.entries.get(name) or Aggregate(None)


def front_of(points: Sequence[Point], cost: str, quality: str) -> list[Point]:
    """Return the points that no other beats in both, cheapest first; ``lower`` or ``higher`` says which is better."""
    signs = (1 if cost == "lower" else -1, 1 if quality == "lower" else -1)
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (signs[0] * p.cost, signs[1] * p.quality)):
        if not front or signs[1] * point.quality < signs[1] * front[-1].quality:
            front.append(point)
    return front


def pareto(subject: Subject) -> Figure:
    """Return quality against the seconds of training and against samples a second, with the front of the best.

    Bars are intervals at 95 %, means over seeds; an arrow is a lower limit. Grey are references. Raises DataError
    where there is no quality or no time.
    """
    column = quality_of(subject)
    panels = [(words, better, _points(subject.rows, name, column.name)) for name, words, better in COSTS]
    if not any(points for _, _, points in panels):
        raise DataError(f"{subject.dataset}: no model has both a score and a time")
    figure = Figure(figsize=(8.4, 3.5))
    grid = figure.subplots(1, 2, sharey=True)
    for axes, (words, better, points) in zip(grid, panels, strict=True):
        _panel(axes, points, subject.looks, column, better)
        axes.set_xlabel(f"{words} ({'less' if better == 'lower' else 'more'} is better)")
    way = "more" if column.better == "higher" else "less"
    grid[0].set_ylabel(f"{WORDS.get(column.name, plain_text(column.name))} ({way} is better)")
    warn_of_clocks(figure, subject)
    _draw_floor(grid, subject.rows, column)
    seen = {p.row.label: subject.looks[p.row.label] for _, _, points in panels for p in points}
    handles = [Line2D([], [], color=k.colour, marker=k.marker, linestyle="", label=k.label) for k in seen.values()]
    handles.append(Line2D([], [], color=SOFT, linewidth=1, label="not beaten in both"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def _points(rows: Sequence[Row], cost: str, quality: str) -> list[Point]:
    found = []
    for row in rows:
        paid, scored = _entry(row, cost), _entry(row, quality)
        if paid.estimate is None or scored.estimate is None or not paid.estimate.mean > 0:
            continue
        mean = scored.estimate.mean
        low, high = scored.interval or (mean, mean)
        found.append(Point(row, paid.estimate.mean, mean, low, high, scored.estimate.limit))
    return found


def _panel(axes: Axes, points: Sequence[Point], looks: Mapping[str, Look], column: ColumnInfo, better: str) -> None:
    axes.set_xscale("log")
    plain_numbers(axes, "x")
    if points:  # costs within a decade would have no labelled tick at all
        few_decades(axes, min(p.cost for p in points), max(p.cost for p in points))
    values = [p.quality for p in points]
    if values and min(values) > 0:
        axes.set_yscale("log")
        plain_numbers(axes, "y")
        axes.set_ylim(min(values) / 2, max(values) * 2)
    elif values and (noise := float(np.median([(p.high - p.low) / 2 for p in points]))) > 0:
        axes.set_yscale("symlog", linthresh=noise, linscale=0.6)  # what lies about zero by chance, on a linear scale
        plain_numbers(axes, "y")
    for point in points:
        look, model = looks[point.row.label], point.row.role != "reference"
        span = np.clip([point.low, point.high], *axes.get_ylim()) if axes.get_yscale() == "log" else [
            point.low, point.high]  # fmt: skip
        axes.plot([point.cost] * 2, span, color=look.colour, linewidth=1, alpha=0.7)
        axes.plot(point.cost, point.quality, color=look.colour, marker=look.marker, markersize=7 if model else 5,
                  zorder=3)  # fmt: skip
        if point.limit:
            axes.annotate("", (point.cost, point.quality), (0, 16), textcoords="offset points",
                          arrowprops={"arrowstyle": "<-", "color": look.colour})  # fmt: skip
    front = front_of([p for p in points if p.row.role != "reference"], better, column.better or "lower")
    if len(front) > 1:
        axes.step([p.cost for p in front], [p.quality for p in front], where="post", color=SOFT, linewidth=1, zorder=1)


def _draw_floor(grid: Sequence[Axes], rows: Sequence[Row], column: ColumnInfo) -> None:
    """Draw what fresh real data score, where that is within the picture."""
    real = next((row for row in rows if row.records[0]["model"] == "real"), None)
    estimate = _entry(real, column.name).estimate if real is not None else None
    if estimate is None:
        return
    for axes in grid:
        low, high = axes.get_ylim()
        if low < estimate.mean < high:
            axes.axhline(estimate.mean, color=SOFT, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
            words = "fresh real data" + (" (at least)" if estimate.limit else "")
            axes.annotate(words, (0.02, estimate.mean), xycoords=("axes fraction", "data"), fontsize=7, color=SOFT,
                          va="bottom")  # fmt: skip
