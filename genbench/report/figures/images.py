"""Generated images in rows, each above the training image nearest to it, which shows copies."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.strips import MAX_IMAGES_PER_STRIP, Strip, draw_strips
from genbench.report.figures.style import MUTED_COLOUR

TRAIN_ROWS_PER_BLOCK = 2_000  # training rows whose distances are computed at once


def images(results: DatasetResults) -> Figure:
    """Return two rows per model: its first images, and below each the nearest training image (Euclidean, in pixels).

    The first strip holds held-out images, which are not copies, for comparison. Raises NotApplicable unless the data
    are images, DataError if there are no samples.
    """
    samples = results.seed_samples
    if samples.kind != "image":
        raise NotApplicable(f"{results.dataset}: the data are not images")
    shown: list[tuple[str, str, Array]] = [("held-out data", MUTED_COLOUR, samples.data.test)]
    for row in results.rows:
        if len(samples.by_label.get(row.label, ())) and row.records[0]["model"] != "real":
            style = results.line_styles[row.label]
            shown.append((style.label, style.colour, samples.by_label[row.label]))
    strips = []
    for label, colour, rows in shown:
        first = rows[:MAX_IMAGES_PER_STRIP]
        strips.append(Strip(label, colour, [first, nearest_rows(first, samples.data.train)], ["nearest\nin training"]))
    return draw_strips(strips, samples.data)


def nearest_rows(rows: Array, train: Array) -> Array:
    """Return for each of rows (n, ...) the row of ``train`` (m, ...) at the smallest Euclidean distance."""
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
    return train[at]
