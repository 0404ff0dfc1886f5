"""Make the plan of a run from a request and the registry: its cells in order, and skipped combinations with reasons."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from genbench.budget import Budget, RecipeShare, Sizes
from genbench.errors import ConfigError, PluginError, UnknownName, UserError, describe
from genbench.files.source import FORMATS
from genbench.plan.cell import REAL, Cell, known_size
from genbench.plan.costs import CellCost, Costs, size_of
from genbench.plan.precision import FP32
from genbench.plan.presets import PRESETS, Preset
from genbench.plan.suite import ChosenSuite, check_additions, choose_suite
from genbench.registry.component import Component, Settings, applies, choose, choose_metrics, components_of, deduplicate
from genbench.registry.discovery import Provenance
from genbench.registry.options import Setting
from genbench.registry.registry import CORE, Entry, Registry
from genbench.registry.selection import split
from genbench.spec import MAX_SEEDS, DatasetSpec, ModelSpec

MAX_SEED = 2**31 - 1
START_S = 4.0  # until the first cell is training: genbench starts, and libraries are imported
MIN_LENGTHS = {"steps": 100, "epochs": 1, "s": 1.0}  # of a training whose budget is halved
MIN_TRAIN_ROWS, MAX_TRAIN_ROWS = 20, 10**8


@dataclass(frozen=True)
class Request:
    """What a user requests; fields that are empty or None are taken from the suite if there is one, or the preset.

    ``models`` and ``metrics`` are added to those of a suite. ``train_rows`` are numbers of training rows, as
    ``1000|3000``, for each of which there is a cell. ``bf16`` are the kinds of data whose models train in bf16, which
    ``precision`` was resolved to.
    """

    models: str = ""
    datasets: str = ""
    metrics: str = ""
    preset: str = "default"
    seeds: int | None = None
    first_seed: int = 0
    budget: str | None = None
    device: str = "auto"
    settings: tuple[Setting, ...] = ()
    files: tuple[tuple[DatasetSpec, Any], ...] = ()  # the user's own data, each as spec and config
    plugin_files: tuple[Path, ...] = ()
    suite: str = ""
    train_rows: str = ""
    precision: str = FP32
    bf16: tuple[str, ...] | None = None
    halvings: int = 0  # of each budget, to fit the plan to a time


@dataclass(frozen=True)
class Skip:
    """A combination of model and dataset that is not run, or a model, dataset or metric of a suite, and the reason."""

    model: str
    dataset: str
    reason: str
    metric: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON values, without a metric where it is not of one."""
        return {"model": self.model, "dataset": self.dataset, "reason": self.reason} | (
            {"metric": self.metric} if self.metric else {}
        )

    def __str__(self) -> str:
        return f"{' x '.join(name for name in (self.model, self.dataset, self.metric) if name)}: {self.reason}"


@dataclass(frozen=True)
class Plan:
    """The cells of a run in the order in which they start, and the combinations that are skipped."""

    cells: tuple[Cell, ...]
    skips: tuple[Skip, ...]
    request: dict[str, Any]
    plugin_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()  # remarks on the user's files
    data: tuple[Mapping[str, Any], ...] = ()  # what will be modelled of each of them, where that was asked for
    suite: Mapping[str, Any] | None = None  # what run.json keeps of the suite
    costs: Costs = field(default_factory=Costs)  # of its cells, on this machine

    @cached_property
    def _described(self) -> dict[str, Mapping[str, Any]]:
        labels = dict.fromkeys(cell.dataset.label for cell in self.cells)
        return dict(zip(labels, self.data, strict=False))  # the user's own come first

    def seconds(self, jobs: int = 1) -> float:
        """Return an estimate of the seconds that the plan takes on an idle machine, ``jobs`` cells at a time."""
        seconds = [self.seconds_of(cell) for cell in self.cells]
        return self.elapsed(sum(seconds), max(seconds, default=0.0), jobs)

    @staticmethod
    def elapsed(total_s: float, longest_s: float, jobs: int) -> float:
        """Return the seconds that pass while cells take ``total_s`` CPU seconds, the longest one ``longest_s``."""
        return START_S + max(total_s / max(1, jobs), longest_s)

    def seconds_of(self, cell: Cell) -> float:
        """Return an estimate of the CPU seconds that a cell takes."""
        return self.cost_of(cell).seconds

    def cost_of(self, cell: Cell) -> CellCost:
        """Return an estimate of what a cell costs, from what is known of the user's data too."""
        size, described = size_of(cell), self._described.get(cell.dataset.label)
        if described is not None:
            rows = described["splits"]
            size = replace(size, dimensions=math.prod(described["shape"]), train=rows["train"], test=rows["test"])
        return self.costs.of_size(cell, size)


def make_plan(request: Request, registry: Registry, costs: Costs | None = None) -> Plan:
    """Return the plan of a request; raises UserError for an invalid one.

    ``costs`` are those of cells on this machine, by default those of the table that comes with genbench.
    """
    costs = costs or Costs()
    suite = _suite(request, registry)
    preset = suite.preset if suite else _preset(request.preset)
    if suite:
        request = replace(request, budget=suite.budget)
    budget = None if request.budget is None else Budget.parse(request.budget)
    seeds = _seeds(request, preset)
    settings = registry.assign(request.settings)
    models = list(suite.models if suite else ())
    if request.models or not suite:
        models = deduplicate([*models, *choose("model", request.models or "all", registry, settings)])
    models += _baselines(f"{suite.spec.models if suite else ''},{request.models}", registry, settings, models)
    datasets = [Component(Entry(spec.name, spec, FILE), config) for spec, config in request.files]
    if suite:
        datasets += suite.datasets
    elif request.datasets or not datasets:
        datasets += _installed_datasets(request.datasets or preset.datasets, registry, settings)
    metrics = list(suite.metrics if suite else ())
    if request.metrics or not suite:
        metrics = deduplicate([*metrics, *choose_metrics(request.metrics or "all", registry, settings)])
    sizes_list = _sizes(request, preset)
    _check_all_used(settings, [*models, *datasets, *metrics, *(m.space for m in metrics if m.space is not None)])

    models = [Component(REAL_ENTRY, None), *models]
    cells, skips = [], [Skip(**{**NOTHING, m.kind: m.term}, reason=m.reason) for m in (suite.missing if suite else ())]
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
            lengths = {
                sizes: str(halved(_length(model, dataset, sizes, budget, preset), request.halvings))
                for sizes in sizes_list
            }
            timed = None if budget is None or budget.unit != "s" or model.spec.iterative else budget.amount
            scored = (*applicable, *_of_further_densities(applicable, model.spec))
            precision = _precision(model, dataset, request)
            cells += [
                Cell(model, dataset, seed, length, request.device, sizes, scored, timed, precision)
                for sizes, length in lengths.items()
                for seed in seeds
            ]
    if not any(cell.model.name != REAL for cell in cells) and not suite:
        raise UserError("nothing to run: " + "; ".join(map(str, skips)))
    # seed by seed, so that an interrupted run compares all models with few seeds; the floor first, then the longest
    cells.sort(key=lambda cell: (cell.seed, cell.model.name != REAL, -costs.of(cell).seconds))
    about = _as_dict(request, preset, seeds, suite)
    kept = suite.as_dict(registry) if suite else None
    return Plan(tuple(cells), tuple(skips), about, request.plugin_files, suite=kept, costs=costs)


FILE = Provenance("file", "genbench", module="genbench.files")
REAL_SPEC = ModelSpec(
    REAL, "genbench.plan.cell:REAL", None, "fresh real data: the floor", baseline=True, iterative=False
)
REAL_ENTRY = Entry(REAL, REAL_SPEC, CORE)
NOTHING = {"model": "", "dataset": ""}


def _suite(request: Request, registry: Registry) -> ChosenSuite | None:
    """Return the suite of a request, if it names one; raises UserError for options that contradict it."""
    if not request.suite:
        return None
    chosen = choose_suite(request.suite, registry, request.preset)
    own = {"-d": request.datasets, "--data": request.files, "--budget": request.budget, "--set": request.settings,
           "--train-rows": request.train_rows}  # fmt: skip
    check_additions(request.suite, own, {"-m": request.models, "--metrics": request.metrics})
    return chosen


def _installed_datasets(text: str, registry: Registry, settings: Settings) -> list[Component]:
    """Return the datasets that a selection chooses; raises UserError, with a hint where it names a file."""
    try:
        return choose("dataset", text, registry, settings)
    except UnknownName as error:
        if Path(error.name).suffix.lower() in FORMATS or Path(error.name).exists():
            raise UserError(
                f"no dataset named {error.name!r}; a file of yours is named by --data {error.name}"
            ) from None
        raise


def _sizes(request: Request, preset: Preset) -> list[Sizes]:
    """Return the sizes of the splits: those of the preset, or one for each number of training rows."""
    numbers = [part.strip() for part in re.split(r"[|,]", request.train_rows)] if request.train_rows else []
    if not all(number.isdecimal() and MIN_TRAIN_ROWS <= int(number) <= MAX_TRAIN_ROWS for number in numbers):
        expected = f"expected numbers of rows from {MIN_TRAIN_ROWS} to {MAX_TRAIN_ROWS}, as 1000,3000,10000"
        raise UserError(f"--train-rows {request.train_rows}: {expected}")
    return [replace(preset.sizes, train=n) for n in dict.fromkeys(map(int, numbers))] or [preset.sizes]


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]


def _seeds(request: Request, preset: Preset) -> range:
    count = preset.seeds if request.seeds is None else request.seeds
    if not 1 <= count <= MAX_SEEDS:
        raise UserError(f"--seeds {count}: expected the number of seeds, 1 to {MAX_SEEDS}")
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


def _baselines(text: str, registry: Registry, settings: Settings, models: list[Component]) -> list[Component]:
    """Return the baselines, which every run includes unless the selection ``text`` of its models excludes them."""
    excluded = [term[1:] for term in split(text) if term.startswith("-")]
    chosen = {model.name for model in models}
    return [
        component
        for entry in registry.models.values()
        if isinstance(entry.spec, ModelSpec)
        and entry.spec.baseline
        and entry.spec.name not in chosen
        and not any(fnmatchcase(name, term) for term in excluded for name in (entry.key, entry.qualified))
        for component in components_of(entry, settings)
    ]


def _of_further_densities(metrics: Sequence[Component], model: ModelSpec) -> list[Component]:
    """Return metrics of densities once more for each further likelihood of a model, where they have that option."""
    chosen = [metric for metric in metrics if getattr(metric.config, "density", None) == ""]
    return [
        replace(metric, config=replace(metric.config, density=name)) for name in model.densities for metric in chosen
    ]


def _precision(model: Component, dataset: Component, request: Request) -> str:
    """Return the precision in which a model trains on a dataset; one that does not iterate has no other."""
    assert isinstance(model.spec, ModelSpec)
    assert isinstance(dataset.spec, DatasetSpec)
    return "bf16" if model.spec.iterative and dataset.spec.data in (request.bf16 or ()) else FP32


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


def halved(length: Budget | RecipeShare | str, times: int) -> Budget | RecipeShare | str:
    """Return a length of training divided by two ``times`` times; below ``MIN_LENGTHS`` only where it was before."""
    if times == 0 or isinstance(length, str):
        return length
    if isinstance(length, RecipeShare):
        return RecipeShare(length.factor / 2**times, max(1, length.cap >> times))
    least = min(length.amount, MIN_LENGTHS[length.unit])
    amount = length.amount / 2**times
    return Budget(max(least, amount if length.unit == "s" else math.ceil(amount)), length.unit)


def _length(
    model: Component, dataset: Component, sizes: Sizes, budget: Budget | None, preset: Preset
) -> Budget | RecipeShare | str:
    """Return how long a model trains: ``none``, steps, or a share of a recipe whose steps are not known yet."""
    assert isinstance(model.spec, ModelSpec)
    assert isinstance(dataset.spec, DatasetSpec)
    if not model.spec.iterative:
        return "none"
    if budget is not None:
        return budget
    recipe, share = model.spec.steps_for(dataset.spec.data, *known_size(dataset, sizes)), preset.share(dataset.name)
    return share if recipe is None else Budget(share.steps(recipe), "steps")


def _budget_text(request: Request, preset: Preset) -> str:
    text = request.budget or f"recipe x {preset.factor:g}"
    return f"{text} x 1/{2**request.halvings}" if request.halvings else text


def _as_dict(request: Request, preset: Preset, seeds: range, suite: ChosenSuite | None) -> dict[str, Any]:
    own = suite.spec if suite else None
    about = {
        "models": ",".join(filter(None, (own.models if own else "", request.models))) or "all",
        "datasets": own.datasets if own else request.datasets or ("" if request.files else preset.datasets),
        "files": [os.fspath(config.path) for _, config in request.files],
        "metrics": ",".join(filter(None, (own.metrics if own else "", request.metrics))) or "all",
        "preset": request.preset,
        "seeds": list(seeds),
        "budget": _budget_text(request, preset),
        "device": request.device,
        "settings": [setting.origin for setting in request.settings],
    }
    about |= {name: value for name in ("suite", "train_rows") if (value := getattr(request, name))}
    precision = {} if request.precision == FP32 else {"precision": request.precision, "bf16": list(request.bf16 or ())}
    return about | precision
