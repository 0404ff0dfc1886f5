"""The results of one or more runs, as records and as tables for programs and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from genbench.errors import UnknownName, UserError
from genbench.plan.cell import REAL
from genbench.record.status import Status
from genbench.record.store import Damage, Record, cell_folder, read_records, read_run
from genbench.registry.selection import split
from genbench.table.columns import columns_of
from genbench.table.frame import column_name, to_frame
from genbench.table.recommendation import Recommendation, recommend
from genbench.table.suites import Suite, suites_of
from genbench.table.summary import role_of, summarise
from genbench.text import plain

if TYPE_CHECKING:
    import pandas as pd

    from genbench.training.trained import TrainedModel


@dataclass(frozen=True, repr=False)
class Results:
    """The records of all cells of one or more runs; ``damaged`` are files that do not hold a complete record.

    ``suites`` are those that were run, as ``run.json`` holds them: their published values are rows of the tables.
    ``runs`` are the folders of the runs.
    """

    METHODS: ClassVar[str] = ".table(), .verdict(DATASET), .model(NAME).sample(N), .records"

    records: tuple[Record, ...]
    damaged: tuple[Damage, ...] = ()
    suites: tuple[Suite, ...] = ()
    runs: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        models = len({str(r.get("label") or r["model"]) for r in self.records if not _is_reference(r)})
        parts = ((len(self.failures), "failed"), (len(self.lost), "lost"), (len(self.damaged), "damaged"))
        problems = "".join(f", {n} {what}" for n, what in parts if n)
        where = f" in {', '.join(map(str, self.runs))}" if self.runs else ""
        count = f"{len(self.records)} cells{where}: {models} models on {', '.join(self.datasets) or 'no dataset'}"
        return plain(f"{count}{problems}") + f"\n{self.METHODS}"

    @property
    def datasets(self) -> list[str]:
        """Labels of the datasets, in the order of the plan."""
        return list(dict.fromkeys(str(r.get("dataset_label") or r["dataset"]) for r in self.records))

    @property
    def failures(self) -> list[Record]:
        """Records of the cells that ran and failed to give scores."""
        return [r for r in self.records if Status(r["status"]).failed]

    @property
    def has_trained_models(self) -> bool:
        """Whether some model, beside the row of real data, was trained and scored."""
        return any(r["status"] == Status.OK and r["model"] != REAL for r in self.records)

    @property
    def lost(self) -> list[Record]:
        """Records of the cells whose machine or worker died; the same command runs them again."""
        return [r for r in self.records if r["status"] == Status.LOST]

    def select(self, models: str = "", datasets: str = "") -> Results:
        """Return the results of some models and datasets: names, labels, globs and exclusions, as ``vae*,-kde``.

        Reference rows, real data among them, stay unless they are excluded. Raises UserError for what selects nothing.
        """
        records = self.records
        for text, of in ((datasets, "dataset"), (models, "model")):
            if not text:
                continue
            names = {name for r in records for name in _names(r, of)}
            wanted, unwanted = _terms(text, names, of)
            chosen = [
                r for r in records if not wanted or _matches(r, of, wanted) or (of == "model" and _is_reference(r))
            ]
            records = tuple(r for r in chosen if not _matches(r, of, unwanted))
            if not any(not _is_reference(r) for r in records):
                raise UserError(f"{text!r} selects no {of}; there are: {', '.join(sorted(names))}")
        return replace(self, records=records)

    def table(self, dataset: str | None = None, per: str = "model", *, details: bool = False) -> pd.DataFrame:
        """Return a frame of one dataset (by its name or label) or of all, as ``to_frame`` makes it.

        It holds the columns that fit on a screen: names, status and values (of models, means over seeds). With
        ``details=True`` it holds all: errors, intervals, ranks and ties, floors. Raises ValueError for an unknown
        dataset.
        """
        records = [r for r in self.records if dataset in (None, r["dataset"], r.get("dataset_label"))]
        if dataset is not None and not records:
            raise ValueError(f"no dataset {dataset!r} in these results; there are: {', '.join(self.datasets)}")
        frame = to_frame(records, per, self.suites)
        return frame if details else _short(frame, records)

    def model(
        self, name: str, dataset: str | None = None, seed: int | None = None, *, plugins: Iterable[str | Path] = ()
    ) -> TrainedModel:
        """Return a trained model, by its name or label: ``results.model("vae").sample(1000)``.

        Of several seeds it is the best, if none is named. It is restored from what the run kept, or else trained again
        from its seed. ``plugins`` are files of one plugin each, loaded too. Raises UserError where nothing, or more
        than one, is meant, and Invalid for a damaged file.
        """
        from genbench.plan.recorded import cell_of
        from genbench.registry.registry import Registry
        from genbench.table.best_seed import choose_cell
        from genbench.training.trained import open_model

        record = choose_cell(self.records, name, dataset, seed)
        run = next((run for run in self.runs if cell_folder(run, record["key"]).is_dir()), None)
        if run is None:
            raise UserError(f"the folder of the run of {name!r} is not known; load it with genbench.load")
        return open_model(run, cell_of(run, record, Registry.discover(plugins)))

    def verdict(self, dataset: str | None = None) -> Recommendation:
        """Return which model to take on a dataset (by its name or label), by default the only one.

        Raises ValueError for an unknown dataset, and where there are several and none is named.
        """
        if dataset is None and len(self.datasets) != 1:
            raise ValueError(f"name a dataset; there are: {', '.join(self.datasets) or 'none'}")
        records = [r for r in self.records if dataset in (None, r["dataset"], r.get("dataset_label"))]
        found = summarise(records)
        if not found:
            raise ValueError(f"no dataset {dataset!r} in these results; there are: {', '.join(self.datasets)}")
        return recommend(found[0])


def _names(record: Record, of: str) -> set[str]:
    """Return the name and the label of the model or dataset of a record."""
    label = record.get("label") if of == "model" else record.get("dataset_label")
    return {str(record[of]), str(label or record[of])}


def _terms(text: str, names: set[str], of: str) -> tuple[list[str], list[str]]:
    """Return what a selection asks for and what it excludes; raises UnknownName for a term that matches nothing."""
    terms = split(text)
    for term in terms:
        pattern = term.removeprefix("-")
        if pattern not in names and not any(fnmatchcase(name, pattern) for name in names):
            raise UnknownName(of, pattern, names)
    return [term for term in terms if not term.startswith("-")], [term[1:] for term in terms if term.startswith("-")]


def _matches(record: Record, of: str, terms: Sequence[str]) -> bool:
    return any(name == term or fnmatchcase(name, term) for name in _names(record, of) for term in terms)


def _is_reference(record: Record) -> bool:
    return role_of(record) == "reference"


def _short(frame: pd.DataFrame, records: Sequence[Record]) -> pd.DataFrame:
    ids = ("dataset", "model", "label", "seed", "status", "reason", "n_ok", "n_failed")
    numbers = [column_name(column.name) for column in columns_of(records)]
    return frame[[name for name in (*ids, *numbers) if name in frame]].dropna(axis="columns", how="all")


def load(*paths: str | Path) -> Results:
    """Return the results of the runs in these directories; raises UserError for a directory without a run."""
    records: list[Record] = []
    damaged: list[Damage] = []
    suites: list[Suite] = []
    for path in paths:
        run = Path(path).resolve().name
        suites += suites_of(read_run(path, []))
        records += [{**record, "run": run} for record in read_records(path, damaged=damaged)]
    return Results(tuple(records), tuple(damaged), tuple(suites), tuple(Path(path) for path in paths))
