"""Names and settings -> plugins with their options filled in; and metrics, each in the space it is taken in.

``frechet`` is taken in the standard space of the data, ``frechet@pca`` in another, ``frechet@*`` in every other that is
installed. Both sides take options: ``mmd[bandwidth=2]@pca[dimensions=8]``. ``-kid`` excludes a metric, ``-kid@pca`` one
of its spaces, ``-*@pca`` a space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import to_json
from genbench.registry.options import Setting, canonical, essential, fill, label
from genbench.registry.registry import NATIVE_SPACES, Entry, Registry, resolve
from genbench.registry.selection import parse_selection, split
from genbench.registry.source_hash import contents_of
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec, SpaceSpec

__all__ = ["STANDARD", "Component", "Settings", "applies", "choose", "choose_metrics", "measured"]

Settings = Mapping[tuple[str, str], list[Setting]]
STANDARD = ("standardised", "pixels")  # what the standard space is called, of vectors and of images
NATIVE = tuple(spec.name for spec in NATIVE_SPACES)


@dataclass(frozen=True)
class Component:
    """A plugin with its options filled in; of a metric also the space, None for the standard one of the data."""

    entry: Entry
    config: Any
    space: Component | None = None
    implied: bool = field(default=False, compare=False)  # nobody named this space: ``all`` brings it, on images

    @property
    def spec(self) -> ModelSpec | DatasetSpec | MetricSpec | SpaceSpec:
        """What the plugin declared."""
        return self.entry.spec

    @property
    def name(self) -> str:
        """Name of the plugin."""
        return self.spec.name

    @cached_property
    def label(self) -> str:
        """Name, and the options that differ from their defaults: what a row is called, ``frechet@pca`` for a metric.

        A space in which a metric is always taken goes without saying. Where two plugins share a name, the one that
        goes by ``distribution:name`` is called so in the tables too.
        """
        own = label(self.entry.key, self.config)
        if self.space is None or self.space.label == getattr(self.spec, "space", ""):
            return own
        return f"{own}@{self.space.label}"

    @cached_property
    def options(self) -> dict[str, Any]:
        """The options that could change a result; a path whose field is marked so stands for what lies there."""
        return essential(self.config, contents=contents_of)

    @cached_property
    def identity(self) -> str:
        """Name and options as canonical JSON: what random streams are named after."""
        return to_json([self.name, dict(sorted(self.options.items()))])


def choose(kind: str, text: str, registry: Registry, settings: Settings) -> list[Component]:
    """Return what a selection of models or datasets means; raises UserError."""
    chosen = [
        Component(entry, fill(entry.spec, [*settings.get((kind, entry.key), []), *brackets]))
        for entry, brackets in registry.select(kind, text)
    ]
    return _once(chosen)


def choose_metrics(text: str, registry: Registry, settings: Settings, space: str = "") -> list[Component]:
    """Return what a selection of metrics means, those without a space of their own in ``space``.

    ``all`` brings the spaces that are taken on images by default. Raises UserError.
    """
    terms = split(text)
    wanted = [term for term in terms if not term.startswith("-")] or ["all"]
    chosen = [each for term in wanted for each in _of_term(term, registry, settings, space)]
    for term in terms:
        if term.startswith("-"):
            name, *where = _halves(term[1:])
            if parse_selection(name)[1] != [{}]:
                raise UserError(f"{term}: an exclusion takes no options")
            gone = {entry.key for entry, _ in registry.select("metric", name)}
            spaces = {entry.key for entry in _spaces(where[0], registry)} if where else None
            chosen = [c for c in chosen if c.entry.key not in gone or not (spaces is None or _place(c) & spaces)]
    if not chosen:
        raise UserError(f"{text!r} selects nothing; known: {', '.join(registry.metrics)}")
    return _once(chosen)


def _once(chosen: list[Component]) -> list[Component]:
    # vae and vae[beta=1] are one model, said twice
    keys = [(c.entry.key, c.identity, c.space and (c.space.entry.key, c.space.identity)) for c in chosen]
    return [each for at, each in enumerate(chosen) if keys[at] not in keys[:at]]


def _halves(term: str) -> list[str]:
    """Split ``metric@space`` outside brackets."""
    halves = split(term, "@")
    if len(halves) > 2 or term.startswith("@") or term.endswith("@"):
        raise UserError(f"{term}: expected METRIC@SPACE, as frechet@pca")
    return halves


def _of_term(term: str, registry: Registry, settings: Settings, space: str) -> list[Component]:
    name, *where = _halves(term)
    metrics = choose("metric", name, registry, settings)
    if not where and name == "all":
        return [*_at_home(metrics, registry, settings, space, named=False), *_implied(metrics, registry, settings)]
    if not where:
        return _at_home(metrics, registry, settings, space, named=not set(name) & set("*?"))
    return [_placed(metric, entry, settings, where[0]) for entry in _spaces(where[0], registry)
            for metric in metrics]  # fmt: skip


def _spaces(text: str, registry: Registry) -> list[Entry]:
    """Return the spaces of a name or glob; a glob leaves out the standard and the raw one."""
    name, _ = parse_selection(text)
    if not set(name) & set("*?") and name != "all":
        return [registry.find("space", name)]
    pattern = "*" if name == "all" else name
    found = [e for key, e in registry.spaces.items() if fnmatchcase(key, pattern) and key not in NATIVE]
    if not found:
        raise UserError(f"{text!r} matches no space; known: {', '.join(registry.spaces)}")
    return found


def _placed(metric: Component, entry: Entry, settings: Settings, text: str = "") -> Component:
    _, points = parse_selection(text or entry.key)
    if len(points) > 1:
        raise UserError(f"{text}: a space takes no sweep; name the metric again for each")
    brackets = [Setting(entry.key, k, v, f"{entry.key}[{k}={v}]") for k, v in points[0].items()]
    config = fill(entry.spec, [*settings.get(("space", entry.key), []), *brackets])
    return replace(metric, space=None if entry.spec.name in STANDARD else Component(entry, config))


def _at_home(
    metrics: list[Component], registry: Registry, settings: Settings, space: str, *, named: bool
) -> list[Component]:
    placed = []
    for metric in metrics:
        assert isinstance(metric.spec, MetricSpec)
        home = metric.spec.space or space
        if not home:
            placed.append(metric)
        elif parse_selection(home)[0] in registry.spaces or named:
            placed.append(_placed(metric, registry.find("space", parse_selection(home)[0]), settings, home))
    return placed


def _implied(metrics: list[Component], registry: Registry, settings: Settings) -> list[Component]:
    by_name = {metric.name: metric for metric in metrics}
    return [
        replace(_placed(by_name[name], entry, settings), implied=True)
        for entry in registry.spaces.values()
        if isinstance(entry.spec, SpaceSpec)
        for name in entry.spec.image_metrics
        if name in by_name
    ]


def _place(metric: Component) -> set[str]:
    return set(STANDARD) if metric.space is None else {metric.space.entry.key}


def applies(metric: Component, kind: str, has: Mapping[str, bool]) -> bool:
    """Return whether a metric can be taken on data of this kind; ``has`` says of each need whether it is met."""
    spec = metric.spec
    assert isinstance(spec, MetricSpec)
    needs, kinds = set(spec.needs), set(spec.data)
    if metric.space is not None:
        assert isinstance(metric.space.spec, SpaceSpec)
        needs |= set(metric.space.spec.needs)
        kinds &= set(metric.space.spec.data)
    if metric.implied:
        kinds &= {"image"}
    return kind in kinds and all(has.get(need, True) for need in needs)


def measured(metric: Component) -> dict[str, Any]:
    """Return what a score depends on besides the samples: versions and options of the metric and of its space."""
    assert isinstance(metric.spec, MetricSpec)
    known = {"version": metric.spec.version, "config": canonical(metric.config)}
    if metric.space is None:
        return known
    assert isinstance(metric.space.spec, SpaceSpec)
    space = {"version": metric.space.spec.version, "config": canonical(metric.space.config)}
    return known | {"space": {"name": metric.space.entry.key, **space}}


def build(choice: Component) -> Any:
    """Return the model or dataset of a choice, built from its config."""
    target = resolve(choice.entry)
    return target() if choice.config is None else target(choice.config)
