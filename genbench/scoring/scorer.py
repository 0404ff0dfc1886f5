"""Make callable scorers of the chosen metrics, and factories of their spaces; their code is imported here."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from genbench.errors import PluginError
from genbench.protocol import Evidence, FeatureSpace, Score
from genbench.record.encoding import to_json
from genbench.registry.component import Component
from genbench.registry.options import label
from genbench.registry.registry import resolve
from genbench.scoring.feature_spaces import SpaceFactory
from genbench.spec import MetricSpec, SpaceSpec


def scorer_of(metric: Component) -> Scorer:
    """Return the scorer of a metric; where the metric cannot be imported, the scorer raises PluginError."""
    scorer = unresolved(metric)
    try:
        return replace(scorer, function=resolve(metric.entry))
    except PluginError:
        traceback.print_exc()
        return scorer


def unresolved(metric: Component) -> Scorer:
    """Return the scorer of a metric whose code is not imported; it raises PluginError where it is called."""
    assert isinstance(metric.spec, MetricSpec)
    return Scorer(metric.spec, _raise_unavailable, metric.config, "" if metric.space is None else metric.space.label)


def _raise_unavailable(*_: Any) -> Any:
    raise PluginError("the metric cannot be imported; the cell's log says why")


def space_factories(metrics: Iterable[Component]) -> dict[str, SpaceFactory]:
    """Return the factories of the metrics' feature spaces by label."""
    spaces = {metric.space.label: metric.space for metric in metrics if metric.space is not None}
    return {label: _factory(space) for label, space in spaces.items()}


def _factory(space: Component) -> SpaceFactory:
    assert isinstance(space.spec, SpaceSpec)

    def build() -> FeatureSpace:
        target = resolve(space.entry)
        made: FeatureSpace = target() if space.config is None else target(space.config)
        return made

    source = space.entry.provenance
    identity = to_json([source.distribution, source.version, space.spec.version, space.identity])
    return SpaceFactory(build, space.spec.needs, identity)


@dataclass(frozen=True)
class Scorer:
    """A metric with its configuration, to be called; ``space`` is empty for the standard space of the data."""

    spec: MetricSpec
    function: Callable[..., Score]
    config: Any = None
    space: str = ""

    def __call__(self, evidence: Evidence) -> Score:
        """Return the score."""
        return self.function(evidence) if self.spec.config is None else self.function(evidence, self.config)

    @property
    def label(self) -> str:
        """Name of its column: ``frechet``, ``frechet@pca``, ``mmd[bandwidth=2]``."""
        own = label(self.spec.name, self.config)
        return own if self.space in ("", self.spec.space) else f"{own}@{self.space}"


def missing(spec: MetricSpec, evidence: Evidence) -> str:
    """Return why a metric cannot be computed from this evidence, or an empty string."""
    if evidence.kind not in spec.data:
        return f"needs {' or '.join(spec.data)} data"
    tasks = evidence.tasks
    has = {
        "samples": True,
        "train": evidence.train is not None,
        "density": evidence.density_test is not None,
        "truth": evidence.truth_test is not None or evidence.truth_fake is not None,
        "modes": evidence.modes is not None,
        "labels": evidence.labels_test is not None,
        "observables": evidence.observables_test is not None,
        "simulator": evidence.simulator is not None,
        "timing": bool(evidence.timing),
        "conditions": evidence.conditions_test is not None,
        "reconstruction": tasks is not None and tasks.reconstruction is not None,
        "outliers": tasks is not None and bool(tasks.anomaly),
    }
    problems = {} if tasks is None else tasks.problems
    failed = "; ".join(f"{method} failed: {why}" for method, why in problems.items())
    why = {
        "density": "the model has no likelihood",
        "truth": "the density of the data is not known",
        "reconstruction": failed or "the model has no reconstructions",
        "outliers": failed or "the model has no anomaly score, likelihood or reconstruction, or the data no outliers",
    }
    return "; ".join(why.get(need, f"needs {need}") for need in spec.needs if not has[need])
