"""Quality against training time: scores of snapshots taken during the training, and of the trained model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.budget import Budget
from genbench.errors import UserError
from genbench.protocol import Array
from genbench.record.score import column_of
from genbench.record.store import Record
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, add_clock_warning
from genbench.report.figures.style import MUTED_COLOUR, LineStyle, format_ticks, plain_text
from genbench.table.summary import Row

BASELINE = "gaussian"


@dataclass(frozen=True)
class QualityCurve:
    """The quality during one training: (points, 2) of seconds and value, the step of each point, a snapshot's error.

    The last point is the trained model; its step is -1. Trainings with a budget in seconds do not stop at the same
    steps: their ``steps`` are shares of the budget, in 32nds: 1, 2, 4, 8, 16.
    """

    points: Array
    steps: tuple[int, ...]
    error: float


def progress(results: DatasetResults) -> Figure:
    """Return a metric against seconds of training: means over seeds, with a thin line for each seed.

    The last marker is the trained model, the only one of a model without snapshots. Snapshots have fewer samples and
    more noise: values below the median error of a snapshot are shaded and on a linear scale. Raises NotApplicable if no
    model has a curve.
    """
    label, unit = _column(record for row in results.models for record in row.records)
    if not label:
        raise NotApplicable(f"{results.dataset}: no metric was computed for snapshots of the trainings")
    curves = {row.label: quality_curves_of(row, label) for row in results.rows}
    if not any(curves[row.label] for row in results.models):
        raise NotApplicable(
            f"{results.dataset}: no trained model has both a value of {plain_text(label)} and its seconds"
        )
    figure = Figure(figsize=(6.4, 3.9))
    axes = figure.subplots()
    _scales(axes, [curve for row in results.models for curve in curves[row.label]])
    for row in results.models:
        if curves[row.label]:
            _draw(axes, curves[row.label], results.line_styles[row.label])
    _levels(axes, results.rows, curves)
    axes.set_xlabel("seconds of training (snapshots not counted)")
    axes.set_ylabel(f"{plain_text(label)}, {unit}" if unit else plain_text(label))
    add_clock_warning(figure, results)
    figure.legend(loc="outside right upper")
    return figure


def _column(records: Iterable[Record]) -> tuple[str, str]:
    """Return the first column that has curves, and its unit; empty strings if none has."""
    for record in records:
        for score in record.get("scores") or ():
            if _curve(score):
                return column_of(score), str(score.get("unit") or "")
    return "", ""


def _curve(score: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    curve = (score.get("detail") or {}).get("curve")
    points = curve if isinstance(curve, Sequence) and not isinstance(curve, str) else ()
    return [
        p for p in points if isinstance(p, Mapping) and all(_number(p.get(n)) for n in ("seconds", "value", "step"))
    ]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def quality_curves_of(row: Row, label: str) -> list[QualityCurve]:
    """Return the curves of a model in the column ``label``, one for each seed that has a score."""
    found = []
    for record in row.records:
        seconds = (record.get("timings") or {}).get("fit_s")
        score = next((s for s in record.get("scores") or () if column_of(s) == label and _number(s.get("value"))), None)
        if score is None or not _number(seconds):
            continue
        curve = _curve(score)
        points = [(p["seconds"], p["value"]) for p in curve] + [(seconds, score["value"])]
        errors = [(p["high"] - p["low"]) / 2 for p in curve if _number(p.get("low")) and _number(p.get("high"))]
        error = float(np.median(errors)) if errors else 0.0
        found.append(
            QualityCurve(np.array(points, float), (*(_step(p, record.get("budget")) for p in curve), -1), error)
        )
    return found


def _step(point: Mapping[str, Any], budget: Any) -> int:
    """Return what identifies a snapshot across seeds: its step, or its share of a budget in seconds."""
    try:
        parsed = Budget.parse(str(budget))
    except UserError:  # no budget, or one written by another program
        return int(point["step"])
    if parsed.unit != "s":
        return int(point["step"])
    share = max(1.0, 32 * point["seconds"] / parsed.amount)
    return 1 << math.floor(math.log2(share))  # a snapshot is taken as soon as a power of two is reached


def _scales(axes: Axes, curves: Sequence[QualityCurve]) -> None:
    """Make the axes logarithmic, the values only above the noise of a snapshot, which is shaded."""
    axes.set_xscale("log")
    format_ticks(axes, "x")
    values = np.concatenate([curve.points[:, 1] for curve in curves])
    errors = [curve.error for curve in curves if curve.error > 0]
    linear = float(np.median(errors)) if errors else 0.0
    if linear > 0:
        axes.axhspan(min(0.0, *values), linear, color=MUTED_COLOUR, alpha=0.1, linewidth=0, zorder=0)
        axes.annotate("noise of a snapshot", (0.01, linear), (0, -2), xycoords=("axes fraction", "data"), fontsize=7,
                      textcoords="offset points", color=MUTED_COLOUR, va="top")  # fmt: skip
    if linear > 0 and np.abs(values).max() > 10 * linear:
        axes.set_yscale("symlog", linthresh=linear, linscale=0.6)
        format_ticks(axes, "y")


def _draw(axes: Axes, curves: Sequence[QualityCurve], style: LineStyle) -> None:
    for curve in curves if len(curves) > 1 else ():
        axes.plot(*curve.points.T, color=style.colour, linewidth=0.7, alpha=0.35)
    at = [dict(zip(curve.steps, curve.points, strict=True)) for curve in curves]
    common = [step for step in at[0] if all(step in points for points in at)]
    mean = np.mean([[points[step] for step in common] for points in at], axis=0)  # (points, 2)
    axes.plot(*mean.T, color=style.colour, linestyle=style.dashes, linewidth=1.4, marker=".", markersize=4, zorder=3)
    axes.plot(*mean[-1:].T, color=style.colour, marker=style.marker, markersize=7, linestyle="", zorder=4,
              label=style.label)  # fmt: skip


def _levels(axes: Axes, rows: Sequence[Row], curves: Mapping[str, Sequence[QualityCurve]]) -> None:
    """Draw the score of a fitted Gaussian, which models should beat, and zero, which they beat only by chance."""
    low, high = axes.get_ylim()
    for row in rows:
        if row.records[0]["model"] == BASELINE and curves[row.label]:
            level = float(np.mean([curve.points[-1, 1] for curve in curves[row.label]]))
            if low < level < high:
                axes.axhline(level, color=MUTED_COLOUR, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
                axes.annotate("a fitted Gaussian", (0.99, level), xycoords=("axes fraction", "data"), fontsize=7,
                              color=MUTED_COLOUR, va="bottom", ha="right")  # fmt: skip
    if low < 0 < high:
        axes.axhline(0, color=MUTED_COLOUR, linewidth=0.6, zorder=0)
