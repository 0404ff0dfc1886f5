"""The registry: the specs of all plugins by kind and name, with clashes and broken plugins reported."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genbench.errors import ConfigError, PluginError, UnknownName, UserError, describe, suggestion
from genbench.registry.discovery import (
    PluginRow,
    Provenance,
    find_file,
    find_installed,
    load,
    new_manager,
    normalise,
    trace,
)
from genbench.registry.options import Setting, option_types, unknown_option_message
from genbench.registry.selection import select
from genbench.spec import PLUGIN_KINDS, SpaceSpec, Spec

CORE = Provenance("genbench", "genbench", module="genbench")
ANY_KIND = "model, dataset, metric, space or suite"
NATIVE_SPACES = (
    SpaceSpec(
        "standardised",
        "genbench.scoring.feature_spaces:IdentitySpace",
        None,
        "centred and scaled columns: the standard space of vectors",
        data=("vector",),
    ),
    SpaceSpec(
        "raw", "genbench.scoring.feature_spaces:IdentitySpace", None, "the numbers as they are, in the data's own units"
    ),
    SpaceSpec(
        "pixels",
        "genbench.scoring.feature_spaces:IdentitySpace",
        None,
        "pixels between 0 and 1: the standard space of images",
        data=("image",),
    ),
)


@dataclass(frozen=True)
class Entry:
    """A registered spec; ``key`` is its unique name: its own, or ``distribution:name`` if another plugin has that."""

    key: str
    spec: Spec
    provenance: Provenance

    @property
    def qualified(self) -> str:
        """``distribution:name``, which always selects it."""
        return f"{self.provenance.distribution}:{self.spec.name}"


class Registry:
    """All ``models``, ``datasets``, ``metrics``, ``spaces`` and ``suites`` of the plugins, by key.

    ``plugins`` has a row for each plugin, ``problems`` a line for each that cannot be used as it is. ``hook`` calls the
    observers.
    """

    def __init__(self) -> None:
        self.plugins: list[PluginRow] = []
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in PLUGIN_KINDS}
        self._entries["space"] = {spec.name: Entry(spec.name, spec, CORE) for spec in NATIVE_SPACES}
        self._manager = new_manager()
        self._by_name: dict[tuple[str, str], list[Entry]] = {}
        self._ambiguous: set[Provenance] = set()  # plugins with a name that selects nothing, as others have it too

    @classmethod
    def discover(cls, plugins: Iterable[str | Path] = (), block: Iterable[str] | None = None) -> Registry:
        """Load the installed plugins and those in the files ``plugins``.

        ``block``, by default GENBENCH_BLOCK, names plugins or distributions that are not imported. Raises UserError for
        a missing file, and PluginError for a broken one, because the user named it.
        """
        registry = cls()
        named = os.environ.get("GENBENCH_BLOCK", "").replace(",", " ").split() if block is None else block
        blocked = {known for name in named for known in (name, normalise(name))}  # genbench_hep also as genbench-hep
        files = {path.resolve(): find_file(path) for path in map(Path, plugins)}
        if len({path.stem for path in files}) < len(files):
            raise UserError(f"--plugin: two files share a name: {', '.join(map(str, files))}; rename one")
        loaded: list[tuple[PluginRow, tuple[Spec, ...]]] = []
        for candidate in [*find_installed(), *files.values()]:
            if blocked & {candidate.provenance.plugin, candidate.provenance.distribution}:
                loaded.append((PluginRow(candidate.provenance, "blocked", "by GENBENCH_BLOCK"), ()))
                continue
            row, specs = load(candidate, registry._manager)
            if row.status == "broken" and candidate in files.values():
                error = PluginError(f"--plugin {row.provenance.path}: {row.reason}")
                error.add_note(row.traceback)
                raise error
            loaded.append((row, specs))
        for row, _ in loaded:
            trace(row.trace_line)
        registry._add(loaded)
        return registry

    def _add(self, loaded: list[tuple[PluginRow, tuple[Spec, ...]]]) -> None:
        for row, specs in loaded:
            for spec in specs:
                entry = Entry(spec.name, spec, row.provenance)
                self._by_name.setdefault((spec.kind, spec.name), []).append(entry)
        reasons: dict[Provenance, list[str]] = {}
        for (kind, name), entries in self._by_name.items():
            own = [entry for entry in entries if entry.provenance.distribution == "genbench"]
            winner = entries[0] if len(entries) == 1 else own[0] if len(own) == 1 else None
            for entry in entries:
                key = name if entry is winner else entry.qualified
                self._entries[kind].setdefault(key, replace(entry, key=key))
                if winner is None:
                    self._ambiguous.add(entry.provenance)
                if entry is not winner:
                    others = ", ".join(str(other.provenance) for other in entries if other is not entry)
                    reason = f"{kind} {name!r} is also provided by {others}; ask for {key}"
                    reasons.setdefault(entry.provenance, []).append(reason)
        for row, _ in loaded:
            clashes = reasons.get(row.provenance)
            self.plugins.append(replace(row, status="clashing", reason="; ".join(clashes)) if clashes else row)

    # ------------------------------------------------------------------------------------------------------- contents

    def entries(self, kind: str) -> list[Entry]:
        """Return all entries of a kind, genbench's own first."""
        return list(self._entries[kind].values())

    @property
    def models(self) -> dict[str, Entry]:
        """The models by key."""
        return self._entries["model"]

    @property
    def datasets(self) -> dict[str, Entry]:
        """The datasets by key."""
        return self._entries["dataset"]

    @property
    def metrics(self) -> dict[str, Entry]:
        """The metrics by key."""
        return self._entries["metric"]

    @property
    def spaces(self) -> dict[str, Entry]:
        """The feature spaces by key, genbench's own first."""
        return self._entries["space"]

    @property
    def suites(self) -> dict[str, Entry]:
        """The suites by key."""
        return self._entries["suite"]

    @property
    def problems(self) -> list[str]:
        """One line for each plugin that is broken, outdated or slow, or has a name that selects nothing.

        A plugin whose name is also one of genbench's own is left out: that name still selects genbench's, so that only
        ``genbench plugins`` reports the clash.
        """
        harmless = {row for row in self.plugins if row.status == "clashing" and row.provenance not in self._ambiguous}
        return [row.problem for row in self.plugins if row.problem and row not in harmless]

    @property
    def hook(self) -> Any:
        """The hooks of the plugins, which call all observers."""
        return self._manager.hook

    def notify(self, event: str, **arguments: Any) -> list[str]:
        """Call the hook ``event`` of each observer, whether others raise or not; return a line for each that raised."""
        errors = []
        for observer in getattr(self.hook, event).get_hookimpls():
            trace(f"{event} of plugin {observer.plugin_name}")
            try:
                observer.function(*(arguments[name] for name in observer.argnames))
            except Exception as error:
                errors.append(f"plugin {observer.plugin_name!r}: {event}: {describe(error)}")
        return errors

    # ---------------------------------------------------------------------------------------------------------- names

    def find(self, kind: str, name: str) -> Entry:
        """Return the entry of this name, or ``distribution:name``; raises UnknownName, or UserError on a clash."""
        entries = self._entries[kind]
        if name in entries:
            return entries[name]
        for entry in entries.values():
            if entry.qualified == name:
                return entry
        if (kind, name) in self._by_name:
            namesakes = self._by_name[kind, name]
            choices = " or ".join(entry.qualified for entry in namesakes)
            raise UserError(f"{len(namesakes)} plugins provide a {kind} named {name!r}; ask for {choices}")
        raise self._unknown(kind, name, entries)

    def find_any(self, name: str) -> list[Entry]:
        """Return the entries of this name of all kinds; ``model:vae`` asks for one kind. Raises UnknownName."""
        prefix, _, rest = name.partition(":")
        if prefix in PLUGIN_KINDS and rest:
            return [self.find(prefix, rest)]
        matches = [entry for kind in PLUGIN_KINDS for entry in self._entries[kind].values() if entry.spec.name == name]
        matches += [entry for kind in PLUGIN_KINDS for entry in self._entries[kind].values() if entry.qualified == name]
        if not matches:
            known = {key for kind in PLUGIN_KINDS for key in self._entries[kind]}
            raise self._unknown(ANY_KIND, name, known)
        return matches

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> UnknownName:
        error = UnknownName(kind, name, known)
        absent = [repr(row.name) for row in self.plugins if row.status in ("broken", "outdated", "blocked")]
        if absent:
            error.args = (f"{error}; not loaded: {', '.join(absent)}, see genbench plugins",)
        return error

    def select(self, kind: str, text: str | Iterable[str]) -> list[tuple[Entry, list[Setting]]]:
        """Return the entries that a selection (``vae[latent=2|8],gan*,-kde``) chooses, each with its settings."""
        entries = self._entries[kind]
        names = {key: key for key in entries} | {entry.qualified: key for key, entry in entries.items()}
        choices = select(text, names, lambda name: self.find(kind, name).key)
        return [(entries[choice.name], choice.settings) for choice in choices]

    def assign(self, settings: Iterable[Setting]) -> dict[tuple[str, str], list[Setting]]:
        """Return the settings of each (kind, key); raises ConfigError for an unknown target or option.

        A setting applies to all plugins of its name that have the option: a model and a dataset may share a name.
        """
        assigned: dict[tuple[str, str], list[Setting]] = {}
        for setting in settings:
            targets = self._targets(setting)
            with_option = [entry for entry in targets if setting.option in option_types(entry.spec.config)]
            if not with_option:
                likely = max(targets, key=lambda entry: _similarity(entry, setting.option))
                raise ConfigError(f"{setting.origin}: {unknown_option_message(likely.spec, setting.option)}")
            for entry in with_option:
                assigned.setdefault((entry.spec.kind, entry.key), []).append(setting)
        return assigned

    def _targets(self, setting: Setting) -> list[Entry]:
        by_name: dict[str, list[Entry]] = {}
        for entry in (entry for kind in PLUGIN_KINDS for entry in self.entries(kind)):
            for name in {entry.key, entry.qualified, f"{entry.spec.kind}:{entry.key}"}:
                by_name.setdefault(name, []).append(entry)
        if setting.target not in by_name:
            hint = suggestion(setting.target, by_name)
            raise ConfigError(f"{setting.origin}: no {ANY_KIND} named {setting.target!r}{hint}")
        return by_name[setting.target]


def _similarity(entry: Entry, option: str) -> tuple[bool, bool]:
    """Return a sort key: plugins with an option of a similar name rank first, those without options last."""
    known = option_types(entry.spec.config)
    return bool(suggestion(option, known)), bool(known)


def resolve(entry: Entry) -> Any:
    """Import the target of a spec and return it; raises PluginError, which names the distribution."""
    target = entry.spec.target
    if not isinstance(target, str):
        return target
    module_name, _, attribute = target.partition(":")
    if entry.provenance.path and module_name == Path(entry.provenance.path).stem:
        module_name = entry.provenance.module  # a file loaded by --plugin has another module name
    try:
        value: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            value = getattr(value, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        where = f"{entry.spec.kind} {entry.spec.name!r} of plugin {entry.provenance.plugin!r} ({entry.provenance})"
        raise PluginError(f"{where}: {target}: {describe(error)}") from error
    return value
