"""At which scale does a model fail? The equivalent sample size of each model against the bandwidth of the kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genbench.errors import DataError
from genbench.record.store import Record
from genbench.report.figures.dataset_results import DatasetResults
from genbench.report.figures.style import MUTED_COLOUR, TEXT_COLOUR, LineStyle, plain_text, set_log_axes
from genbench.table.summary import Row

FIGURE_INCHES = (6.4, 4.0)
DETAIL_LISTS = ("bandwidths", "values", "low", "high")
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class EquivalentCurve:
    """Equivalent sample size against bandwidth (K,), medians over seeds; at least ``low`` if ``value`` is infinite."""

    bandwidths: Numbers
    value: Numbers
    low: Numbers
    high: Numbers


def equivalent_curve(records: Sequence[Record]) -> EquivalentCurve | None:
    """Return the curve of one model's cells, None if none has a score ``equivalent`` with its bandwidths."""
    found = [detail for record in records if (detail := _detail(record))]
    if not found:
        return None
    found = [detail for detail in found if len(detail["bandwidths"]) == len(found[0]["bandwidths"])]
    bandwidths = [_numbers(detail["bandwidths"]) for detail in found]
    middle = (len(found) - 1) // 2
    value, low, high = (np.sort([_numbers(d[name]) for d in found], axis=0)[middle] for name in DETAIL_LISTS[1:])
    return EquivalentCurve(np.exp(np.mean(np.log(bandwidths), axis=0)), value, low, high)


def _detail(record: Record) -> Mapping[str, Any] | None:
    for score in record.get("scores") or ():
        detail = score.get("detail") or {}
        if score["metric"] == "equivalent" and all(isinstance(detail.get(name), list) for name in DETAIL_LISTS):
            return detail
    return None


def _numbers(values: Sequence[float | None]) -> Numbers:
    """Return numbers, with None, which JSON has for infinity, as infinity."""
    return np.array([math.inf if value is None else value for value in values], float)


def equivalent(results: DatasetResults) -> Figure:
    """Return the equivalent sample size of each model against the bandwidth, both logarithmic.

    A line is the median over seeds, its band the 95 % interval; an arrow marks the lower limit where the test rows do
    not tell the samples from real data. A ring is the number of the table, at the bandwidth where the model fails
    first. Horizontal lines are the numbers of training and test rows. Raises DataError if there are no such scores.
    """
    rows = [(row, curve) for row in results.rows if (curve := equivalent_curve(row.records)) is not None]
    if not rows:
        raise DataError(
            f"{results.dataset}: no record holds the metric 'equivalent'; score the run again with --metrics equivalent"
        )
    figure = Figure(figsize=FIGURE_INCHES)
    axes = figure.add_subplot()
    set_log_axes(axes)
    axes.set_xlabel("bandwidth (units of the scoring space)")
    axes.set(ylabel="worth in real events", title=plain_text(results.dataset))
    styles = {row.label: results.line_styles[row.label] for row, _ in rows}
    sizes = _sizes(results.records)
    axes.set_ylim(*_axis_range([curve for _, curve in rows], sizes))
    for row, curve in rows:
        _draw(axes, curve, styles[row.label], band=row.role != "reference")
        _draw_table_number(axes, row, styles[row.label])
    _draw_sizes(axes, sizes)
    handles = [
        Line2D([], [], color=s.colour, linestyle=s.dashes, marker=s.marker, markersize=4, label=s.label)
        for s in styles.values()
    ]
    handles.append(Line2D([], [], color=MUTED_COLOUR, marker="^", linestyle="", markersize=5, label="at least"))
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "linestyle": "", "markersize": 9}
    handles.append(Line2D([], [], color=MUTED_COLOUR, label="in the table", **ring))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def _draw(axes: Axes, curve: EquivalentCurve, style: LineStyle, *, band: bool) -> None:
    finite, top = np.isfinite(curve.value), axes.get_ylim()[1]
    kwargs: dict[str, Any] = {"color": style.colour, "zorder": 3 if band else 2}
    line = np.where(finite, curve.value, np.minimum(curve.low, top))  # a limit may lie far above the axis
    axes.plot(curve.bandwidths, np.where(finite, line, np.nan), linestyle=style.dashes, marker=style.marker,
              markersize=4 if band else 3, **kwargs)  # fmt: skip
    axes.plot(curve.bandwidths[~finite], line[~finite], linestyle="", marker="^", markersize=5,
              clip_on=False, **kwargs)  # fmt: skip
    axes.plot(curve.bandwidths, line, linestyle=style.dashes, linewidth=0.6, alpha=0.4, **kwargs)
    if band:
        high = np.minimum(curve.high, 10 * top)
        low = np.minimum(curve.low, high)
        axes.fill_between(curve.bandwidths, low, high, where=finite, color=style.colour, alpha=0.13, linewidth=0)


def _draw_table_number(axes: Axes, row: Row, style: LineStyle) -> None:
    """Draw a ring at the number of the table; of lower limits there is none."""
    entry = row.entries.get("equivalent")
    bandwidths = [
        detail["bandwidth"] for record in row.records if (detail := _detail(record)) and "bandwidth" in detail
    ]
    if entry is None or entry.estimate is None or entry.estimate.limit or not bandwidths:
        return
    at = math.exp(math.fsum(math.log(each) for each in bandwidths) / len(bandwidths))
    axes.plot([at], [entry.estimate.mean], marker="o", markersize=9, markerfacecolor="none", color=style.colour,
              linestyle="", zorder=4)  # fmt: skip


def _sizes(records: Sequence[Record]) -> dict[int, str]:
    """Return labels of the numbers of rows: ``{10000: "10000 train", 2835: "2835 test, as far as they can tell"}``."""
    found: dict[int, str] = {}
    for split in ("train", "test"):
        sizes = {record["sizes"][split] for record in records if (record.get("sizes") or {}).get(split)}
        for n in sizes if len(sizes) == 1 else ():
            text = f"{n} {split}" if split == "train" else f"{n} {split},\nas far as\nthey can tell"
            found[n] = f"{found[n]}, {text}" if n in found else text
    return found


def _axis_range(curves: Sequence[EquivalentCurve], sizes: Mapping[int, str]) -> tuple[float, float]:
    """Return the range of the axis: it holds all values and sizes, and limits up to five times the largest of them."""
    values = np.concatenate([curve.value for curve in curves])
    limits = np.concatenate([curve.low[np.isinf(curve.value)] for curve in curves])
    values = np.append(values[np.isfinite(values) & (values > 0)], list(sizes))
    limits = limits[np.isfinite(limits) & (limits > 0)]
    top = 5 * values.max() if len(values) else limits.max()
    shown = np.append(values, np.minimum(limits, top))
    return shown.min() / 2, shown.max() * 2


def _draw_sizes(axes: Axes, sizes: Mapping[int, str]) -> None:
    for (n, text), dashes in zip(sizes.items(), ((0, (6, 3)), (0, (1, 2))), strict=False):
        axes.axhline(n, color=TEXT_COLOUR, linewidth=0.8, linestyle=dashes, zorder=1)
        axes.annotate(text, (1.01, n), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize=7,
                      color=TEXT_COLOUR)  # fmt: skip
