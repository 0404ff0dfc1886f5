"""Old samples, new scores: the cells of a finished run made again from its records, so that a session scores them.

Nothing is trained, and the models' plugins are not needed: what a metric sees of a model are its samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genbench.budget import Sizes
from genbench.errors import PluginError, UserError
from genbench.files import FileConfig, FileDataset
from genbench.plan.cell import REAL, Cell
from genbench.plan.plan import FILE, Plan, has
from genbench.plan.presets import PRESETS
from genbench.record.score import column_of, metric_failed
from genbench.record.status import Status
from genbench.record.store import cell_folder, read_records, read_run
from genbench.registry.component import Component, applies, choose_metrics, measured
from genbench.registry.discovery import Provenance
from genbench.registry.options import Setting, fill
from genbench.registry.registry import Entry, Registry
from genbench.spec import DatasetSpec, ModelSpec

__all__ = ["RescoredCell", "Rescoring", "plan_scores"]

Record = dict[str, Any]
OF_AN_ATTEMPT = ("attempt", "sha256", "source")


@dataclass(frozen=True)
class RescoredCell(Cell):
    """A cell that was trained before: its samples are there, and some of its scores."""

    record: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.__dict__["key"] = self.record["key"]  # whatever has become of the plugins since

    @property
    def density(self) -> str:
        """Kind of the model's likelihood, as it was then."""
        return str(self.record.get("density", "none"))

    @property
    def measures(self) -> dict[str, Any]:
        """What all its scores depend on: those it had, and those to be made."""
        return {**(self.record.get("metrics") or {}), **super().measures}

    def complete(self, scores: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the scores of before, with those just made in their places or after them."""
        new = {column_of(score): score for score in scores}
        kept = [new.pop(column_of(score), score) for score in self.record.get("scores") or ()]
        return [*kept, *new.values()]

    def spent(self, before: Mapping[str, Any]) -> float:  # noqa: ARG002
        """Return nothing: what its training took is not of these scores."""
        return 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return what the record said, where and when it was trained, and that its scores are newer."""
        kept = {name: value for name, value in self.record.items() if name not in OF_AN_ATTEMPT}
        trained = {name: self.record.get(name) for name in ("versions", "commit", "started", "ended", "jobs")}
        return {**kept, "trained": self.record.get("trained") or trained, "rescored": True}


@dataclass(frozen=True)
class Rescoring:
    """The plan of a run's scores, and what cannot be scored: a reason, and the cells it holds for."""

    plan: Plan
    lacking: Mapping[str, tuple[str, ...]]


def plan_scores(
    run: Path,
    registry: Registry,
    metrics: str = "all",
    settings: Iterable[Setting] = (),
    plugin_files: Iterable[Path] = (),
) -> Rescoring:
    """Return the cells of a run that have samples, each with the metrics whose scores it lacks.

    A score is lacking where there is none, or one of another version or with other options. Raises UserError where
    there is no run, no such metric, or nothing that could be scored.
    """
    settings = list(settings)
    chosen = choose_metrics(metrics, registry, registry.assign(settings))
    about, records = read_run(run, []), read_records(run)  # what is damaged is told when the run is opened
    cells: list[Cell] = []
    lacking: dict[str, list[str]] = {}
    datasets: dict[str, Component | str] = {}
    for record in records:
        why = _unscored(run, record)
        if not why:
            name = str((record["dataset"], record.get("dataset_config"), (record.get("provenance") or {})))
            dataset = datasets.setdefault(name, _dataset(record, registry)) if name not in datasets else datasets[name]
            if isinstance(dataset, Component):
                cells.append(_cell(record, dataset, chosen, about))
                continue
            why = dataset
        lacking.setdefault(why, []).append(f"{record.get('label')} x {record['dataset']} seed {record.get('seed')}")
    if not cells:
        raise UserError(f"{run}: nothing can be scored: {'; '.join(lacking) or 'no cell has finished yet'}")
    cells.sort(key=lambda cell: (cell.seed, cell.dataset.label, cell.model.name != REAL))  # a host at a time
    request = {"score": metrics, "settings": [setting.origin for setting in settings]}
    plan = Plan(tuple(cells), (), request, tuple(plugin_files))
    return Rescoring(plan, {why: tuple(names) for why, names in lacking.items()})


def _unscored(run: Path, record: Record) -> str:
    """Return why there are no samples to score, empty where there are."""
    if record.get("phase") != "score":
        return "they ended before there were samples"
    if not (cell_folder(run, record["key"]) / "samples.npz").is_file():
        return "their samples.npz is missing; genbench run makes it again"
    return ""


def _dataset(record: Record, registry: Registry) -> Component | str:
    """Return the dataset of a record, or why it cannot be made."""
    source = (record.get("provenance") or {}).get("dataset") or {}
    options = [
        Setting(record["dataset"], name, value, f"{record['dataset']}.{name}={value!r}")
        for name, value in (record.get("dataset_config") or {}).items()
    ]
    try:
        if source.get("module") == FILE.module:
            spec = DatasetSpec(
                record["dataset"], FileDataset, FileConfig, "a file", data=record["data_kind"], labels=True
            )
            config = fill(spec, options)
            if not Path(config.path).exists() and not Path(config.path.rpartition(":")[0] or config.path).exists():
                return f"the file {config.path} of dataset {record['dataset']!r} is gone"
            return Component(Entry(spec.name, replace(spec, labels=config.labels is not None), FILE), config)
        distribution = source.get("distribution") or "genbench"
        try:
            entry = registry.find("dataset", f"{distribution}:{record['dataset']}")
        except UserError:
            where = f"its plugin {source.get('plugin')!r} ({distribution}) is not installed"
            return f"dataset {record['dataset']!r}: {where}; install it, or name its file with --plugin"
        return Component(entry, fill(entry.spec, options))
    except (UserError, PluginError, KeyError, TypeError, ValueError) as error:
        return f"dataset {record['dataset']!r} cannot be made from its record: {error}"


def _cell(record: Record, dataset: Component, chosen: Sequence[Component], about: Mapping[str, Any]) -> Cell:
    assert isinstance(dataset.spec, DatasetSpec)
    kind, known = dataset.spec.data, has(dataset.spec)
    wanted = tuple(metric for metric in chosen if applies(metric, kind, known) and not _stands(record, metric))
    seed, budget, sizes = int(record["seed"]), str(record["budget"]), _sizes(record, about)
    return RescoredCell(_model(record), dataset, seed, budget, "cpu", sizes, wanted, record=record)


def _stands(record: Record, metric: Component) -> bool:
    """Whether a record has this score, by this version with these options."""
    if record["status"] != Status.OK or (record.get("metrics") or {}).get(metric.label) != measured(metric):
        return False
    return not any(metric_failed(score) for score in record.get("scores") or () if column_of(score) == metric.label)


def _model(record: Record) -> Component:
    """Return a model that only has a name: nobody builds it."""
    source = record.get("provenance") or {}
    provenance = Provenance(str(source.get("plugin")), str(source.get("distribution")), str(source.get("version")))
    spec = ModelSpec(record["model"], "genbench.plan.rescore:RescoredCell", None, "trained before", iterative=False)
    return Component(Entry(str(record.get("label") or record["model"]), spec, provenance), None)


def _sizes(record: Record, about: Mapping[str, Any]) -> Sizes:
    """Return the sizes that were asked for; records of schema 1 do not tell, but the preset of their run does."""
    asked = (record.get("identity") or {}).get("sizes")
    preset = PRESETS.get((about.get("request") or {}).get("preset", ""), PRESETS["default"])
    return Sizes(**asked) if asked else preset.sizes
