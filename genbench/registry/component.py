"""Components: plugins selected by name, each with a config made from its settings, and metrics each with a space.

``frechet`` is taken in the standard space of the data, ``frechet@pca`` in another, ``frechet@*`` in all others that are
installed. Both sides take options: ``mmd[bandwidth=2]@pca[dimensions=8]``. ``-kid`` excludes a metric, ``-kid@pca`` one
of its spaces, ``-*@pca`` a space.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import to_json
from genbench.registry.discovery import NATIVE_SPACE_NAMES
from genbench.registry.options import Setting, SweptValues, canonical_options, essential_options, fill, label
from genbench.registry.registry import Entry, Registry, resolve
from genbench.registry.selection import parse_selection, points_of, split
from genbench.registry.source_hash import contents_of
from genbench.spec import MetricSpec, SpaceSpec, Spec

Settings = Mapping[tuple[str, str], list[Setting]]
STANDARD_SPACES = ("standardised", "pixels")  # of vectors and of images


@dataclass(frozen=True)
class Component:
    """A plugin and its config; a metric also has a space, None for the standard space of the data."""

    entry: Entry
    config: Any
    space: Component | None = None
    implied: bool = field(default=False, compare=False)  # the user did not name the space: ``all`` adds it for images

    @property
    def spec(self) -> Spec:
        """What the plugin declared."""
        return self.entry.spec

    @property
    def name(self) -> str:
        """Name of the plugin."""
        return self.spec.name

    @cached_property
    def label(self) -> str:
        """The name in tables: name, options that differ from their defaults, and a metric's space (``frechet@pca``).

        A space in which a metric is always taken is left out. If two plugins have the same name, the one that is
        registered as ``distribution:name`` has that name in tables too.
        """
        own = label(self.entry.key, self.config)
        if self.space is None or self.space.label == getattr(self.spec, "space", ""):
            return own
        return f"{own}@{self.space.label}"

    @cached_property
    def options(self) -> dict[str, Any]:
        """The options that could change a result; paths of data are replaced by a hash of the contents."""
        return essential_options(self.config, contents=contents_of)

    @cached_property
    def identity(self) -> str:
        """Name and options as JSON with sorted keys."""
        return to_json([self.name, dict(sorted(self.options.items()))])

    @cached_property
    def stream_identity(self) -> str:
        """The same without fields with ``metadata={"stream": False}``: random streams are seeded from it.

        Data that such an option describes differently are the same rows.
        """
        kept = () if self.config is None else fields(self.config)
        names = {field.name for field in kept if field.metadata.get("stream", True)}
        return to_json([self.name, {name: value for name, value in sorted(self.options.items()) if name in names}])


def choose(kind: str, text: str, registry: Registry, settings: Settings) -> list[Component]:
    """Return the models or datasets that a selection chooses, without duplicates; raises UserError."""
    found = registry.select(kind, text)
    return deduplicate([each for entry, brackets in found for each in components_of(entry, settings, brackets)])


def components_of(entry: Entry, settings: Settings, brackets: Iterable[Setting] = ()) -> list[Component]:
    """Return an entry with its settings and the options in its brackets: one for each point of its sweeps."""
    own = [*settings.get((entry.spec.kind, entry.key), []), *brackets]
    return [Component(entry, fill(entry.spec, point)) for point in points_of(own)]


def choose_metrics(text: str, registry: Registry, settings: Settings, space: str = "") -> list[Component]:
    """Return the metrics that a selection chooses, without duplicates; those without a space are taken in ``space``.

    ``all`` includes the spaces that are taken on images by default, and leaves out optional metrics. Raises UserError.
    """
    terms = split(text)
    included = [term for term in terms if not term.startswith("-")] or ["all"]
    chosen = [metric for term in included for metric in _choose_term(term, registry, settings, space)]
    for term in terms:
        if term.startswith("-"):
            name, *space_name = _split_space(term[1:])
            if parse_selection(name)[1] != [{}]:
                raise UserError(f"{term}: an exclusion takes no options")
            keys = {entry.key for entry, _ in registry.select("metric", name)}
            spaces = {entry.key for entry in _find_spaces(space_name[0], registry)} if space_name else None
            chosen = [c for c in chosen if c.entry.key not in keys or not (spaces is None or _space_names(c) & spaces)]
    if not chosen:
        raise UserError(f"{text!r} selects nothing; known: {', '.join(registry.metrics)}")
    return deduplicate(chosen)


def deduplicate(chosen: list[Component]) -> list[Component]:
    """Return components without those that repeat an earlier one: ``vae[beta=1]`` is ``vae`` if 1 is the default."""
    keys = [(c.entry.key, c.identity, c.space and (c.space.entry.key, c.space.identity)) for c in chosen]
    return [component for i, component in enumerate(chosen) if keys[i] not in keys[:i]]


def _split_space(term: str) -> list[str]:
    """Split ``metric@space`` at an @ outside brackets."""
    parts = split(term, "@")
    if len(parts) > 2 or term.startswith("@") or term.endswith("@"):
        raise UserError(f"{term}: expected METRIC@SPACE, as frechet@pca")
    return parts


def _choose_term(term: str, registry: Registry, settings: Settings, space: str) -> list[Component]:
    name, *space_name = _split_space(term)
    metrics = choose("metric", name, registry, settings)
    if name == "all":
        metrics = [metric for metric in metrics if not getattr(metric.spec, "optional", False)]
    if not space_name and name == "all":
        own = _in_own_spaces(metrics, registry, settings, space, named=False)
        return [*own, *_in_implied_spaces(metrics, registry, settings)]
    if not space_name:
        return _in_own_spaces(metrics, registry, settings, space, named=not set(name) & set("*?"))
    spaces = _find_spaces(space_name[0], registry)
    return [_in_space(metric, entry, settings, space_name[0]) for entry in spaces for metric in metrics]


def _find_spaces(text: str, registry: Registry) -> list[Entry]:
    """Return the spaces that a name or a glob matches; a glob does not match the native spaces."""
    name, _ = parse_selection(text)
    if not set(name) & set("*?") and name != "all":
        return [registry.find("space", name)]
    pattern = "*" if name == "all" else name
    found = [e for key, e in registry.spaces.items() if fnmatchcase(key, pattern) and key not in NATIVE_SPACE_NAMES]
    if not found:
        raise UserError(f"{text!r} matches no space; known: {', '.join(registry.spaces)}")
    return found


def _in_space(metric: Component, entry: Entry, settings: Settings, text: str = "") -> Component:
    """Return a metric in the space of ``entry``, with the options in the brackets of ``text``."""
    _, points = parse_selection(text or entry.key)
    if len(points) > 1:
        raise UserError(f"{text}: a space takes no sweep; name the metric again for each")
    brackets = [Setting(entry.key, k, v, f"{entry.key}[{k}={v}]") for k, v in points[0].items()]
    own = [*settings.get(("space", entry.key), []), *brackets]
    if sweep := next((setting for setting in own if isinstance(setting.value, SweptValues)), None):
        raise UserError(f"{sweep.origin}: a space takes no sweep; name the metric again for each")
    config = fill(entry.spec, own)
    return replace(metric, space=None if entry.spec.name in STANDARD_SPACES else Component(entry, config))


def _in_own_spaces(
    metrics: list[Component], registry: Registry, settings: Settings, space: str, *, named: bool
) -> list[Component]:
    """Return metrics in the spaces of their specs, else in ``space``.

    A metric whose space is not installed is left out, unless the user ``named`` it: then UnknownName is raised.
    """
    found = []
    for metric in metrics:
        assert isinstance(metric.spec, MetricSpec)
        own = metric.spec.space or space
        if not own:
            found.append(metric)
        elif parse_selection(own)[0] in registry.spaces or named:
            found.append(_in_space(metric, registry.find("space", parse_selection(own)[0]), settings, own))
    return found


def _in_implied_spaces(metrics: list[Component], registry: Registry, settings: Settings) -> list[Component]:
    """Return metrics in the spaces that ``all`` adds for images."""
    by_name = {metric.name: metric for metric in metrics}
    return [
        replace(_in_space(by_name[name], entry, settings), implied=True)
        for entry in registry.spaces.values()
        if isinstance(entry.spec, SpaceSpec)
        for name in entry.spec.image_metrics
        if name in by_name
    ]


def _space_names(metric: Component) -> set[str]:
    return set(STANDARD_SPACES) if metric.space is None else {metric.space.entry.key}


def applies(metric: Component, kind: str, met: Mapping[str, bool]) -> bool:
    """Return whether a metric can be taken on data of a kind; ``met`` maps each of the needs to whether it is met."""
    spec = metric.spec
    assert isinstance(spec, MetricSpec)
    needs, kinds = set(spec.needs), set(spec.data)
    if metric.space is not None:
        assert isinstance(metric.space.spec, SpaceSpec)
        needs |= set(metric.space.spec.needs)
        kinds &= set(metric.space.spec.data)
    if metric.implied:
        kinds &= {"image"}
    return kind in kinds and all(met.get(need, True) for need in needs)


def measurement(metric: Component) -> dict[str, Any]:
    """Return what a score depends on besides the samples: versions and options of the metric and of its space."""
    assert isinstance(metric.spec, MetricSpec)
    found = {"version": metric.spec.version, "config": canonical_options(metric.config)}
    if metric.space is None:
        return found
    assert isinstance(metric.space.spec, SpaceSpec)
    space = {"version": metric.space.spec.version, "config": canonical_options(metric.space.config)}
    return found | {"space": {"name": metric.space.entry.key, **space}}


def build(component: Component) -> Any:
    """Return the model or dataset of a component, built from its config."""
    target = resolve(component.entry)
    return target() if component.config is None else target(component.config)
