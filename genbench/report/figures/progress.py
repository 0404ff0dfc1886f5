"""Quality against the clock of the training: scores of the snapshots, and of the samples that a model ended with."""

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
from genbench.report.figures.style import SOFT, Look, plain_numbers, plain_text
from genbench.report.figures.subject import Subject, Unsuited, warn_of_clocks
from genbench.table.summary import Row

__all__ = ["Course", "courses_of", "progress"]

BASELINE = "gaussian"


@dataclass(frozen=True)
class Course:
    """One training: (points, 2) of seconds and value, the steps of each, and how far a snapshot's value may be off.

    The last point is the model that came out of it; its step is -1. Of a budget in seconds, where no two trainings stop
    at the same steps, the steps are shares of it instead, in 32nds: 1, 2, 4, 8, 16.
    """

    points: Array
    steps: tuple[int, ...]
    error: float


def progress(subject: Subject) -> Figure:
    """Return how a metric fell or rose with the seconds of training: means over seeds, each seed a thin line.

    The last marker is the trained model; one that drew no snapshots is only that. Snapshots are of fewer samples, and
    so of more noise: what lies within the errors of most is shaded, and drawn on a linear scale. Raises Unsuited where
    no model has a curve.
    """
    label, unit = _column(record for row in subject.models for record in row.records)
    if not label:
        raise Unsuited(f"{subject.dataset}: no metric was taken of snapshots of the trainings")
    courses = {row.label: courses_of(row, label) for row in subject.rows}
    if not any(courses[row.label] for row in subject.models):
        raise Unsuited(f"{subject.dataset}: no trained model has both a value of {plain_text(label)} and its seconds")
    figure = Figure(figsize=(6.4, 3.9))
    axes = figure.subplots()
    _scales(axes, [course for row in subject.models for course in courses[row.label]])
    for row in subject.models:
        if courses[row.label]:
            _draw(axes, courses[row.label], subject.looks[row.label])
    _levels(axes, subject.rows, courses)
    axes.set_xlabel("seconds of training (snapshots not counted)")
    axes.set_ylabel(f"{plain_text(label)}, {unit}" if unit else plain_text(label))
    warn_of_clocks(figure, subject)
    figure.legend(loc="outside right upper")
    return figure


def _column(records: Iterable[Record]) -> tuple[str, str]:
    """Return the first column that has curves, and its unit; empty where none has."""
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


def courses_of(row: Row, label: str) -> list[Course]:
    """Return the courses of a model's trainings under the column ``label``, one for each seed that has a score."""
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
        found.append(Course(np.array(points, float), (*(_step(p, record.get("budget")) for p in curve), -1), error))
    return found


def _step(point: Mapping[str, Any], budget: Any) -> int:
    """Return what a snapshot has in common with that of another seed: its step, or its share of a budget in seconds."""
    try:
        given = Budget.parse(str(budget))
    except UserError:  # none, or a record of another making
        return int(point["step"])
    if given.unit != "s":
        return int(point["step"])
    share = max(1.0, 32 * point["seconds"] / given.amount)
    return 1 << math.floor(math.log2(share))  # snapshots are taken as soon as a power of two is spent


def _scales(axes: Axes, courses: Sequence[Course]) -> None:
    """Make the seconds logarithmic, and the values beyond the noise of a snapshot, which is shaded."""
    axes.set_xscale("log")
    plain_numbers(axes, "x")
    values = np.concatenate([course.points[:, 1] for course in courses])
    errors = [course.error for course in courses if course.error > 0]
    linear = float(np.median(errors)) if errors else 0.0
    if linear > 0:
        axes.axhspan(min(0.0, *values), linear, color=SOFT, alpha=0.1, linewidth=0, zorder=0)
        axes.annotate("noise of a snapshot", (0.01, linear), (0, -2), xycoords=("axes fraction", "data"), fontsize=7,
                      textcoords="offset points", color=SOFT, va="top")  # fmt: skip
    if linear > 0 and np.abs(values).max() > 10 * linear:
        axes.set_yscale("symlog", linthresh=linear, linscale=0.6)
        plain_numbers(axes, "y")


def _draw(axes: Axes, courses: Sequence[Course], look: Look) -> None:
    for course in courses if len(courses) > 1 else ():
        axes.plot(*course.points.T, color=look.colour, linewidth=0.7, alpha=0.35)
    at = [dict(zip(course.steps, course.points, strict=True)) for course in courses]
    common = [step for step in at[0] if all(step in points for points in at)]
    mean = np.mean([[points[step] for step in common] for points in at], axis=0)  # (points, 2)
    axes.plot(*mean.T, color=look.colour, linestyle=look.dashes, linewidth=1.4, marker=".", markersize=4, zorder=3)
    axes.plot(*mean[-1:].T, color=look.colour, marker=look.marker, markersize=7, linestyle="", zorder=4,
              label=look.label)  # fmt: skip


def _levels(axes: Axes, rows: Sequence[Row], courses: Mapping[str, Sequence[Course]]) -> None:
    """Draw what a fitted Gaussian scores, to be beaten, and zero, which nothing beats but by chance."""
    low, high = axes.get_ylim()
    for row in rows:
        if row.records[0]["model"] == BASELINE and courses[row.label]:
            level = float(np.mean([course.points[-1, 1] for course in courses[row.label]]))
            if low < level < high:
                axes.axhline(level, color=SOFT, linewidth=0.8, linestyle=(0, (5, 3)), zorder=0)
                axes.annotate("a fitted Gaussian", (0.99, level), xycoords=("axes fraction", "data"), fontsize=7,
                              color=SOFT, va="bottom", ha="right")  # fmt: skip
    if low < 0 < high:
        axes.axhline(0, color=SOFT, linewidth=0.6, zorder=0)
