"""Images that are decoded from the code of one held-out image with one of its dimensions changed at a time."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.strips import Strip, draw_strips

ROWS = 3  # of a model, with two dimensions each


def perturbation(results: DatasetResults) -> Figure:
    """Return for each model what changes where one dimension of a code moves by up to two standard deviations.

    In the middle of each row of seven is the reconstruction of the first held-out image. The dimensions are the six
    that vary most over held-out rows, two in a row. Raises NotApplicable unless the data are images and a model has
    codes to decode, DataError if there are no samples.
    """
    samples = results.seed_samples
    found = {row.label: samples.tasks[row.label]["perturbation"] for row in results.models
             if "perturbation" in samples.tasks.get(row.label, {})}  # fmt: skip
    if not found or samples.kind != "image":
        raise NotApplicable(f"{results.dataset}: no model decodes codes of images")
    strips = [
        Strip(results.line_styles[label].label, results.line_styles[label].colour, _side_by_side(rows))
        for label, rows in found.items()
    ]
    return draw_strips(strips, samples.data, max(len(row) for strip in strips for row in strip.rows))


def _side_by_side(rows: Array) -> list[Array]:
    """Return rows of images of two dimensions each, with an empty image between them; ``rows`` (k, steps, *shape)."""
    rows = rows.astype(np.float64)
    empty = np.full_like(rows[0, :1], np.nan)
    pairs = [rows[i : i + 2] for i in range(0, min(len(rows), 2 * ROWS), 2)]
    return [np.concatenate([pair[0], empty, pair[1]] if len(pair) > 1 else [pair[0]]) for pair in pairs]
