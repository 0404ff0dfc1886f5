"""Samples of two columns beside real rows: one panel a model, all with the same axes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.protocol import Array
from genbench.report.figures.style import REAL, plain_text
from genbench.report.figures.subject import Subject, Unsuited

__all__ = ["scatter"]

POINTS = 2500  # of a panel
ACROSS = 5  # panels
PANEL = 1.75  # inches
MARGIN = 0.12  # of the spread of real rows, around them


def scatter(subject: Subject) -> Figure:
    """Return one panel of points for held-out rows and for each model, in the data's own units.

    All panels show the range of the held-out rows; the title of a panel says which share of the samples lies outside.
    Raises Unsuited where the data have not two columns, DataError where no samples are kept.
    """
    shown = subject.shown
    if shown.data.shape != (2,):
        raise Unsuited(f"{subject.dataset}: a scatter plot needs two columns, these data have shape {shown.data.shape}")
    rows = [row for row in subject.rows if row.label in shown.samples]
    panels = [("held-out data", REAL, shown.data.test)]
    for row in rows:
        look, real = subject.looks[row.label], row.records[0]["model"] == "real"
        panels.append((look.label, REAL if real else look.colour, shown.samples[row.label]))
    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(PANEL * across, (PANEL + 0.2) * down + 0.4))
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    low, high = _range(shown.data.test)
    for axes, (label, colour, points) in zip(grid.flat, panels, strict=False):
        _cloud(axes, points[:POINTS], colour)
        outside = float(((points < low) | (points > high)).any(1).mean())
        axes.set_title(label + (f"  {100 * outside:.2g} % outside" if outside else ""), fontsize=8)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    grid[0, 0].set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    names = [column.name for column in shown.data.columns] or ["x0", "x1"]
    figure.supxlabel(plain_text(names[0]), fontsize=8)
    figure.supylabel(plain_text(names[1]), fontsize=8)
    return figure


def _range(rows: Array) -> tuple[Array, Array]:
    low, high = np.quantile(rows.astype(np.float64), (0.001, 0.999), axis=0)
    margin = MARGIN * np.maximum(high - low, 1e-12)
    return low - margin, high + margin


def _cloud(axes: Axes, points: Array, colour: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=2.2, color=colour, alpha=0.55, linewidths=0, rasterized=True)
    axes.tick_params(labelsize=7)
