"""Scores as dots with intervals, next to the scores of fresh real data: copying, coverage, modes, likelihoods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import (
    MUTED_COLOUR,
    REAL_COLOUR,
    TEXT_COLOUR,
    LineStyle,
    finite_ends,
    format_ticks,
    plain_text,
)
from genbench.table.columns import ColumnInfo
from genbench.table.summary import Row

COPYING = ("ct", "duplicates", "authenticity")
COVERAGE = ("modes", "high_quality", "mode_kl", "recall", "coverage", "precision", "density", "label_tv")
LIKELIHOODS = ("nll", "bits_per_dim", "kl", "kl_reverse")
KIND_MARKERS = {"exact": "o", "bound": "<", "estimate": "D"}
MAX_PANELS_PER_ROW = 4
LOG_SCALE_RATIO = 60.0  # an axis is logarithmic if its largest value exceeds the median by this factor
ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def copying(results: DatasetResults) -> Figure:
    """Return how close the samples are to training rows: the test of Meehan et al. 2020, duplicates, authenticity.

    A model left of the line of fresh real data in ``ct`` or ``authenticity`` copies. Raises NotApplicable if none of
    these was scored.
    """
    return _dot_plot(results, COPYING)


def coverage(results: DatasetResults) -> Figure:
    """Return how much of the real data the samples cover, and what share of the samples is like real data.

    Raises NotApplicable if none of these was scored.
    """
    return _dot_plot(results, COVERAGE)


def likelihood(results: DatasetResults) -> Figure:
    """Return the likelihoods, with a marker for each kind: exact, bound or estimate; kinds are not comparable.

    Raises NotApplicable if no model has a likelihood.
    """
    return _dot_plot(results, LIKELIHOODS, kinds=True)


def _dot_plot(results: DatasetResults, names: Sequence[str], *, kinds: bool = False) -> Figure:
    columns = {column.name: column for summary in results.summaries for column in summary.columns}
    chosen = [columns[n] for n in names if n in columns and any(row.entries[n].estimate for row in results.models
                                                                 if n in row.entries)]  # fmt: skip
    if not chosen:
        raise NotApplicable(f"{results.dataset}: no model has a score of {', '.join(names)}")
    names = [column.name for column in chosen]
    rows = [row for row in results.rows[::-1] if any(n in row.entries and row.entries[n].estimate for n in names)]
    across = min(MAX_PANELS_PER_ROW, len(chosen))
    down = -(-len(chosen) // across)
    figure = Figure(figsize=(2.1 * across + 1.0, (0.21 * len(rows) + 0.75) * down + 0.3 * kinds))
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, column in zip(grid.flat, chosen, strict=False):
        _panel(axes, rows, column, results.line_styles)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(rows)), [results.line_styles[row.label].label for row in rows], fontsize=8)
    if kinds:
        handles = [
            Line2D([], [], color=TEXT_COLOUR, linestyle="", marker=m, markersize=5, label=k)
            for k, m in KIND_MARKERS.items()
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], column: ColumnInfo, line_styles: Mapping[str, LineStyle]) -> None:
    entries = [row.entries[column.name] for row in rows if column.name in row.entries]
    means = np.array([e.estimate.mean for e in entries if e.estimate])
    _set_scale(axes, means)
    floor = next((e.floor for e in entries if e.floor is not None), None)
    if floor is not None:
        axes.axvline(floor, color=REAL_COLOUR, linewidth=5, alpha=0.35, zorder=0)
    for at, row in enumerate(rows):
        entry = row.entries.get(column.name)
        if entry is None or entry.estimate is None:
            axes.text(0.02, at, "–", transform=axes.get_yaxis_transform(), color=MUTED_COLOUR, va="center", fontsize=8)
            continue
        style, mean = line_styles[row.label], entry.estimate.mean
        low, high = entry.interval or (mean, mean)
        marker = KIND_MARKERS.get(entry.kind or "", "o")
        kwargs: dict[str, Any] = {"color": style.colour, "zorder": 3}
        axes.plot(finite_ends((low, high), mean), [at, at], linewidth=1.4, alpha=0.6, **kwargs)
        for end in (low, high):
            if math.isinf(end):
                axes.annotate("", (mean, at), (math.copysign(16, end), 0), textcoords="offset points",
                              arrowprops={"arrowstyle": "<-", "color": style.colour})  # fmt: skip
        axes.plot(mean, at, marker=marker, markersize=5, **kwargs)
        if entry.suspect:
            axes.annotate("!", (mean, at), (5, 2), textcoords="offset points", color="#B00020", weight="bold")
    if len(means):
        _set_limits(axes, means)
    axes.set_title(plain_text(column.name) + ARROWS[column.better], fontsize=8)
    axes.tick_params(labelsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=MUTED_COLOUR, linewidth=0.3, alpha=0.4)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, len(rows) - 0.4)


def _set_scale(axes: Axes, means: Any) -> None:
    largest = np.abs(means).max() if len(means) else 0.0
    if largest <= LOG_SCALE_RATIO * max(float(np.median(np.abs(means))) if len(means) else 0.0, 1e-12):
        axes.locator_params(axis="x", nbins=4)
        return
    if means.min() > 0:
        axes.set_xscale("log")
    else:
        small = np.abs(means[means != 0])
        axes.set_xscale("symlog", linthresh=float(np.quantile(small, 0.4)) if len(small) else 1.0)
        axes.locator_params(axis="x", numticks=4)
    format_ticks(axes, "x")


def _set_limits(axes: Axes, means: Any) -> None:
    """Set the width of the axis by the values: the interval of a few seeds may be far wider."""
    if axes.get_xscale() == "log":
        axes.set_xlim(means.min() / 2, means.max() * 2)
    elif axes.get_xscale() == "linear":
        low, high = min(axes.get_xlim()[0], means.min()), max(axes.get_xlim()[1], means.max())
        reach = max(np.ptp(means), 1e-9)
        axes.set_xlim(max(low, means.min() - 0.6 * reach), min(high, means.max() + 0.6 * reach))


def modes(results: DatasetResults) -> Figure:
    """Return the number of samples of each model in each known mode, relative to the number expected of real data.

    Squares, and the number of modes hit next to them, are means over seeds; an empty square is a mode that no seed
    hits. Raises NotApplicable if the modes are not known.
    """
    found = [(row, counts) for row in results.rows if (counts := _mode_counts(row)) is not None]
    widths = {counts.shape[1] for _, counts in found}
    if len(widths) != 1:
        raise NotApplicable(
            f"{results.dataset}: no record holds the metric 'modes'; the modes of most data are not known"
        )
    width = widths.pop()
    rows, shares = [row for row, _ in found], np.array([c.mean(0) * width / _mean_sample_size(row) for row, c in found])
    figure = Figure(figsize=(min(9.0, 0.25 * width + 2.6), 0.24 * len(rows) + 1.0))
    axes = figure.add_subplot()
    image = axes.imshow(np.ma.masked_equal(shares, 0), aspect="auto", cmap="viridis", vmin=0, vmax=2,
                        interpolation="none")  # fmt: skip
    axes.set_yticks(range(len(rows)), [results.line_styles[row.label].label for row in rows], fontsize=8)
    axes.set_xticks([])
    axes.set_xlabel("modes", fontsize=8)
    for at, (_, counts) in enumerate(found):
        hit = round(float(np.count_nonzero(counts, axis=1).mean()), 1)  # the mean over seeds, as in the table
        axes.text(1.01, at, f"{hit:g}/{width}", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    bar = figure.colorbar(image, ax=axes, pad=0.1, ticks=[0, 1, 2])
    bar.ax.set_yticklabels(["0", "as real", "2x or more"], fontsize=7)
    return figure


def _mode_counts(row: Row) -> Any:
    """Return the number of samples in each mode (seeds, k); None if the modes are not known."""
    counts = [
        detail["counts"]
        for record in row.records
        for score in record.get("scores") or ()
        if score["metric"] == "modes" and isinstance((detail := score.get("detail") or {}).get("counts"), list)
        and (score.get("n_fake") or 0) > 0
    ]  # fmt: skip
    if not counts or len({len(each) for each in counts}) != 1:
        return None
    return np.array(counts, float)


def _mean_sample_size(row: Row) -> float:
    sizes = [s["n_fake"] for r in row.records for s in r.get("scores") or () if s["metric"] == "modes" and s["n_fake"]]
    return float(np.mean(sizes))
