"""Score the samples of a finished run again: its cells are restored from their records, and a session scores them.

Nothing is trained, and the plugins of the models are not needed, because metrics use their samples only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbench.errors import Damaged, UserError
from genbench.plan.cell import REAL, Cell
from genbench.plan.plan import Plan, needs_met
from genbench.plan.recorded import dataset_of, sizes_of
from genbench.record.evidence_file import damage_of, evidence_path
from genbench.record.score import column_of, metric_failed
from genbench.record.status import Status
from genbench.record.store import cell_folder, read_records, read_run
from genbench.registry.component import Component, applies, choose_metrics, measurement
from genbench.registry.discovery import Provenance
from genbench.registry.options import Setting
from genbench.registry.registry import Entry, Registry
from genbench.spec import DatasetSpec, ModelSpec

Record = dict[str, Any]
DAMAGED = "their samples.npz is damaged, as genbench validate says; genbench run makes it again"
ATTEMPT_FIELDS = ("attempt", "sha256", "source")  # of one attempt, not of the cell


@dataclass(frozen=True)
class RescoredCell(Cell):
    """A cell whose samples and, perhaps, scores exist already, in an earlier ``record``."""

    record: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.__dict__["key"] = self.record["key"]  # the old key, even if a plugin has changed since

    @property
    def density(self) -> str:
        """The kind of the model's likelihood, as its record states it."""
        return str(self.record.get("density", "none"))

    @property
    def measures(self) -> dict[str, Any]:
        """What each of its scores depends on besides the samples, both old scores and new."""
        return {**(self.record.get("metrics") or {}), **super().measures}

    def complete(self, scores: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return all scores for its record: old ones, replaced by new ones of the same column, then other new ones."""
        new = {column_of(score): score for score in scores}
        old = [new.pop(column_of(score), score) for score in self.record.get("scores") or ()]
        return [*old, *new.values()]

    def spent(self, before: Mapping[str, Any]) -> float:  # noqa: ARG002
        """Return 0: the time of the earlier training is not part of this deadline."""
        return 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the old record, with where and when the cell was trained, and the mark that it is rescored."""
        fields = {name: value for name, value in self.record.items() if name not in ATTEMPT_FIELDS}
        trained = {name: self.record.get(name) for name in ("versions", "commit", "started", "ended", "jobs")}
        return {**fields, "trained": self.record.get("trained") or trained, "rescored": True}


@dataclass(frozen=True)
class Rescoring:
    """The plan of new scores for a run; ``lacking`` maps a reason to the cells that cannot be scored."""

    plan: Plan
    lacking: Mapping[str, tuple[str, ...]]


def plan_scores(
    run: Path,
    registry: Registry,
    metrics: str = "all",
    settings: Iterable[Setting] = (),
    plugin_files: Iterable[Path] = (),
) -> Rescoring:
    """Return the cells of a run that have samples, each with the metrics that must be computed.

    A metric is computed if its score is missing or was made by another version or with other options. Raises UserError
    if there is no run, no such metric, or nothing to score, and Damaged if that is because of damaged samples.
    """
    settings = list(settings)
    chosen = choose_metrics(metrics, registry, registry.assign(settings))
    run_info, records = (
        read_run(run, []),
        read_records(run),
    )  # damaged files are reported when the session opens the run
    cells: list[Cell] = []
    lacking: dict[str, list[str]] = {}
    datasets: dict[str, Component | str] = {}
    for record in records:
        reason = _reason_without_samples(run, record)
        if not reason:
            name = str((record["dataset"], record.get("dataset_config"), (record.get("provenance") or {})))
            if name not in datasets:
                datasets[name] = dataset_of(run, record, registry)
            dataset = datasets[name]
            if isinstance(dataset, Component):
                cells.append(_cell(record, dataset, chosen, run_info))
                continue
            reason = dataset
        lacking.setdefault(reason, []).append(f"{record.get('label')} x {record['dataset']} seed {record.get('seed')}")
    if not cells:
        kind = Damaged if DAMAGED in lacking else UserError
        raise kind(f"{run}: nothing can be scored: {'; '.join(lacking) or 'no cell has finished yet'}")
    # cells with the same real data follow each other, so that few zygotes are needed at a time
    cells.sort(key=lambda cell: (cell.seed, cell.dataset.label, cell.model.name != REAL))
    request = {"score": metrics, "settings": [setting.origin for setting in settings]}
    plan = Plan(tuple(cells), (), request, tuple(plugin_files))
    return Rescoring(plan, {reason: tuple(names) for reason, names in lacking.items()})


def _reason_without_samples(run: Path, record: Record) -> str:
    """Return the reason why a cell has no samples that can be scored, empty if it has."""
    if record.get("phase") != "score":
        return "they ended before they had samples"
    file = evidence_path(cell_folder(run, record["key"]))
    if not file.is_file():
        return "their samples.npz is missing; genbench run makes it again"
    return DAMAGED if damage_of(file, record) else ""


def _cell(record: Record, dataset: Component, chosen: Sequence[Component], run_info: Mapping[str, Any]) -> Cell:
    assert isinstance(dataset.spec, DatasetSpec)
    kind, met = dataset.spec.data, needs_met(dataset.spec, dataset.config)
    missing = tuple(metric for metric in chosen if applies(metric, kind, met) and not _has_score(record, metric))
    seed, budget, sizes = int(record["seed"]), str(record["budget"]), sizes_of(record, run_info)
    return RescoredCell(_model(record), dataset, seed, budget, "cpu", sizes, missing, record=record)


def _has_score(record: Record, metric: Component) -> bool:
    """Return whether a record has the score of a metric, by this version and with these options."""
    if record["status"] != Status.OK or (record.get("metrics") or {}).get(metric.label) != measurement(metric):
        return False
    return not any(metric_failed(score) for score in record.get("scores") or () if column_of(score) == metric.label)


def _model(record: Record) -> Component:
    """Return a model with the name of the trained one, which is never built."""
    source = record.get("provenance") or {}
    provenance = Provenance(str(source.get("plugin")), str(source.get("distribution")), str(source.get("version")))
    spec = ModelSpec(record["model"], "genbench.plan.rescore:RescoredCell", None, "trained before", iterative=False)
    return Component(Entry(str(record.get("label") or record["model"]), spec, provenance), None)
