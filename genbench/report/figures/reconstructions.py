"""Held-out rows beside what models make of them: images above each other, columns against each other."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable, SeedSamples
from genbench.report.figures.strips import MAX_IMAGES_PER_STRIP, Strip, draw_strips
from genbench.report.figures.style import MUTED_COLOUR, plain_text

MAX_COLUMNS, MAX_POINTS = 5, 800
PANEL_INCHES = 1.6
TAIL_FRACTION = 0.005  # of held-out rows, on either side of a panel


def reconstructions(results: DatasetResults) -> Figure:
    """Return reconstructions of held-out rows: of images below their originals, of columns against them.

    Each model that reconstructs has a strip of images, or a row of panels for the first five columns, in which a
    perfect reconstruction lies on the diagonal. Raises NotApplicable if no model reconstructs, DataError if there are
    no samples.
    """
    samples = results.seed_samples
    found = {row.label: samples.tasks[row.label]["reconstruction_test"] for row in results.models
             if "reconstruction_test" in samples.tasks.get(row.label, {})}  # fmt: skip
    if not found:
        raise NotApplicable(f"{results.dataset}: no model reconstructs held-out rows")
    if samples.kind == "vector":
        return _columns(results, samples, found)
    original = samples.data.test[:MAX_IMAGES_PER_STRIP]
    strips = [Strip("held-out data", MUTED_COLOUR, [original])]
    for label, rows in found.items():
        style = results.line_styles[label]
        strips.append(Strip(style.label, style.colour, [rows[:MAX_IMAGES_PER_STRIP]]))
    return draw_strips(strips, samples.data)


def _columns(results: DatasetResults, samples: SeedSamples, found: dict[str, Array]) -> Figure:
    test = samples.data.test
    names = [column.name for column in samples.data.columns] or [f"x{i}" for i in range(test.shape[1])]
    columns = min(MAX_COLUMNS, test.shape[1])
    figure = Figure(figsize=(PANEL_INCHES * columns + 0.4, PANEL_INCHES * len(found) + 0.3))
    grid = figure.subplots(len(found), columns, squeeze=False)
    for i, column in enumerate(names[:columns]):
        grid[0, i].set_title(plain_text(column), fontsize=8)
    for panels, (label, rows) in zip(grid, found.items(), strict=True):
        style = results.line_styles[label]
        for i, axes in enumerate(panels):
            original, made = test[: len(rows), i][:MAX_POINTS], rows[:MAX_POINTS, i]
            low, high = np.quantile(test[:, i].astype(np.float64), (TAIL_FRACTION, 1 - TAIL_FRACTION))
            margin = 0.05 * (high - low) or 0.5
            ends = low - margin, high + margin
            axes.plot(ends, ends, color=MUTED_COLOUR, linewidth=0.7)
            axes.scatter(original, made, s=2, color=style.colour, alpha=0.5, linewidths=0, rasterized=True)
            axes.set(xlim=ends, ylim=ends)
            axes.tick_params(labelsize=6, length=2)
        panels[0].set_ylabel(style.label, color=style.colour, fontsize=8)
    figure.supxlabel("held-out row", fontsize=8)
    figure.supylabel("reconstruction", fontsize=8)
    return figure
