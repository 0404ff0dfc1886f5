"""Figures of runs for papers and reports: a name, a function of what is shown, and a matplotlib figure.

A new figure is one function, ``Subject -> Figure``, in a file of its own, and one line of ``FIGURES``. No function uses
pyplot: a figure belongs to its caller, and no state is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.entry import Record
from genbench.errors import DataError, UnknownName, UserError
from genbench.report.figures_equivalent import equivalent
from genbench.report.figures_style import STYLE, Subject

__all__ = ["FIGURES", "SUFFIXES", "Subject", "draw", "save", "subjects_of"]

FIGURES: Mapping[str, Callable[[Subject], Figure]] = {
    "equivalent": equivalent,
}
SUFFIXES = (".png", ".pdf", ".svg")
UNDATED: Mapping[str, dict[str, None]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}


def subjects_of(records: Iterable[Record], runs: Mapping[str, Path] | None = None) -> list[Subject]:
    """Return one subject a dataset, in the order of the plan; ``runs`` maps a run's name to its folder."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(str(record.get("dataset_label") or record["dataset"]), []).append(record)
    return [Subject(dataset, tuple(group), dict(runs or {})) for dataset, group in groups.items()]


def draw(name: str, subject: Subject) -> Figure:
    """Return the figure of this name; raises UnknownName, and DataError where the records do not hold what it shows."""
    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    with rc_context(STYLE):
        return FIGURES[name](subject)


def save(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix; the same figure gives the same file. Raises UserError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: expected a file that ends with {', '.join(SUFFIXES)}")
    try:
        with rc_context(STYLE):
            figure.savefig(path, dpi=dpi, metadata=UNDATED[path.suffix.lower()])
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None
