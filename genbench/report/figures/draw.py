"""Figures of runs for papers and reports, by name.

A new figure is a function ``DatasetResults -> Figure`` in a file of its own, and an entry in ``FIGURES``. No function
uses pyplot, so that no state is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.errors import DataError, UnknownName
from genbench.record.store import Record
from genbench.report.figures.codes import codes
from genbench.report.figures.conditions import conditions
from genbench.report.figures.corner import corner
from genbench.report.figures.correlations import correlations
from genbench.report.figures.dataset_results import DatasetResults, RunFolders
from genbench.report.figures.equivalent import equivalent
from genbench.report.figures.images import images
from genbench.report.figures.interpolation import interpolation
from genbench.report.figures.marginals import marginals
from genbench.report.figures.nearest import nearest
from genbench.report.figures.pareto import pareto
from genbench.report.figures.perturbation import perturbation
from genbench.report.figures.progress import progress
from genbench.report.figures.reconstructions import reconstructions
from genbench.report.figures.scatter import scatter
from genbench.report.figures.scores import copying, coverage, likelihood, modes
from genbench.report.figures.style import STYLE
from genbench.report.figures.sweep import sweep
from genbench.report.figures.training import training
from genbench.table.summary import role_of, summarise


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure: the function that draws it, its title, and a description of what it shows."""

    function: Callable[[DatasetResults], Figure]
    title: str
    description: str
    all_options: bool = False  # drawn of all options of a dataset together: of gaussian[dim=2] and gaussian[dim=8]


FIGURES: Mapping[str, FigureKind] = {
    "scatter": FigureKind(scatter, "Samples", "samples of two columns next to held-out data, one panel per model"),
    "images": FigureKind(
        images, "Samples", "images of each model, and below each the nearest training image, with the median distance"
    ),
    "conditions": FigureKind(
        conditions,
        "Samples given conditions",
        "real images and samples, a row a class; or mean and spread of columns that deviate most against a condition",
    ),
    "marginals": FigureKind(
        marginals,
        "Marginals",
        "histograms of each column and observable, models over held-out data, and their ratio; "
        "heights on a logarithmic scale where there are tails",
    ),
    "corner": FigureKind(
        corner,
        "Pairs of columns",
        "each pair of the five columns that deviate most: contours of models over held-out data",
    ),
    "correlations": FigureKind(
        correlations,
        "Correlations",
        "rank correlations of all pairs of columns: of held-out data, of the samples, and their difference",
    ),
    "nearest": FigureKind(
        nearest,
        "Nearest training rows",
        "distances of samples to the nearest training row: copies are nearer than held-out data; below, the three "
        "samples of each model that are nearest (lines), with these rows (rings), in the scoring space",
    ),
    "reconstructions": FigureKind(
        reconstructions,
        "Reconstructions",
        "held-out rows and what models make of them: images below their originals, columns against them",
    ),
    "codes": FigureKind(
        codes, "Codes", "codes of held-out rows, coloured by label; two principal components where there are more"
    ),
    "interpolation": FigureKind(
        interpolation, "Interpolation", "what models decode between the codes of two held-out rows"
    ),
    "perturbation": FigureKind(
        perturbation,
        "One code at a time",
        "images of one code whose dimensions move by two standard deviations to either side, two in a row",
    ),
    "pareto": FigureKind(
        pareto, "Quality against cost", "quality against training time and against samples per second"
    ),
    "equivalent": FigureKind(
        equivalent,
        "At which scale does a model fail?",
        "number of real events that the samples are worth, against the scale at which they are compared: a model fails "
        "where its curve dips",
    ),
    "progress": FigureKind(
        progress,
        "Quality against time",
        "distance to held-out data against seconds of training, for a few snapshots and for the trained model",
    ),
    "training": FigureKind(training, "Training", "losses against seconds of training, one panel per model, all seeds"),
    "copying": FigureKind(
        copying,
        "Copying",
        "how close samples are to training data; the grey line is fresh real data; a model copies if its ct or "
        "authenticity is left of the line, or if it has duplicates",
    ),
    "coverage": FigureKind(
        coverage, "Coverage", "how much of the real data is covered; the grey line is fresh real data"
    ),
    "modes": FigureKind(
        modes,
        "Modes",
        "number of samples in each known mode relative to real data, and how many modes are hit; means over seeds; "
        "an empty square is a mode that no seed hits",
    ),
    "likelihood": FigureKind(
        likelihood, "Likelihood", "likelihood of held-out data; exact values, bounds and estimates are not comparable"
    ),
    "sweep": FigureKind(
        sweep,
        "Scores against an option",
        "scores against the option of the dataset or of the models that has several values, or against the number of "
        "training rows, with fresh real data in black",
        all_options=True,
    ),
}
METADATA: Mapping[str, dict[str, None]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}  # without dates


def results_by_dataset(
    records: Iterable[Record],
    runs: Mapping[str, Path] | None = None,
    plugin_files: Iterable[Path] = (),
    *,
    all_options: bool = False,
) -> list[DatasetResults]:
    """Return the results on each dataset, in the order of the plan; ``runs`` maps a run's name to its folder.

    With ``all_options`` all options of a dataset are together.

    ``plugin_files`` are one-file plugins that may provide a dataset, whose rows some figures load.
    """
    records = list(records)
    groups: dict[str, list[Record]] = {}
    for record in records:
        name = str((not all_options and record.get("dataset_label")) or record["dataset"])
        groups.setdefault(name, []).append(record)
    models = _models(records)
    folders = RunFolders(runs or {}, plugin_files)
    return [DatasetResults(dataset, tuple(group), models, folders=folders) for dataset, group in groups.items()]


def _models(records: Iterable[Record]) -> tuple[str, ...]:
    """Return the labels of all models, sorted."""
    rows = [row for summary in summarise(records) for row in summary.rows]
    return tuple(sorted({row.label for row in rows if role_of(row.records[0]) == "model"}))


def draw(name: str, results: DatasetResults) -> Figure:
    """Return the figure of this name; raises UnknownName, or DataError if the records lack what it shows."""
    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    with rc_context(STYLE):
        return FIGURES[name].function(results)


def save(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix; equal figures give equal files. Raises DataError."""
    try:
        with rc_context(STYLE):
            figure.savefig(path, dpi=dpi, metadata=METADATA.get(path.suffix.lower()))
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None
