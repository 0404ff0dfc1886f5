"""Rank correlations of all pairs of columns: of real rows, of the samples of a model, and their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.stats import rankdata

from genbench.protocol import Array
from genbench.report.figures.dataset_results import DatasetResults, NotApplicable
from genbench.report.figures.quantities import column_quantities
from genbench.report.figures.style import MUTED_COLOUR, TEXT_COLOUR

MAX_COLUMNS = 20
MANY_COLUMNS = 12  # from which names are written smaller
PANEL_INCHES = 2.5
MIN_LIMIT = 0.1  # of the scale of differences, so that noise does not look like a difference
COLOUR_MAP = "RdBu_r"


def correlations(results: DatasetResults) -> Figure:
    """Return Spearman's rank correlations of all pairs of columns: real, model, difference; one row of panels a model.

    Categories of more than two levels are left out. Of many columns those are shown whose correlations deviate most in
    any of the models. Raises NotApplicable if there are fewer than two columns, DataError if there are no samples.
    """
    samples = results.seed_samples
    columns = [each for each in column_quantities(samples) if len(each.levels) <= 2]
    styles = [results.line_styles[row.label] for row in results.models if len(samples.by_label.get(row.label, ())) > 1]
    labels = [row.label for row in results.models if len(samples.by_label.get(row.label, ())) > 1]
    if len(columns) < 2 or not labels:
        raise NotApplicable(f"{results.dataset}: correlations need a table of at least two columns that have an order")
    real = rank_correlations([each.real for each in columns])
    made = {label: rank_correlations([each.samples[label] for each in columns]) for label in labels}
    at = _worst(real, made)
    names = [columns[i].title for i in at]
    real, made = real[np.ix_(at, at)], {label: matrix[np.ix_(at, at)] for label, matrix in made.items()}
    limit = max(MIN_LIMIT, *(float(np.nanmax(np.abs(matrix - real), initial=0)) for matrix in made.values()))
    figure = Figure(figsize=(3 * PANEL_INCHES + 1.9, PANEL_INCHES * len(labels) + 0.6))
    grid = figure.subplots(len(labels), 3, squeeze=False, sharex=True, sharey=True)
    for panels, style, matrix in zip(grid, styles, made.values(), strict=True):
        _show(panels[0], real, 1.0, "held-out data", MUTED_COLOUR)
        _show(panels[1], matrix, 1.0, style.label, style.colour)
        worst = float(np.nanmax(np.abs(matrix - real), initial=0))
        _show(panels[2], matrix - real, limit, f"difference, at most {worst:.2f}", TEXT_COLOUR)
        _name_axis(panels[0], names, "y")
    for axes in grid[-1]:
        _name_axis(axes, names, "x")
    _add_bar(figure, list(grid[:, :2].flat), 1.0)
    _add_bar(figure, list(grid[:, 2]), limit)
    return figure


def rank_correlations(columns: Sequence[Array]) -> Array:
    """Return Spearman's correlations (d, d) of columns (n,); nan for a column that never varies (Spearman 1904)."""
    rows = np.stack(columns, axis=1)
    ranks = rankdata(rows[np.isfinite(rows).all(1)], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.corrcoef(ranks, rowvar=False)
    return found


def _worst(real: Array, made: Mapping[str, Array]) -> list[int]:
    """Return the columns that are shown: those with the largest differences, in their order."""
    worst = np.max([np.nan_to_num(np.abs(matrix - real)).max(0) for matrix in made.values()], axis=0)
    return sorted(np.argsort(-worst, kind="stable")[:MAX_COLUMNS].tolist())


def _show(axes: Axes, matrix: Array, limit: float, title: str, colour: str) -> None:
    axes.imshow(matrix, cmap=COLOUR_MAP, vmin=-limit, vmax=limit, interpolation="none")
    axes.set_title(title, fontsize=8, color=colour)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _name_axis(axes: Axes, names: Sequence[str], axis_name: str) -> None:
    size = 5 if len(names) > MANY_COLUMNS else 6.5
    if axis_name == "x":
        axes.set_xticks(range(len(names)), names, fontsize=size, rotation=90)
    else:
        axes.set_yticks(range(len(names)), names, fontsize=size)


def _add_bar(figure: Figure, axes: list[Axes], limit: float) -> None:
    mappable = ScalarMappable(Normalize(-limit, limit), COLOUR_MAP)
    bar = figure.colorbar(mappable, ax=axes, fraction=0.05, pad=0.02, aspect=25, ticks=[-limit, 0, limit])
    bar.ax.set_yticklabels([f"{-limit:.2g}", "0", f"{limit:.2g}"], fontsize=6.5)
    bar.outline.set_visible(False)
