"""The kinds of figures, by name: listed and completed without importing what draws them.

A new figure is a function ``DatasetResults -> Figure`` in a file of its own, and an entry in ``FIGURES``. No function
uses pyplot, so that no state is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genbench.report.figures.dataset_results import DatasetResults


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure: the function that draws it, as module:name, its title, and what it shows."""

    target: str
    title: str
    description: str
    all_options: bool = False  # drawn of all options of a dataset together: of gaussian[dim=2] and gaussian[dim=8]

    @property
    def function(self) -> Callable[[DatasetResults], Figure]:
        """The function that draws it, imported here: matplotlib takes half a second."""
        module, _, name = self.target.partition(":")
        function: Callable[[DatasetResults], Figure] = getattr(import_module(f"{__package__}.{module}"), name)
        return function


FIGURES: Mapping[str, FigureKind] = {
    "scatter": FigureKind(
        "scatter:scatter", "Samples", "samples of two columns next to held-out data, one panel per model"
    ),
    "images": FigureKind(
        "images:images",
        "Samples",
        "images of each model, and below each the nearest training image, with the median distance",
    ),
    "conditions": FigureKind(
        "conditions:conditions",
        "Samples given conditions",
        "real images and samples, a row a class; or mean and spread of columns that deviate most against a condition",
    ),
    "marginals": FigureKind(
        "marginals:marginals",
        "Marginals",
        "histograms of each column and observable, models over held-out data, and their ratio; "
        "heights on a logarithmic scale where there are tails",
    ),
    "corner": FigureKind(
        "corner:corner",
        "Pairs of columns",
        "each pair of the five columns that deviate most: contours of models over held-out data",
    ),
    "correlations": FigureKind(
        "correlations:correlations",
        "Correlations",
        "rank correlations of all pairs of columns: of held-out data, of the samples, and their difference",
    ),
    "nearest": FigureKind(
        "nearest:nearest",
        "Nearest training rows",
        "distances of samples to the nearest training row: copies are nearer than held-out data; below, the three "
        "samples of each model that are nearest (lines), with these rows (rings), in the scoring space",
    ),
    "reconstructions": FigureKind(
        "reconstructions:reconstructions",
        "Reconstructions",
        "held-out rows and what models make of them: images below their originals, columns against them",
    ),
    "codes": FigureKind(
        "codes:codes",
        "Codes",
        "codes of held-out rows, coloured by label; two principal components where there are more",
    ),
    "interpolation": FigureKind(
        "interpolation:interpolation", "Interpolation", "what models decode between the codes of two held-out rows"
    ),
    "perturbation": FigureKind(
        "perturbation:perturbation",
        "One code at a time",
        "images of one code whose dimensions move by two standard deviations to either side, two in a row",
    ),
    "pareto": FigureKind(
        "pareto:pareto", "Quality against cost", "quality against training time and against samples per second"
    ),
    "equivalent": FigureKind(
        "equivalent:equivalent",
        "At which scale does a model fail?",
        "number of real events that the samples are worth, against the scale at which they are compared: a model fails "
        "where its curve dips",
    ),
    "progress": FigureKind(
        "progress:progress",
        "Quality against time",
        "distance to held-out data against seconds of training, for a few snapshots and for the trained model",
    ),
    "training": FigureKind(
        "training:training", "Training", "losses against seconds of training, one panel per model, all seeds"
    ),
    "copying": FigureKind(
        "scores:copying",
        "Copying",
        "how close samples are to training data; the grey line is fresh real data; a model copies if its ct or "
        "authenticity is left of the line, or if it has duplicates",
    ),
    "coverage": FigureKind(
        "scores:coverage", "Coverage", "how much of the real data is covered; the grey line is fresh real data"
    ),
    "modes": FigureKind(
        "scores:modes",
        "Modes",
        "number of samples in each known mode relative to real data, and how many modes are hit; means over seeds; "
        "an empty square is a mode that no seed hits",
    ),
    "likelihood": FigureKind(
        "scores:likelihood",
        "Likelihood",
        "likelihood of held-out data; exact values, bounds and estimates are not comparable",
    ),
    "sweep": FigureKind(
        "sweep:sweep",
        "Scores against an option",
        "scores against the option of the dataset or of the models that has several values, or against the number of "
        "training rows, with fresh real data in black",
        all_options=True,
    ),
}
