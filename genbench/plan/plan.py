"""Make the plan of a run from a request and the registry: its cells in order, and skipped combinations with reasons."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from genbench.budget import Budget
from genbench.errors import ConfigError, PluginError, UnknownName, UserError, describe
from genbench.plan.cell import REAL, Cell
from genbench.plan.presets import PRESETS, Preset
from genbench.registry.component import Component, Settings, applies, choose, choose_metrics
from genbench.registry.discovery import Provenance
from genbench.registry.options import Setting, fill
from genbench.registry.registry import CORE, Entry, Registry
from genbench.registry.selection import split
from genbench.spec import DatasetSpec, ModelSpec

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Request:
    """What a user requests; fields that are empty or None are taken from the preset."""

    models: str = "all"
    datasets: str = ""
    metrics: str = "all"
    preset: str = "default"
    seeds: int | None = None
    first_seed: int = 0
    budget: str | None = None
    device: str = "auto"
    settings: tuple[Setting, ...] = ()
    files: tuple[tuple[DatasetSpec, Any], ...] = ()  # the user's own data, each as spec and config
    plugin_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Skip:
    """A combination of model and dataset that is not run, and the reason."""

    model: str
    dataset: str
    reason: str

    def __str__(self) -> str:
        return f"{self.model} x {self.dataset}: {self.reason}"


@dataclass(frozen=True)
class Plan:
    """The cells of a run in the order in which they start, and the combinations that are skipped."""

    cells: tuple[Cell, ...]
    skips: tuple[Skip, ...]
    request: dict[str, Any]
    plugin_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()  # remarks on the user's files
    data: tuple[Mapping[str, Any], ...] = ()  # what will be modelled of each of them, where that was asked for

    def seconds(self, jobs: int = 1) -> float:
        """Return a rough estimate of the time that the plan takes, in seconds, on cores of a machine of 2024."""
        return sum(self.seconds_of(cell) for cell in self.cells) / max(1, min(jobs, len(self.cells)))

    @staticmethod
    def seconds_of(cell: Cell) -> float:
        """Return a rough estimate of the time that a cell takes, in seconds.

        The time of a step is typical of genbench's own models; the rest is for starting processes and for scoring.
        """
        overhead = 2.0 if cell.model.name == REAL else 4.0
        if cell.budget == "none":
            return overhead
        budget = Budget.parse(cell.budget)
        if budget.unit == "s":
            return overhead + budget.amount
        steps = budget.steps(max(1, cell.sizes.train // 256))
        return overhead + steps * (0.004 if cell.kind == "vector" else 0.012)


def make_plan(request: Request, registry: Registry) -> Plan:
    """Return the plan of a request; raises UserError for an invalid one."""
    preset = _preset(request.preset)
    budget = None if request.budget is None else Budget.parse(request.budget)
    seeds = _seeds(request, preset)
    settings = registry.assign(request.settings)
    models = choose("model", request.models, registry, settings)
    models += _baselines(request, registry, settings, models)
    datasets = [Component(Entry(spec.name, spec, FILE), config) for spec, config in request.files]
    if request.datasets or not datasets:
        datasets += choose("dataset", request.datasets or preset.datasets, registry, settings)
    metrics = choose_metrics(request.metrics, registry, settings)
    _check_all_used(settings, [*models, *datasets, *metrics, *(m.space for m in metrics if m.space is not None)])

    models = [Component(REAL_ENTRY, None), *models]
    cells, skips = [], []
    for dataset in datasets:
        spec = dataset.spec
        assert isinstance(spec, DatasetSpec)
        applicable = tuple(metric for metric in metrics if applies(metric, spec.data, needs_met(spec, dataset.config)))
        for model in models:
            assert isinstance(model.spec, ModelSpec)
            if spec.data not in model.spec.data:
                needs = " or ".join(model.spec.data)
                skips.append(Skip(model.label, dataset.label, f"needs {needs} data, {dataset.name} is {spec.data}"))
                continue
            if reason := _conflict(model.spec, spec.is_conditional(dataset.config)) or _unsuitable(model, dataset):
                skips.append(Skip(model.label, dataset.label, reason))
                continue
            for seed in seeds:
                length = _budget(model.spec, spec, budget, preset)
                seconds = budget.amount if length == "none" and budget is not None and budget.unit == "s" else None
                scored = (*applicable, *_of_further_densities(applicable, model.spec))
                cells.append(Cell(model, dataset, seed, length, request.device, preset.sizes, scored, seconds))
    if not any(cell.model.name != REAL for cell in cells):
        raise UserError("nothing to run: " + "; ".join(map(str, skips)))
    # seed by seed, so that an interrupted run compares all models with few seeds; the floor first, then the longest
    cells.sort(key=lambda cell: (cell.seed, cell.model.name != REAL, -Plan.seconds_of(cell)))
    return Plan(tuple(cells), tuple(skips), _as_dict(request, preset, seeds), request.plugin_files)


FILE = Provenance("file", "genbench", module="genbench.files")
REAL_SPEC = ModelSpec(
    REAL, "genbench.plan.cell:REAL", None, "fresh real data: the floor", baseline=True, iterative=False
)
REAL_ENTRY = Entry(REAL, REAL_SPEC, CORE)


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]


def _seeds(request: Request, preset: Preset) -> range:
    count = preset.seeds if request.seeds is None else request.seeds
    if not 1 <= count <= 10_000:
        raise UserError(f"--seeds {count}: expected the number of seeds, 1 to 10000")
    if not 0 <= request.first_seed <= MAX_SEED - count:
        raise UserError(f"--first-seed {request.first_seed}: expected 0 to {MAX_SEED - count}")
    return range(request.first_seed, request.first_seed + count)


def _check_all_used(settings: Settings, components: list[Component]) -> None:
    """Raise ConfigError for a setting of a plugin that is not part of the run, as it would have no effect."""
    chosen = {(component.spec.kind, component.entry.key) for component in components}
    used = {setting.origin for plugin in settings if plugin in chosen for setting in settings[plugin]}
    for (kind, name), of_plugin in settings.items():
        for setting in of_plugin:
            if setting.origin not in used:
                raise ConfigError(f"{setting.origin}: {kind} {name!r} is not part of this run")


def _baselines(request: Request, registry: Registry, settings: Settings, models: list[Component]) -> list[Component]:
    """Return the baselines, which every run includes unless the user excludes them."""
    excluded = [term[1:] for term in split(request.models) if term.startswith("-")]
    chosen = {model.name for model in models}
    return [
        Component(entry, fill(entry.spec, settings.get(("model", entry.key), [])))
        for entry in registry.models.values()
        if isinstance(entry.spec, ModelSpec)
        and entry.spec.baseline
        and entry.spec.name not in chosen
        and not any(fnmatchcase(name, term) for term in excluded for name in (entry.key, entry.qualified))
    ]


def _of_further_densities(metrics: Sequence[Component], model: ModelSpec) -> list[Component]:
    """Return metrics of densities once more for each further likelihood of a model, where they have that option."""
    chosen = [metric for metric in metrics if getattr(metric.config, "density", None) == ""]
    return [
        replace(metric, config=replace(metric.config, density=name)) for name in model.densities for metric in chosen
    ]


def _conflict(model: ModelSpec, conditional: bool) -> str:
    """Return why a model cannot be compared on a dataset with or without conditions; empty where it can."""
    if model.name == REAL or model.conditions == "optional" or (model.conditions == "required") == conditional:
        return ""
    return "takes no conditions, and these rows are drawn given some" if conditional else "needs conditions"


def _unsuitable(model: Component, dataset: Component) -> str:
    """Return the model's reason why it cannot take a dataset, as far as that is known before it is loaded."""
    assert isinstance(model.spec, ModelSpec)
    assert isinstance(dataset.spec, DatasetSpec)
    try:
        return (model.spec.suits and model.spec.suits(dataset.spec.facts(dataset.config))) or ""
    except Exception as error:
        raise PluginError(f"model {model.label!r}: suits raised {describe(error)}") from error


def needs_met(dataset: DatasetSpec, config: object) -> dict[str, bool]:
    """Return for each of the needs of metrics whether a dataset declares to meet it under a config."""
    return {
        "truth": dataset.density,
        "modes": dataset.modes,
        "labels": dataset.labels,
        "observables": dataset.observables,
        "simulator": dataset.simulator,
        "conditions": dataset.is_conditional(config),
        "outliers": dataset.outliers_of(config),
    }


def _budget(spec: ModelSpec, dataset: DatasetSpec, budget: Budget | None, preset: Preset) -> str:
    if not spec.iterative:
        return "none"
    return str(budget or Budget(preset.steps(spec.steps_for(dataset.data), dataset.name), "steps"))


def _as_dict(request: Request, preset: Preset, seeds: range) -> dict[str, Any]:
    return {
        "models": request.models,
        "datasets": request.datasets or ("" if request.files else preset.datasets),
        "files": [os.fspath(config.path) for _, config in request.files],
        "metrics": request.metrics,
        "preset": request.preset,
        "seeds": list(seeds),
        "budget": request.budget or f"recipe x {preset.factor:g}",
        "device": request.device,
        "settings": [setting.origin for setting in request.settings],
    }
