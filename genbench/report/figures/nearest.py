"""The training row nearest to each sample, and its distance, next to the same of held-out rows: copies are nearer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.style import (
    MUTED_COLOUR,
    REAL_COLOUR,
    LineStyle,
    format_ticks,
    limit_ticks,
    percent,
    plain_text,
)
from genbench.training.standardise import Transform, transform_of

TRAIN_ROWS_PER_BLOCK = 2_000  # training rows whose distances are computed at once
MAX_SAMPLES = 1_000  # of a model
SHOWN = 3  # samples of a model that are drawn beside their nearest training rows
MAX_COLUMNS = 16  # of the scoring space, in such a panel
MAX_PANELS_PER_ROW = 4
NAME_CHARACTERS = 14  # of a column, on an axis
CURVES_INCHES, PANEL_INCHES = 2.6, 2.0  # heights
CURVE_POINTS = 60
COPY_DISTANCE = 1e-6  # in the scoring space, below which a sample repeats a training row


@dataclass(frozen=True)
class Neighbours:
    """Samples and their nearest training rows, both (n, d) in the scoring space, the nearest first; distances (n,)."""

    rows: Array
    found: Array
    distances: Array


def nearest(results: DatasetResults) -> Figure:
    """Return the distances of samples to their nearest training rows, and those of each model that are nearest.

    Above, the share of samples that are nearer than a distance, and of held-out rows, which are no copies. Below, the
    three samples of each model that are nearest to a training row (lines), with that row (rings), column by column.
    Distances are Euclidean in the scoring space. Raises NotApplicable unless the data are a table, DataError if there
    are no samples.
    """
    samples = results.seed_samples
    if samples.kind != "vector":
        raise NotApplicable(f"{results.dataset}: the figure 'images' shows the training images nearest to samples")
    space = transform_of(samples.data)
    train = space.to_scores(samples.data.train)
    held_out = _neighbours(space.to_scores(samples.data.test[:MAX_SAMPLES]), train)
    made = {}
    for row in results.rows:
        found = samples.by_label.get(row.label, np.empty(0))
        if len(found) and row.records[0]["model"] != "real":
            made[row.label] = _neighbours(space.to_scores(found[:MAX_SAMPLES]), train)
    models = [row.label for row in results.models if row.label in made]
    if not made:
        raise NotApplicable(f"{results.dataset}: no model has samples")
    down = math.ceil(len(models) / MAX_PANELS_PER_ROW)
    figure = Figure(figsize=(9.0, CURVES_INCHES + PANEL_INCHES * down))
    above: Figure | SubFigure = figure
    if down:
        heights = [CURVES_INCHES, PANEL_INCHES * down]
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        grid = below.subplots(down, MAX_PANELS_PER_ROW, squeeze=False, sharex=True)
        for axes, label in zip(grid.flat, models, strict=False):
            _draw_pairs(axes, made[label], results.line_styles[label], space)
        for axes in list(grid.flat)[len(models) :]:
            axes.set_axis_off()
    _draw_curves(above, held_out, [(results.line_styles[label], each) for label, each in made.items()])
    return figure


def nearest_rows(rows: Array, train: Array) -> tuple[Array, Array]:
    """Return for each of rows (n, ...) the index of the nearest row of ``train``, and its Euclidean distance."""
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    best, at = np.full(len(rows), np.inf), np.zeros(len(rows), np.int64)
    for begin in range(0, len(train), TRAIN_ROWS_PER_BLOCK):
        block = train[begin : begin + TRAIN_ROWS_PER_BLOCK].reshape(-1, flat.shape[1]).astype(np.float64)
        centre = block.mean(0)  # subtracted first, for precise squared norms
        a, b = flat - centre, block - centre
        squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        found = squared.argmin(1)
        distance = squared[np.arange(len(rows)), found]
        nearer = distance < best
        best[nearer], at[nearer] = distance[nearer], begin + found[nearer]
    exact = flat - train[at].reshape(len(rows), -1)  # differences, since squared norms lose the digits of a copy
    return at, np.sqrt((exact**2).sum(1))


def _neighbours(rows: Array, train: Array) -> Neighbours:
    at, distances = nearest_rows(rows, train)
    order = np.argsort(distances, kind="stable")
    return Neighbours(rows[order], train[at[order]], distances[order])


def _draw_curves(
    figure: Figure | SubFigure, held_out: Neighbours, made: Sequence[tuple[LineStyle, Neighbours]]
) -> None:
    """Draw the share of samples that are nearer to a training row than each distance."""
    axes = figure.subplots()
    found = np.concatenate([held_out.distances, *(each.distances for _, each in made)])
    positive = found[found > COPY_DISTANCE]
    least = float(np.quantile(positive, 0.002)) if len(positive) else COPY_DISTANCE
    shares = np.linspace(0, 1, CURVE_POINTS)
    for style, each in [(None, held_out), *made]:
        distances = np.maximum(np.quantile(each.distances, shares), least)
        if style is None:
            axes.plot(distances, shares, color=REAL_COLOUR, linewidth=5, alpha=0.5, label="held-out data")
            continue
        copies = float((each.distances <= COPY_DISTANCE).mean())
        label = style.label + (f" ({percent(copies)} % repeat a row)" if copies else "")
        axes.plot(distances, shares, color=style.colour, linestyle=style.dashes, linewidth=1.2, label=label)
    axes.set_xscale("log")
    axes.set_ylim(0, 1)
    limit_ticks(axes, *axes.get_xlim())
    format_ticks(axes, "x")
    axes.set_xlabel("distance to the nearest training row (scoring space)", fontsize=8)
    axes.set_ylabel("share that is nearer", fontsize=8)
    axes.tick_params(labelsize=7)
    figure.legend(loc="outside right upper", fontsize=7)


def _draw_pairs(axes: Axes, made: Neighbours, style: LineStyle, space: Transform) -> None:
    """Draw the samples nearest to a training row, with that row, column by column."""
    columns = min(MAX_COLUMNS, made.rows.shape[1])
    for row, found in zip(made.rows[:SHOWN], made.found[:SHOWN], strict=True):
        axes.plot(found[:columns], color=MUTED_COLOUR, linestyle="", marker="o", markersize=5, fillstyle="none")
        axes.plot(row[:columns], color=style.colour, linewidth=1, marker=".", markersize=3)
    distances = ", ".join(f"{distance:.2g}" for distance in made.distances[:SHOWN])
    axes.set_title(f"{style.label}, at {distances}", fontsize=7, color=style.colour)
    names = [plain_text(name) for name in space.columns[:columns]]
    names = [name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…" for name in names]
    axes.set_xticks(range(columns), names, fontsize=6, rotation=90)
    axes.tick_params(labelsize=6, length=2)
