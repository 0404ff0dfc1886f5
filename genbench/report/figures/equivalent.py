"""At which scale does a model fail? The equivalent sample of each model against the bandwidth it was seen with."""

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
from genbench.report.figures.style import INK, SOFT, Look, logarithmic, plain_text
from genbench.report.figures.subject import Subject

__all__ = ["Curve", "curve_of", "equivalent"]

SIZE = (6.4, 4.0)  # inches
LISTS = ("bandwidths", "values", "low", "high")
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Curve:
    """Equivalent sample against bandwidth (K,), medians over seeds; at least ``low`` where ``value`` is infinite."""

    bandwidths: Numbers
    value: Numbers
    low: Numbers
    high: Numbers


def curve_of(records: Sequence[Record]) -> Curve | None:
    """Return the curve of the cells of one model, None where none has a score ``equivalent`` with its bandwidths."""
    found = [detail for record in records if (detail := _detail(record))]
    if not found:
        return None
    found = [detail for detail in found if len(detail["bandwidths"]) == len(found[0]["bandwidths"])]
    bandwidths = [_numbers(detail["bandwidths"]) for detail in found]
    middle = (len(found) - 1) // 2
    value, low, high = (np.sort([_numbers(d[name]) for d in found], axis=0)[middle] for name in LISTS[1:])
    return Curve(np.exp(np.mean(np.log(bandwidths), axis=0)), value, low, high)


def _detail(record: Record) -> Mapping[str, Any] | None:
    for score in record.get("scores") or ():
        detail = score.get("detail") or {}
        if score["metric"] == "equivalent" and all(isinstance(detail.get(name), list) for name in LISTS):
            return detail
    return None


def _numbers(values: Sequence[float | None]) -> Numbers:
    """Return numbers; None, which JSON has for what nothing bounds, is infinite."""
    return np.array([math.inf if value is None else value for value in values], float)


def equivalent(subject: Subject) -> Figure:
    """Return the equivalent sample of each model against the bandwidth, both logarithmic.

    A line is the median over seeds, its band the interval at 95 %; an arrow stands at the lower limit where a model is
    not told from real data. Horizontal lines are the training and the test rows. Raises DataError without such scores.
    """
    rows = [(row, curve) for row in subject.rows if (curve := curve_of(row.records)) is not None]
    if not rows:
        raise DataError(
            f"{subject.dataset}: no record holds the metric 'equivalent'; score the run again with --metrics equivalent"
        )
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    logarithmic(axes)
    axes.set_xlabel("bandwidth (units of the scoring space)")
    axes.set(ylabel="worth in real events", title=plain_text(subject.dataset))
    shown = {row.label: subject.looks[row.label] for row, _ in rows}
    sizes = _sizes(subject.records)
    axes.set_ylim(*_range([curve for _, curve in rows], sizes))
    for row, curve in rows:
        _draw(axes, curve, shown[row.label], band=row.role != "reference")
    _draw_sizes(axes, sizes)
    handles = [_handle(look) for look in shown.values()]
    handles.append(Line2D([], [], color=SOFT, marker="^", linestyle="", markersize=5, label="at least"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def _draw(axes: Axes, curve: Curve, look: Look, *, band: bool) -> None:
    told, top = np.isfinite(curve.value), axes.get_ylim()[1]
    kwargs: dict[str, Any] = {"color": look.colour, "zorder": 3 if band else 2}
    line = np.where(told, curve.value, np.minimum(curve.low, top))  # a limit may lie far above what is shown
    axes.plot(curve.bandwidths, np.where(told, line, np.nan), linestyle=look.dashes, marker=look.marker,
              markersize=4 if band else 3, **kwargs)  # fmt: skip
    axes.plot(curve.bandwidths[~told], line[~told], linestyle="", marker="^", markersize=5,
              clip_on=False, **kwargs)  # fmt: skip
    axes.plot(curve.bandwidths, line, linestyle=look.dashes, linewidth=0.6, alpha=0.4, **kwargs)
    if band:
        high = np.minimum(curve.high, 10 * top)
        axes.fill_between(
            curve.bandwidths, np.minimum(curve.low, high), high, where=told, color=look.colour, alpha=0.13, linewidth=0
        )


def _sizes(records: Sequence[Record]) -> dict[int, str]:
    """Return numbers of rows and what they are of: ``{10000: "10000 train", 2835: "2835 test"}``."""
    found: dict[int, str] = {}
    for split in ("train", "test"):
        sizes = {record["sizes"][split] for record in records if (record.get("sizes") or {}).get(split)}
        for n in sizes if len(sizes) == 1 else ():
            found[n] = f"{found[n]}, {n} {split}" if n in found else f"{n} {split}"
    return found


def _range(curves: Sequence[Curve], sizes: Mapping[int, str]) -> tuple[float, float]:
    """Return what the axis shows: all values and sizes, limits up to five times above; of the bands what fits."""
    values = np.concatenate([curve.value for curve in curves])
    limits = np.concatenate([curve.low[np.isinf(curve.value)] for curve in curves])
    values = np.append(values[np.isfinite(values) & (values > 0)], list(sizes))
    limits = limits[np.isfinite(limits) & (limits > 0)]
    top = 5 * values.max() if len(values) else limits.max()
    shown = np.append(values, np.minimum(limits, top))
    return shown.min() / 2, shown.max() * 2


def _draw_sizes(axes: Axes, sizes: Mapping[int, str]) -> None:
    for (n, text), dashes in zip(sizes.items(), ((0, (6, 3)), (0, (1, 2))), strict=False):
        axes.axhline(n, color=INK, linewidth=0.8, linestyle=dashes, zorder=1)
        axes.annotate(text, (1.01, n), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize=7,
                      color=INK)  # fmt: skip


def _handle(look: Look) -> Line2D:
    return Line2D([], [], color=look.colour, linestyle=look.dashes, marker=look.marker, markersize=4, label=look.label)
