"""A suite in a plan: its protocol as a preset, and its selections without what is not installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from genbench.budget import Sizes
from genbench.errors import ConfigError, UnknownName, UserError
from genbench.plan.presets import PRESETS, Preset
from genbench.registry.component import Component, choose, choose_metrics
from genbench.registry.registry import Registry
from genbench.registry.selection import split
from genbench.spec import MetricSpec, Published, SuiteSpec

FULL_PRESET, SCALED_PRESET = "default", "smoke"  # of which a suite replaces or scales down its own protocol


@dataclass(frozen=True)
class Missing:
    """A term of a suite that cannot be run here, and the reason."""

    kind: str  # model, dataset, metric
    term: str
    reason: str


@dataclass(frozen=True)
class ChosenSuite:
    """A suite with what is installed of it; ``preset`` and ``budget`` are those that it is run with."""

    spec: SuiteSpec
    models: tuple[Component, ...]
    datasets: tuple[Component, ...]
    metrics: tuple[Component, ...]
    missing: tuple[Missing, ...]
    preset: Preset
    budget: str | None
    scaled: bool  # whether its protocol is scaled down, so that its numbers are not those of the suite

    def as_dict(self, registry: Registry) -> dict[str, Any]:
        """Return what ``run.json`` keeps of it, from which tables are made without the suite."""
        return {
            "name": self.spec.name,
            "summary": self.spec.summary,
            "paper": self.spec.paper,
            "scaled": self.scaled,
            "datasets": [dataset.label for dataset in self.datasets],
            "metrics": [metric.label for metric in self.metrics],
            "published": [asdict(value) | _direction(value, registry) for value in self.spec.published],
            "missing": [asdict(missing) for missing in self.missing],
        }


def choose_suite(name: str, registry: Registry, preset: str) -> ChosenSuite:
    """Return the suite of this name; raises UnknownName, and UserError for a preset or a selection that it cannot have.

    With the preset ``smoke`` it has one seed, a share of each model's recipe, and few rows.
    """
    spec = registry.find("suite", name).spec
    assert isinstance(spec, SuiteSpec)
    if preset not in (FULL_PRESET, SCALED_PRESET):
        raise UserError(f"--preset {preset}: suite {name!r} has its own protocol; only {SCALED_PRESET} scales it down")
    missing: list[Missing] = []
    models, datasets, metrics = (
        tuple(_installed(kind, text, registry, missing))
        for kind, text in (("model", spec.models), ("dataset", spec.datasets), ("metric", spec.metrics))
    )
    base, scaled = PRESETS[preset], preset == SCALED_PRESET
    sizes = _smaller(spec.sizes, base.sizes) if scaled else spec.sizes
    protocol = replace(base, seeds=min(base.seeds, spec.seeds) if scaled else spec.seeds, sizes=sizes, shares={})
    budget = spec.budget or None
    return ChosenSuite(spec, models, datasets, metrics, tuple(missing), protocol, None if scaled else budget, scaled)


def check_additions(suite: str, options: Mapping[str, Any], additions: Mapping[str, str]) -> None:
    """Raise UserError for an option that contradicts a suite, and for an addition that leaves something of it out."""
    for option, value in options.items():
        if value:
            raise UserError(f"{option}: suite {suite!r} has its own protocol; leave it out, or run without --suite")
    for option, text in additions.items():
        if excluded := next((term for term in split(text) if term.startswith("-")), None):
            raise UserError(f"{option} {excluded}: suite {suite!r} is run whole; {option} can only add to it")


def _smaller(sizes: Sizes, other: Sizes) -> Sizes:
    return Sizes(*map(min, asdict(sizes).values(), asdict(other).values()))


def _installed(kind: str, text: str, registry: Registry, missing: list[Missing]) -> list[Component]:
    """Return what is installed of a selection; what is not is added to ``missing``."""
    terms = split(text)
    usable = [term for term in terms if not term.startswith("-") and _is_usable(kind, term, registry, missing)]
    if not usable:
        return []
    return choose_term(kind, ",".join([*usable, *(term for term in terms if term.startswith("-"))]), registry)


def _is_usable(kind: str, term: str, registry: Registry, missing: list[Missing]) -> bool:
    try:
        choose_term(kind, term, registry)
    except UnknownName as error:
        missing.append(Missing(kind, term, f"no {error.kind} named {error.name!r} is installed"))
    except ConfigError as error:  # an option or a value of a later version
        missing.append(Missing(kind, term, str(error).removeprefix(f"{term}: ")))
    else:
        return True
    return False


def choose_term(kind: str, text: str, registry: Registry) -> list[Component]:
    """Return what a selection of models, datasets or metrics chooses; raises UserError."""
    return choose_metrics(text, registry, {}) if kind == "metric" else choose(kind, text, registry, {})


def _direction(value: Published, registry: Registry) -> dict[str, Any]:
    """Return the unit, direction and best value of a metric, if it is installed."""
    entry = registry.metrics.get(value.metric.partition("@")[0].partition("[")[0])
    if entry is None or not isinstance(entry.spec, MetricSpec):
        return {}
    return {"unit": entry.spec.unit, "better": entry.spec.better, "best": entry.spec.best, "ranked": entry.spec.ranked}


def terms_of(spec: SuiteSpec) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each kind of plugin that a suite selects, and the terms of the selection."""
    for kind, text in (("model", spec.models), ("dataset", spec.datasets), ("metric", spec.metrics)):
        yield kind, split(text)
