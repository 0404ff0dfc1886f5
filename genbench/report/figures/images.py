"""Generated images in rows, each above the training image nearest to it, which shows copies."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.nearest import nearest_rows
from genbench.report.figures.strips import MAX_IMAGES_PER_STRIP, Strip, draw_strips
from genbench.report.figures.style import MUTED_COLOUR


def images(results: DatasetResults) -> Figure:
    """Return two rows per model: its first images, and below each the nearest training image (Euclidean, in pixels).

    Beside it stands the median of the distances. The first strip holds held-out images, which are not copies, for
    comparison. Raises NotApplicable unless the data are images, DataError if there are no samples.
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
        at, distances = nearest_rows(first, samples.data.train)
        note = f"nearest in\ntraining, at {np.median(distances):.3g}"
        strips.append(Strip(label, colour, [first, samples.data.train[at]], [note]))
    return draw_strips(strips, samples.data)
