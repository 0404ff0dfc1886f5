"""Draw the figures of runs for papers and reports, by the names in ``FIGURES``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from genbench.errors import DataError, UnknownName
from genbench.record.store import Record
from genbench.report.figures.dataset_results import DatasetResults, RunFolders
from genbench.report.figures.kinds import FIGURES
from genbench.report.figures.style import STYLE
from genbench.table.summary import role_of, summarise

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
