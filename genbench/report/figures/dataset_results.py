"""The results on one dataset, as figures need them: its records, and the samples and real rows found from them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genbench.errors import Damaged, DataError, GenbenchError, UserError, describe
from genbench.protocol import Array, Data
from genbench.record.evidence_file import damage_of, evidence_path
from genbench.record.store import Record, cell_folder
from genbench.report.figures.style import LineStyle, line_styles
from genbench.report.text import clean
from genbench.report.view import sort_rows
from genbench.table.summary import Row, Summary, summarise

CACHED_PROPERTIES = ("summaries", "every_row", "line_styles", "seed_samples")  # of DatasetResults
TASK_ARRAYS = ("codes_test", "reconstruction_test", "interpolation", "perturbation")
MAX_ROWS, MAX_IMAGES = 10_000, 64  # samples of a model that are loaded: of a table, of images


@dataclass(frozen=True)
class SeedSamples:
    """The real data of one seed, and the samples of each model in it.

    ``by_label`` maps the label of a row to its samples, in the data's own units, (n, d) or (n, channels, height,
    width); those of the row ``real`` are fresh real data. ``tasks`` maps the label of a model to what it made of
    held-out rows, by the names of ``TASK_ARRAYS``: rows in the data's own units, and codes. ``damaged`` says, one
    line each, whose samples are not what their record states.
    """

    seed: int
    data: Data
    by_label: Mapping[str, Array]
    tasks: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.data.train.ndim == 2 else "image"


class RunFolders:
    """The folders of runs, by the names of the runs, from which cells and samples are read on demand.

    ``plugin_files`` are the one-file plugins with which the runs were made.
    """

    def __init__(self, runs: Mapping[str, Path], plugin_files: Iterable[Path] = ()) -> None:
        self.runs = dict(runs)
        self.plugin_files = tuple(plugin_files)
        self._cells: dict[str, tuple[Mapping[str, Any], str]] = {}

    @cached_property
    def registry(self) -> Any:
        """The installed plugins."""
        from genbench.registry.registry import Registry

        return Registry.discover(self.plugin_files)

    def cell(self, record: Record) -> Any:
        """Return the cell of a record, with which its dataset is loaded; raises UserError if it cannot be planned."""
        run = str(record.get("run"))
        if run not in self.runs:
            raise UserError("the folder of the run is not known")
        if run not in self._cells:
            self._cells[run] = self._plan(self.runs[run])
        cells, why = self._cells[run]
        if record["key"] not in cells:
            raise UserError(why or "its samples are missing")
        return cells[record["key"]]

    def _plan(self, run: Path) -> tuple[Mapping[str, Any], str]:
        from genbench.plan.rescore import plan_scores

        try:
            found = plan_scores(run, self.registry)
        except (UserError, Damaged) as error:
            return {}, str(error).removeprefix(f"{run}: nothing can be scored: ")
        return {cell.key: cell for cell in found.plan.cells}, "; ".join(found.lacking)

    def _evidence(self, record: Record) -> Path:
        """Return the file of a cell's evidence; raises Damaged where it is not what the record states."""
        file = evidence_path(cell_folder(self.runs[str(record.get("run"))], record["key"]))
        if reason := damage_of(file, record):
            raise Damaged(f"samples.npz is damaged: {reason}")
        return file

    def samples(self, record: Record, data: Data) -> Array:
        """Return the first samples of a cell; raises UserError or Damaged if they cannot be shown."""
        file = self._evidence(record)
        max_rows = MAX_ROWS if data.train.ndim == 2 else MAX_IMAGES
        try:
            with np.load(file, allow_pickle=False) as saved:
                probe = saved.get("test_probe")
                samples = saved["samples"][:max_rows]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"samples.npz cannot be read ({type(error).__name__})") from None
        if probe is not None and not _matches_probe(probe, data):
            raise UserError("the dataset now gives other data than the model was trained on")
        if samples.ndim != data.train.ndim or samples.shape[1:] != data.shape or samples.dtype.kind not in "fiu":
            raise UserError(f"samples have shape {samples.shape}, expected (n, {', '.join(map(str, data.shape))})")
        finite: Array = samples[np.isfinite(samples.reshape(len(samples), -1)).all(1)]
        return finite

    def tasks(self, record: Record, data: Data) -> dict[str, Array]:
        """Return what the model of a cell made of held-out rows; nothing of arrays that do not fit the data."""
        try:
            with np.load(self._evidence(record), allow_pickle=False) as saved:
                found = {name: saved[name] for name in TASK_ARRAYS if name in saved}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, Damaged):
            return {}
        return {name: rows for name, array in found.items() if (rows := _task_rows(name, array, data)) is not None}


def _task_rows(name: str, array: Array, data: Data) -> Array | None:
    """Return an array of held-out tasks in the data's units, None where it does not fit them."""
    from genbench.training.standardise import transform_of

    if array.dtype.kind not in "fiu" or not len(array) or not np.isfinite(array).all():
        return None
    if name == "codes_test":
        return array if array.ndim == 2 and array.shape[1] else None
    if name == "reconstruction_test":
        transform = transform_of(data)
        array = array[: MAX_ROWS if data.train.ndim == 2 else MAX_IMAGES]
        return transform.from_model(array) if array.shape[1:] == transform.shape else None
    return array if array.shape[2:] == data.shape else None


def _matches_probe(probe: Array, data: Data) -> bool:
    """Return whether the data are those of the run, from which some held-out rows were saved as ``probe``."""
    from genbench.training.samples_file import probe_rows

    rows = probe_rows(data)
    return bool(probe.shape == rows.shape and np.allclose(probe, rows, rtol=1e-5, atol=1e-8))


def find_samples(results: DatasetResults) -> SeedSamples:
    """Return data and samples of the first seed that has samples; raises DataError if no seed has any."""
    if results.folders is None:
        raise DataError(f"{results.dataset}: the folder of the run is not known")
    reason = "no cell has samples"
    for seed in sorted({int(r.get("seed") or 0) for r in results.records}):
        records = {
            row.label: next((r for r in row.records if int(r.get("seed") or 0) == seed), None)
            for row in results.every_row
        }
        try:
            data = _data(results.folders, [record for record in records.values() if record is not None])
        except UserError as error:
            reason = str(error)
            continue
        samples: dict[str, Array] = {}
        tasks: dict[str, dict[str, Array]] = {}
        missing: list[str] = []
        damaged: list[str] = []
        for label, record in records.items():
            try:
                if record is None or record["status"] != "ok":
                    raise UserError(str((record or {}).get("status", "not run")))
                samples[label] = results.folders.samples(record, data)
                tasks[label] = results.folders.tasks(record, data)
            except (UserError, Damaged) as error:
                missing.append(str(error))
                if isinstance(error, Damaged):
                    damaged.append(clean(f"{label} x {results.dataset} seed {seed} is not drawn: {error}", 1000))
        if samples:
            return SeedSamples(seed, data, samples, tasks, tuple(damaged))
        reason = next(iter(missing), reason)
    raise DataError(clean(f"{results.dataset}: no samples to show: {reason}"))


def _data(folders: RunFolders, records: Sequence[Record]) -> Data:
    """Return the data of the first of these cells whose dataset can be loaded."""
    from genbench.training.load import load

    reason = "no cell has samples"
    for record in records:
        try:
            return load(folders.cell(record))
        except KeyboardInterrupt:
            raise
        except GenbenchError as error:
            reason = str(error)
        except BaseException as error:  # whatever a plugin raises, the other figures are still drawn
            reason = f"the dataset cannot be loaded: {describe(error)}"
    raise UserError(reason)


class NotApplicable(DataError):
    """A figure does not apply to the data: a figure of images to a table, for example."""


@dataclass(frozen=True)
class DatasetResults:
    """The results on one dataset: the records of its cells, and the folders in which samples and real rows are found.

    ``all_models`` holds the labels of the models on any dataset, so that a model has the same colour in all figures.
    ``only`` holds the labels of the rows to draw; none means all. ``metrics`` and ``option`` are those to draw, where a
    figure has a choice; none means its own.
    """

    dataset: str
    records: tuple[Record, ...]
    all_models: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    option: str = ""
    folders: RunFolders | None = field(default=None, compare=False)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """The tables of the dataset: one, or one for each of its configs."""
        return tuple(summarise(self.records))

    @cached_property
    def every_row(self) -> tuple[Row, ...]:
        """One row per model in the order of the tables: the best model first, references last."""
        rows = [row for summary in self.summaries for row in sort_rows(summary)]
        return tuple(sorted(rows, key=lambda row: row.role == "reference"))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows to draw."""
        return tuple(row for row in self.every_row if not self.only or row.label in self.only)

    @property
    def models(self) -> tuple[Row, ...]:
        """The rows to draw that are models."""
        return tuple(row for row in self.rows if row.role != "reference")

    @cached_property
    def line_styles(self) -> dict[str, LineStyle]:
        """The style of each row by its label."""
        return line_styles(self.every_row, self.all_models)

    @cached_property
    def seed_samples(self) -> SeedSamples:
        """Real rows and samples of the first seed that has any; raises DataError if there are none."""
        return find_samples(self)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Lines on samples that could not be drawn because they are damaged, of those that were looked for so far."""
        found: SeedSamples | None = self.__dict__.get("seed_samples")
        return () if found is None else found.damaged

    def only_rows(self, labels: Sequence[str]) -> DatasetResults:
        """Return the same results, to draw these rows only; data that were loaded are shared."""
        narrow = replace(self, only=tuple(labels))
        narrow.__dict__.update({name: self.__dict__[name] for name in CACHED_PROPERTIES if name in self.__dict__})
        return narrow


def add_clock_warning(figure: Figure, results: DatasetResults) -> None:
    """Write above a figure with a time axis that its times cannot be compared, if that is so."""
    if not all(summary.one_clock for summary in results.summaries):
        figure.suptitle("times of several runs, machines or devices: not comparable", fontsize=8, color="#B00020")
