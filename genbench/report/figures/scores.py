"""Scores as dots with their intervals, beside what fresh real data score: copying, coverage, likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from genbench.report.figures.style import INK, REAL, SOFT, Look, plain_numbers, plain_text
from genbench.report.figures.subject import Subject, Unsuited
from genbench.table.columns import ColumnInfo
from genbench.table.summary import Row

__all__ = ["copying", "coverage", "likelihood", "modes"]

COPYING = ("ct", "duplicates", "authenticity")
COVERAGE = ("modes", "high_quality", "mode_kl", "recall", "coverage", "precision", "density", "label_tv")
LIKELIHOODS = ("nll", "bits_per_dim", "kl", "kl_reverse")
KINDS = {"exact": "o", "bound": "<", "estimate": "D"}
ACROSS = 4
SPREAD = 60.0  # times the smallest: an axis that holds more than this is logarithmic
ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def copying(subject: Subject) -> Figure:
    """Return how near the samples are to training rows: the test of Meehan et al. 2020, duplicates, authenticity.

    A model left of the line of fresh real data in ``ct`` or ``authenticity`` copies. Raises Unsuited where none was
    scored.
    """
    return _dots(subject, COPYING)


def coverage(subject: Subject) -> Figure:
    """Return how much of the real data the samples cover, and how much of the samples is like real data.

    Raises Unsuited where nothing of it was scored.
    """
    return _dots(subject, COVERAGE)


def likelihood(subject: Subject) -> Figure:
    """Return the likelihoods, each with the sign of its kind: exact, bound or estimate; kinds are not comparable.

    Raises Unsuited where no model has one.
    """
    return _dots(subject, LIKELIHOODS, kinds=True)


def _dots(subject: Subject, names: Sequence[str], *, kinds: bool = False) -> Figure:
    columns = {column.name: column for summary in subject.summaries for column in summary.columns}
    chosen = [columns[n] for n in names if n in columns and any(row.entries[n].estimate for row in subject.models
                                                                 if n in row.entries)]  # fmt: skip
    if not chosen:
        raise Unsuited(f"{subject.dataset}: no model has a score of {', '.join(names)}")
    names = [column.name for column in chosen]
    rows = [row for row in subject.rows[::-1] if any(n in row.entries and row.entries[n].estimate for n in names)]
    across = min(ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    figure = Figure(figsize=(2.1 * across + 1.0, (0.21 * len(rows) + 0.75) * down + 0.3 * kinds))
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes, column in zip(grid.flat, chosen, strict=False):
        _panel(axes, rows, column, subject.looks)
    for axes in list(grid.flat)[len(chosen) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(rows)), [subject.looks[row.label].label for row in rows], fontsize=8)
    if kinds:
        handles = [Line2D([], [], color=INK, linestyle="", marker=m, markersize=5, label=k) for k, m in KINDS.items()]
        figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], column: ColumnInfo, looks: Mapping[str, Look]) -> None:
    entries = [row.entries[column.name] for row in rows if column.name in row.entries]
    means = np.array([e.estimate.mean for e in entries if e.estimate])
    _scale(axes, means)
    floor = next((e.floor for e in entries if e.floor is not None), None)
    if floor is not None:
        axes.axvline(floor, color=REAL, linewidth=5, alpha=0.35, zorder=0)
    for at, row in enumerate(rows):
        entry = row.entries.get(column.name)
        if entry is None or entry.estimate is None:
            axes.text(0.02, at, "–", transform=axes.get_yaxis_transform(), color=SOFT, va="center", fontsize=8)
            continue
        look, mean = looks[row.label], entry.estimate.mean
        low, high = entry.interval or (mean, mean)
        marker = KINDS.get(entry.kind or "", "o")
        shown: dict[str, Any] = {"color": look.colour, "zorder": 3}
        axes.plot([low, high], [at, at], linewidth=1.4, alpha=0.6, **shown)
        axes.plot(mean, at, marker=marker, markersize=5, **shown)
        if entry.suspect:
            axes.annotate("!", (mean, at), (5, 2), textcoords="offset points", color="#B00020", weight="bold")
    if len(means):
        _limit(axes, means)
    axes.set_title(plain_text(column.name) + ARROWS[column.better], fontsize=8)
    axes.tick_params(labelsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=SOFT, linewidth=0.3, alpha=0.4)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, len(rows) - 0.4)


def _scale(axes: Axes, means: Any) -> None:
    largest = np.abs(means).max() if len(means) else 0.0
    if largest <= SPREAD * max(float(np.median(np.abs(means))) if len(means) else 0.0, 1e-12):
        axes.locator_params(axis="x", nbins=4)
        return
    if means.min() > 0:
        axes.set_xscale("log")
    else:
        small = np.abs(means[means != 0])
        axes.set_xscale("symlog", linthresh=float(np.quantile(small, 0.4)) if len(small) else 1.0)
        axes.locator_params(axis="x", numticks=4)
    plain_numbers(axes, "x")


def _limit(axes: Axes, means: Any) -> None:
    """Let the values say how wide the axis is: an interval of a few seeds may be far wider."""
    if axes.get_xscale() == "log":
        axes.set_xlim(means.min() / 2, means.max() * 2)
    elif axes.get_xscale() == "linear":
        low, high = min(axes.get_xlim()[0], means.min()), max(axes.get_xlim()[1], means.max())
        reach = max(np.ptp(means), 1e-9)
        axes.set_xlim(max(low, means.min() - 0.6 * reach), min(high, means.max() + 0.6 * reach))


def modes(subject: Subject) -> Figure:
    """Return how many samples of each model lie in each known mode, in units of what real data would have there.

    Squares and the number of modes hit beside them are means over seeds; an empty square is a mode that every seed left
    out. Raises Unsuited where the modes are not known.
    """
    found = [(row, counts) for row in subject.rows if (counts := _counts(row)) is not None]
    widths = {counts.shape[1] for _, counts in found}
    if len(widths) != 1:
        raise Unsuited(f"{subject.dataset}: no record holds the metric 'modes'; the modes of most data are not known")
    width = widths.pop()
    rows, shares = [row for row, _ in found], np.array([c.mean(0) * width / _looked_at(row) for row, c in found])
    figure = Figure(figsize=(min(9.0, 0.25 * width + 2.6), 0.24 * len(rows) + 1.0))
    axes = figure.add_subplot()
    shown = axes.imshow(np.ma.masked_equal(shares, 0), aspect="auto", cmap="viridis", vmin=0, vmax=2,
                        interpolation="none")  # fmt: skip
    axes.set_yticks(range(len(rows)), [subject.looks[row.label].label for row in rows], fontsize=8)
    axes.set_xticks([])
    axes.set_xlabel("modes", fontsize=8)
    for at, (_, counts) in enumerate(found):
        hit = round(float(np.count_nonzero(counts, axis=1).mean()), 1)  # what the table has; seeds miss different modes
        axes.text(1.01, at, f"{hit:g}/{width}", transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    bar = figure.colorbar(shown, ax=axes, pad=0.1, ticks=[0, 1, 2])
    bar.ax.set_yticklabels(["0", "as real", "2 x or more"], fontsize=7)
    return figure


def _counts(row: Row) -> Any:
    """Return the samples in each mode (seeds, k); None where they are not known."""
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


def _looked_at(row: Row) -> float:
    sizes = [s["n_fake"] for r in row.records for s in r.get("scores") or () if s["metric"] == "modes" and s["n_fake"]]
    return float(np.mean(sizes))
