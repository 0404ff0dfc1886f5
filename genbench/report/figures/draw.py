"""Figures of runs for papers and reports: a name, a function of what is shown, and a matplotlib figure.

A new figure is one function, ``Subject -> Figure``, in a file of its own, and one line of ``FIGURES``. No function uses
pyplot: a figure belongs to its caller, and no state is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.errors import DataError, UnknownName, UserError
from genbench.record.store import Record
from genbench.report.figures.corner import corner
from genbench.report.figures.equivalent import equivalent
from genbench.report.figures.images import images
from genbench.report.figures.marginals import marginals
from genbench.report.figures.pareto import pareto
from genbench.report.figures.progress import progress
from genbench.report.figures.scatter import scatter
from genbench.report.figures.scores import copying, coverage, likelihood, modes
from genbench.report.figures.style import STYLE
from genbench.report.figures.subject import Kept, Subject
from genbench.report.figures.training import training
from genbench.table.summary import role_of, summarise

__all__ = ["FIGURES", "SUFFIXES", "Kind", "Subject", "draw", "save", "subjects_of"]


@dataclass(frozen=True)
class Kind:
    """One figure: the function that draws it, its title, and what a reader sees in it."""

    function: Callable[[Subject], Figure]
    title: str
    words: str


FIGURES: Mapping[str, Kind] = {
    "scatter": Kind(scatter, "Samples", "samples of two columns beside held-out data, one panel a model"),
    "images": Kind(images, "Samples", "images of each model, and below each the nearest image of the training data"),
    "marginals": Kind(marginals, "Marginals", "each column and observable: models over held-out data, and their ratio"),
    "corner": Kind(
        corner,
        "Pairs of columns",
        "each pair of columns, of many the first five: contours of models over held-out data",
    ),
    "pareto": Kind(pareto, "What quality costs", "quality against the time of training and against samples a second"),
    "equivalent": Kind(
        equivalent,
        "At which scale does a model fail?",
        "real events that the samples are worth, against the scale at which they are looked at: a dip is a failure",
    ),
    "progress": Kind(
        progress,
        "Quality against time",
        "distance to held-out data against the seconds of training, of a few snapshots and of the trained model",
    ),
    "training": Kind(training, "Training", "losses against the clock of the training, one panel a model, all seeds"),
    "copying": Kind(
        copying,
        "Copying",
        "how near samples are to training data; the grey line is fresh real data; ct and authenticity left of it, or "
        "duplicates, are copies",
    ),
    "coverage": Kind(coverage, "Coverage", "how much of the real data is covered; the grey line is fresh real data"),
    "modes": Kind(
        modes,
        "Modes",
        "samples in each known mode, in units of what real data have there, and how many modes are hit: means over "
        "seeds; an empty square is a mode that no seed hits",
    ),
    "likelihood": Kind(
        likelihood, "Likelihood", "likelihoods of held-out data by kind; exact, bound and estimate do not compare"
    ),
}
SUFFIXES = (".png", ".pdf", ".svg")
UNDATED: Mapping[str, dict[str, None]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}


def subjects_of(
    records: Iterable[Record], runs: Mapping[str, Path] | None = None, plugin_files: Iterable[Path] = ()
) -> list[Subject]:
    """Return one subject a dataset, in the order of the plan; ``runs`` maps a run's name to its folder.

    ``plugin_files`` are plugins of one file that may provide a dataset, whose rows some figures load again.
    """
    records = list(records)
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(str(record.get("dataset_label") or record["dataset"]), []).append(record)
    order = _order(records)
    kept = Kept(runs or {}, plugin_files)
    return [Subject(dataset, tuple(group), dict(runs or {}), order, (), kept) for dataset, group in groups.items()]


def _order(records: Iterable[Record]) -> tuple[str, ...]:
    """Return the labels of all models, in the order of the names in the tables."""
    rows = [row for summary in summarise(records) for row in summary.rows]
    return tuple(sorted({row.label for row in rows if role_of(row.records[0]) == "model"}))


def draw(name: str, subject: Subject) -> Figure:
    """Return the figure of this name; raises UnknownName, and DataError where the records do not hold what it shows."""
    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    with rc_context(STYLE):
        return FIGURES[name].function(subject)


def save(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix; the same figure gives the same file. Raises UserError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: expected a file that ends with {', '.join(SUFFIXES)}")
    try:
        with rc_context(STYLE):
            figure.savefig(path, dpi=dpi, metadata=UNDATED[path.suffix.lower()])
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None
