"""Real rows and samples, found again from the records: what a picture of a run needs and its records do not hold."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genbench.errors import DataError, GenbenchError, UserError, describe
from genbench.protocol import Array, Data
from genbench.record.store import Record, cell_folder
from genbench.report.figures.style import Look, looks
from genbench.report.text import clean
from genbench.table.summary import REFERENCES, Row, Summary, summarise

__all__ = ["Kept", "Shown", "Subject", "Unsuited", "shown_of", "warn_of_clocks"]

CACHED = ("summaries", "every_row", "looks", "shown")  # of a subject

ROWS, IMAGES = 10_000, 64  # the most that is kept of a model's samples
PROBED = 64  # held-out rows by which the data are known again


@dataclass(frozen=True)
class Shown:
    """The real data of one seed, and what each model made of them, by the label of its row; ``missing`` says why not.

    Samples are in the data's own units, (n, d) or (n, channels, height, width); those of the row ``real`` are fresh.
    """

    seed: int
    data: Data
    samples: Mapping[str, Array]
    missing: Mapping[str, str]

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.data.train.ndim == 2 else "image"


class Kept:
    """What runs keep of their cells, read when it is needed; ``runs`` maps the name of a run to its folder.

    ``plugin_files`` are plugins of one file that the runs were made with.
    """

    def __init__(self, runs: Mapping[str, Path], plugin_files: Iterable[Path] = ()) -> None:
        self.runs = dict(runs)
        self.plugin_files = tuple(plugin_files)
        self._cells: dict[str, tuple[Mapping[str, Any], str]] = {}

    @cached_property
    def registry(self) -> Any:
        """The plugins that are installed."""
        from genbench.registry.registry import Registry

        return Registry.discover(self.plugin_files)

    def cell(self, record: Record) -> Any:
        """Return the cell of a record, which loads its dataset; raises UserError where it cannot be made again."""
        run = str(record.get("run"))
        if run not in self.runs:
            raise UserError("the folder of the run is not at hand")
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
        except UserError as error:
            return {}, str(error).removeprefix(f"{run}: nothing can be scored: ")
        return {cell.key: cell for cell in found.plan.cells}, "; ".join(found.lacking)

    def samples(self, record: Record, data: Data) -> Array:
        """Return the first samples of a cell; raises UserError where they do not fit the data."""
        file = cell_folder(self.runs[str(record.get("run"))], record["key"]) / "samples.npz"
        most = ROWS if data.train.ndim == 2 else IMAGES
        try:
            with np.load(file, allow_pickle=False) as saved:
                probe = saved.get("test_probe")
                samples = saved["samples"][:most]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"samples.npz cannot be read ({type(error).__name__})") from None
        if probe is not None and not _same(probe, data.test):
            raise UserError("the dataset gives other data than those it was trained on")
        if samples.ndim != data.train.ndim or samples.shape[1:] != data.shape or samples.dtype.kind not in "fiu":
            raise UserError(f"samples have shape {samples.shape}, expected (n, {', '.join(map(str, data.shape))})")
        finite: Array = samples[np.isfinite(samples.reshape(len(samples), -1)).all(1)]
        return finite


def _same(probe: Array, test: Array) -> bool:
    rows = test[:: max(1, len(test) // PROBED)][:PROBED]
    return bool(probe.shape == rows.shape and np.allclose(probe, rows, rtol=1e-5, atol=1e-8))


def shown_of(subject: Subject) -> Shown:
    """Return what there is to see of the first seed that has samples; raises DataError where no seed has any."""
    if subject.kept is None:
        raise DataError(f"{subject.dataset}: the folder of the run is not at hand")
    why = "no cell has samples"
    for seed in sorted({int(r.get("seed") or 0) for r in subject.records}):
        records = {
            row.label: next((r for r in row.records if int(r.get("seed") or 0) == seed), None)
            for row in subject.every_row
        }
        try:
            data = _data(subject.kept, [record for record in records.values() if record is not None])
        except UserError as error:
            why = str(error)
            continue
        samples: dict[str, Array] = {}
        missing: dict[str, str] = {}
        for label, record in records.items():
            try:
                if record is None or record["status"] != "ok":
                    raise UserError(str((record or {}).get("status", "not run")))
                samples[label] = subject.kept.samples(record, data)
            except UserError as error:
                missing[label] = clean(error)
        if samples:
            return Shown(seed, data, samples, missing)
        why = next(iter(missing.values()), why)
    raise DataError(clean(f"{subject.dataset}: no samples to show: {why}"))


def _data(kept: Kept, records: Sequence[Record]) -> Data:
    """Return the data of the first of these cells that can be made again."""
    from genbench.training.load import load

    why = "no cell has samples"
    for record in records:
        try:
            return load(kept.cell(record))
        except KeyboardInterrupt:
            raise
        except GenbenchError as error:
            why = str(error)
        except BaseException as error:  # a plugin's fault costs its picture, and nothing else
            why = f"the dataset cannot be loaded: {describe(error)}"
    raise UserError(why)


class Unsuited(DataError):
    """A figure that is not for such data: of images where there is a table, say."""


@dataclass(frozen=True)
class Subject:
    """One dataset, the records of its cells, and the folders of the runs that they come from, by ``record["run"]``.

    ``order`` holds the labels of all models of the runs, so that each has its colour whatever the dataset; ``only``
    the labels of those to draw, where it is not all; ``kept`` finds samples and real rows.
    """

    dataset: str
    records: tuple[Record, ...]
    runs: Mapping[str, Path] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    kept: Kept | None = field(default=None, compare=False)

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """The tables of the dataset: one, or one for each of its configs."""
        return tuple(summarise(self.records))

    @cached_property
    def every_row(self) -> tuple[Row, ...]:
        """One row a model, as in the tables: models in the order of the plan, then references."""
        rows = [row for summary in self.summaries for row in summary.rows]
        return tuple(sorted(rows, key=lambda row: (row.role == "reference", _place(row))))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows to draw."""
        return tuple(row for row in self.every_row if not self.only or row.label in self.only)

    @property
    def models(self) -> tuple[Row, ...]:
        """The rows to draw that are models."""
        return tuple(row for row in self.rows if row.role != "reference")

    @cached_property
    def looks(self) -> dict[str, Look]:
        """The look of each row by its label."""
        return looks(self.every_row, self.order)

    @cached_property
    def shown(self) -> Shown:
        """Real rows and samples of the first seed that has any; raises DataError where there are none."""
        return shown_of(self)

    def narrowed(self, labels: Sequence[str]) -> Subject:
        """Return the same, to draw these rows only; what was loaded is shared."""
        narrow = replace(self, only=tuple(labels))
        narrow.__dict__.update({name: self.__dict__[name] for name in CACHED if name in self.__dict__})
        return narrow


def _place(row: Row) -> int:
    model = row.records[0]["model"]
    return REFERENCES.index(model) if row.role == "reference" and model in REFERENCES else 0


def warn_of_clocks(figure: Figure, subject: Subject) -> None:
    """Say above a figure with an axis of time where its times cannot be compared."""
    if not all(summary.one_clock for summary in subject.summaries):
        figure.suptitle("times of several runs, machines or devices: not comparable", fontsize=8, color="#B00020")
