"""Chosen metrics and spaces -> functions and objects that are ready: their code is imported here."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

from genbench.errors import PluginError
from genbench.protocol import FeatureSpace
from genbench.record.encoding import to_json
from genbench.registry.component import Chosen
from genbench.registry.registry import resolve
from genbench.scoring import Scorer
from genbench.spaces import Maker
from genbench.spec import MetricSpec, SpaceSpec

__all__ = ["makers_of", "scorer_of"]


def scorer_of(metric: Chosen) -> Scorer:
    """Return a metric that is ready; one that cannot be imported says so when it is called."""
    assert isinstance(metric.spec, MetricSpec)
    space = "" if metric.space is None else metric.space.label
    try:
        return Scorer(metric.spec, resolve(metric.entry), metric.config, space)
    except PluginError:
        traceback.print_exc()
        return Scorer(metric.spec, _unavailable, metric.config, space)


def _unavailable(*_: Any) -> Any:
    raise PluginError("the metric cannot be imported; the cell's log says why")


def makers_of(metrics: Iterable[Chosen]) -> dict[str, Maker]:
    """Return how each of their spaces is made, by its label."""
    spaces = {metric.space.label: metric.space for metric in metrics if metric.space is not None}
    return {label: _maker(space) for label, space in spaces.items()}


def _maker(space: Chosen) -> Maker:
    assert isinstance(space.spec, SpaceSpec)

    def build() -> FeatureSpace:
        target = resolve(space.entry)
        made: FeatureSpace = target() if space.config is None else target(space.config)
        return made

    source = space.entry.provenance
    identity = to_json([source.distribution, source.version, space.spec.version, space.identity])
    return Maker(build, space.spec.needs, identity)
