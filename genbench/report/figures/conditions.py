"""Real rows and samples given the same conditions: images class by class, or columns against a condition."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array, Column, Data
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, SeedSamples
from genbench.report.figures.style import MUTED_COLOUR, format_ticks, limit_ticks, plain_text

MAX_CLASSES, IMAGES_PER_CLASS = 10, 4
MAX_BLOCKS_PER_ROW = 5  # of images: held-out data and models
MAX_COLUMNS = 4  # those in which samples deviate most from real rows
BINS = 8  # of a condition, with equally many real rows
IMAGE_BINS = 6  # of a condition, of which images are shown
MIN_ROWS = 5  # of a bin that is drawn


def conditions(results: DatasetResults) -> Figure:
    """Return real rows beside samples of each model given the first condition.

    Images stand in a row for each class, or bin of a number. Of tables, mean and spread of a few columns are drawn
    against the condition, those that deviate most in any model. Raises NotApplicable where rows are drawn without
    conditions, DataError if there are no samples.
    """
    samples = results.seed_samples
    if samples.data.conditions is None:
        raise NotApplicable(f"{results.dataset}: rows are drawn without conditions")
    column = samples.data.condition_columns[0]
    labels = [row.label for row in results.rows if row.label in samples.by_label and row.records[0]["model"] != "real"]
    if samples.kind == "vector":
        return _profiles(results, samples, column, labels)
    return _images(results, samples, column, labels)


def _given(samples: SeedSamples, label: str) -> Array:
    """Return the first conditions (n,) of the samples of a row, which were drawn given those of the reference rows."""
    assert samples.data.conditions is not None
    found: Array = samples.data.conditions["reference"][: len(samples.by_label[label]), 0]
    return found


def _images(results: DatasetResults, samples: SeedSamples, column: Column, labels: list[str]) -> Figure:
    """Return images of held-out data and of each model, a row for each class, or bin of a number with its range."""
    data = samples.data
    assert data.conditions is not None
    given = data.conditions["test"][:, 0]
    edges = _edges(given, column, IMAGE_BINS)
    names = list(column.levels) or [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    classes = range(min(MAX_CLASSES, len(names)))
    blocks = [("held-out data", MUTED_COLOUR, data.test, _bins(given, edges))]
    for label in labels:
        style = results.line_styles[label]
        blocks.append((style.label, style.colour, samples.by_label[label], _bins(_given(samples, label), edges)))
    low, high = (0.0, data.levels - 1.0) if data.levels else np.quantile(data.test[:500].astype(float), (0.002, 0.998))
    height, width = data.shape[1:]
    margin = 0.5 if column.levels else 1.0  # inches for the names
    across = min(MAX_BLOCKS_PER_ROW, len(blocks))
    down = -(-len(blocks) // across)
    tall = 0.34 * len(classes) * height / width + 0.4  # inches of a row of blocks
    figure = Figure(figsize=(1.7 * across + margin + 0.2, tall * down))
    figure.set_layout_engine("none")
    space = {"left": margin / figure.get_figwidth(), "right": 0.99, "wspace": 0.08}
    title = f"{column.name} [{column.unit}]" if column.unit else column.name
    for at, (name, colour, rows, codes) in enumerate(blocks):
        top = 1 - (tall * (at // across) + 0.28) / figure.get_figheight()  # below the titles
        bottom = 1 - (tall * (at // across + 1) - 0.04) / figure.get_figheight()
        grid = figure.add_gridspec(1, across, top=top, bottom=bottom, **space)
        axes = figure.add_subplot(grid[at % across])
        axes.set_axis_off()
        axes.set_title(plain_text(name), color=colour, fontsize=9, weight="bold")
        axes.imshow(_tile(rows, codes, len(classes)), cmap="gray", vmin=low, vmax=high, interpolation="none")
        if at % across == 0 and not column.levels:
            figure.text(0.04 / figure.get_figwidth(), top, plain_text(title), fontsize=8, va="bottom")
        for k in classes if at % across == 0 else ():
            y = 1 - (k + 0.5) / len(classes)
            axes.text(-0.04, y, plain_text(names[k]), fontsize=8, ha="right", va="center", transform=axes.transAxes)
    return figure


def _tile(rows: Array, codes: Array, classes: int) -> Array:
    """Return one picture of the first images of each class, a row a class; nan where there is none."""
    channels, height, width = rows.shape[1:]
    out = np.full((classes * (height + 1) - 1, IMAGES_PER_CLASS * (width + 1) - 1), np.nan)
    for k in range(classes):
        for j, image in enumerate(rows[codes == k][:IMAGES_PER_CLASS]):
            top, left = k * (height + 1), j * (width + 1)
            out[top : top + height, left : left + width] = image[: 3 if channels == 3 else 1].mean(0)
    return out


def _profiles(results: DatasetResults, samples: SeedSamples, column: Column, labels: list[str]) -> Figure:
    data = samples.data
    assert data.conditions is not None
    real, given = data.test.astype(np.float64), data.conditions["test"][:, 0]
    edges = _edges(given, column)
    expected = profile(real, given, edges)
    found = {
        label: profile(samples.by_label[label].astype(np.float64), _given(samples, label), edges) for label in labels
    }
    models = {row.label for row in results.models} & set(found) or set(found)
    shown = _worst(expected, [found[label] for label in sorted(models)])
    centres = np.array([given[(given >= a) & (given <= b)].mean() for a, b in pairwise(edges)])
    across = min(2, len(shown))
    figure = Figure(figsize=(4.2 * across, 2.7 * -(-len(shown) // across)), layout="constrained")
    names = _names(data)
    for at, i in enumerate(shown):
        axes = figure.add_subplot(-(-len(shown) // across), across, at + 1)
        mean, spread = (part[:, i] for part in expected)
        axes.fill_between(centres, mean - spread, mean + spread, color=MUTED_COLOUR, alpha=0.25, linewidth=0)
        axes.plot(centres, mean, color=MUTED_COLOUR, linewidth=2.5, label="held-out data")
        for label, (means, spreads) in found.items():
            style = results.line_styles[label]
            looks: dict[str, Any] = {"color": style.colour, "linestyle": style.dashes, "marker": style.marker}
            axes.plot(centres, means[:, i], label=plain_text(style.label), markersize=4, **looks)
            for sign in (-1, 1):
                axes.plot(centres, means[:, i] + sign * spreads[:, i], color=style.colour, linestyle=":", linewidth=1)
        if column.log:
            axes.set_xscale("log")
            limit_ticks(axes, centres.min(), centres.max())
            format_ticks(axes, "x")
        axes.set_xlabel(plain_text(f"{column.name} [{column.unit}]" if column.unit else column.name))
        axes.set_ylabel(plain_text(names[i]))
        if column.kind == "category":
            axes.set_xticks(range(len(column.levels)), [plain_text(level) for level in column.levels])
        if at == 0:
            axes.legend(fontsize=7, title="mean, and mean ± standard deviation", title_fontsize=7)
    return figure


def _edges(given: Array, column: Column, bins: int = BINS) -> Array:
    """Return the edges of bins of a condition: one a class, else with equally many rows."""
    if column.kind == "category":
        return np.arange(len(column.levels) + 1) - 0.5
    edges: Array = np.unique(np.quantile(given, np.linspace(0, 1, bins + 1)))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0]])  # of a condition that never varies


def _bins(given: Array, edges: Array) -> Array:
    """Return the bin (n,) of each condition, those beyond the edges in the outermost."""
    return np.clip(np.searchsorted(edges, given, side="right") - 1, 0, len(edges) - 2)


def profile(rows: Array, given: Array, edges: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of rows (n, d) in bins of ``given`` (n,): (bins, d), nan in empty bins."""
    at = _bins(given, edges)
    mean = np.full((len(edges) - 1, rows.shape[1]), np.nan)
    spread = mean.copy()
    for k in range(len(mean)):
        inside = rows[at == k]
        if len(inside) >= MIN_ROWS:
            mean[k], spread[k] = inside.mean(0), inside.std(0)
    return mean, spread


def _worst(expected: tuple[Array, Array], found: list[tuple[Array, Array]]) -> list[int]:
    """Return the columns that deviate most in a bin: of the mean or the spread, in standard deviations of the bin."""
    mean, spread = expected
    scale = np.where(spread > 0, spread, 1.0)
    worst = np.zeros(mean.shape[1])
    for means, spreads in found:
        deviation = np.maximum(np.abs(means - mean), np.abs(spreads - spread)) / scale
        worst = np.maximum(worst, np.nan_to_num(deviation).max(0))
    return sorted(np.argsort(-worst, kind="stable")[:MAX_COLUMNS].tolist())


def _names(data: Data) -> list[str]:
    names = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in data.columns]
    return names or [f"x{i}" for i in range(data.train.shape[1])]
