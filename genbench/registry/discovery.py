"""One plugin: found, held against the version it was written for, imported, and asked what it provides.

Whatever a plugin does wrong here becomes the status and reason of its row, and harms no other plugin.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from genbench import hooks
from genbench.errors import PluginError, UserError, describe, suggestion
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec, SpaceSpec, Spec
from genbench.version import __version__

__all__ = [
    "Candidate",
    "PluginRow",
    "Provenance",
    "from_file",
    "installed",
    "load",
    "load_file",
    "new_manager",
    "normalised",
    "trace",
]

Status = Literal["ok", "slow", "broken", "outdated", "clashing", "blocked"]
PATIENCE = 0.5  # seconds that a plugin may take of every start
SPECS = (ModelSpec, DatasetSpec, MetricSpec, SpaceSpec)

NATIVE = ("standardised", "pixels", "raw")  # spaces of the core


@dataclass(frozen=True)
class Provenance:
    """Who provides a spec: the plugin's name, its distribution and version, its module, and where that lies."""

    plugin: str
    distribution: str
    version: str = ""
    module: str = ""
    path: str = ""
    editable: bool = False

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return what may be published of it: all but the path, which is this machine's own affair."""
        return {name: value for name, value in asdict(self).items() if name != "path"}


@dataclass(frozen=True)
class PluginRow:
    """What became of a plugin: ``ok slow broken outdated clashing blocked``, its reason, ``seconds`` of start-up."""

    provenance: Provenance
    status: Status = "ok"
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    provides: tuple[str, ...] = ()  # "model vae"

    @property
    def name(self) -> str:
        """The plugin's name: of its entry point, or of its file."""
        return self.provenance.plugin

    @property
    def distribution(self) -> str:
        """The distribution that installed it."""
        return self.provenance.distribution

    @property
    def version(self) -> str:
        """The version of its distribution."""
        return self.provenance.version

    @property
    def story(self) -> str:
        """One line of what became of it."""
        what = self.reason if self.status != "ok" else ", ".join(self.provides) or "observes only"
        source = f"{self.name} = {self.provenance.module} ({self.provenance})"
        return f"plugin {source} {self.status} {1000 * self.seconds:.1f} ms: {what}"

    @property
    def problem(self) -> str:
        """One line for the user, empty where there is nothing to tell."""
        if self.status in ("ok", "blocked"):
            return ""
        verb = {"broken": "is broken: ", "outdated": "", "slow": "", "clashing": "clashes: "}[self.status]
        return f"plugin {self.name!r} ({self.provenance}) {verb}{self.reason}"


@dataclass(frozen=True)
class Candidate:
    """A plugin not imported yet; ``refused`` is why it must not be."""

    provenance: Provenance
    get: Callable[[], Any] = field(repr=False)
    refused: tuple[Status, str] | None = None


# ------------------------------------------------------------------------------------------------------------- finding


def installed() -> list[Candidate]:
    """Return the plugins of all installed distributions: genbench's own first, then by distribution and name.

    ``importlib.metadata.entry_points()`` stops at the first distribution whose metadata cannot be read; this does not.
    """
    found: dict[str, list[Candidate]] = {}
    for distribution in importlib.metadata.distributions():
        try:
            if f"[{hooks.GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
            name = normalised(distribution.metadata["Name"])
            candidates = list(_candidates(distribution, name))
        except Exception as error:
            name = Path(str(getattr(distribution, "_path", "unknown"))).stem
            candidates = [_unreadable(name, error)]
        found.setdefault(name, candidates)  # the first on sys.path is the one that is imported
    ordered = sorted(found.items(), key=lambda item: (item[0] != "genbench", item[0]))
    return [c for _, candidates in ordered for c in sorted(candidates, key=lambda c: c.provenance.plugin)]


def normalised(name: str) -> str:
    """Return the name of a distribution as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _unreadable(name: str, error: Exception) -> Candidate:
    reason = f"the metadata of its distribution cannot be read ({describe(error)}); try to reinstall it"
    return Candidate(Provenance(name, name), lambda: None, ("broken", reason))


def _candidates(distribution: importlib.metadata.Distribution, name: str) -> Iterator[Candidate]:
    refused = _outdated(distribution, name)
    url = json.loads(distribution.read_text("direct_url.json") or "{}")
    editable = bool(url.get("dir_info", {}).get("editable", False))
    for point in distribution.entry_points.select(group=hooks.GROUP):
        source = Provenance(point.name, name, distribution.version or "", point.value.partition(":")[0], "", editable)
        yield Candidate(source, point.load, refused or _unnamed(point.value))


def _unnamed(value: str) -> tuple[Status, str] | None:
    if re.fullmatch(r"[\w.]+(\s*:\s*[\w.]+)?(\s*\[.*\])?\s*", value):
        return None
    return "broken", f"its entry point names {value!r}, expected a module as Python imports it: package.module"


def _outdated(distribution: importlib.metadata.Distribution, name: str) -> tuple[Status, str] | None:
    for text in distribution.requires or ():
        if not re.match(r"genbench(?![\w.-])", text.strip(), re.IGNORECASE):
            continue
        from packaging.requirements import InvalidRequirement, Requirement

        said = re.sub(r"[\s()]", "", text.partition(";")[0])
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            return "broken", f"its requirement {said!r} cannot be read"
        applies = needed.marker is None or needed.marker.evaluate({"extra": ""})
        if applies and not needed.specifier.contains(__version__, prereleases=True):
            return "outdated", f"needs {said}, this is genbench {__version__}; try: pip install -U {name}"
    return None


def from_file(path: str | Path) -> Candidate:
    """Return the plugin of ``--plugin FILE``; raises UserError where there is none."""
    path = Path(path)
    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"--plugin {path}: {'expected a Python file' if path.exists() else 'no such file'}")
    path = path.resolve()
    return Candidate(Provenance(path.stem, path.stem, "", _module_name(path), str(path)), lambda: load_file(path))


def _module_name(path: Path) -> str:
    import hashlib

    return f"genbench_file_{re.sub('[^0-9A-Za-z_]', '_', path.stem)}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"


def load_file(path: Path) -> ModuleType:
    """Import a plugin's file under a name of its own, which is the same in every process, and return the module."""
    import importlib.util

    path = path.resolve()
    name = _module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look it up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


# ------------------------------------------------------------------------------------------------------------- loading


def new_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows genbench's hooks."""
    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks)
    return manager


def trace(text: str) -> None:
    """Print a line to stderr where GENBENCH_TRACE asks for one a plugin, and one a call of an observer."""
    if os.environ.get("GENBENCH_TRACE", "") not in ("", "0"):
        shown = "".join(c if c.isprintable() else " " for c in text)  # foreign text stays in its line
        print(f"genbench: {' '.join(shown.split())}", file=sys.stderr)  # noqa: T201


def load(candidate: Candidate, manager: pluggy.PluginManager) -> tuple[PluginRow, tuple[Spec, ...]]:
    """Import a plugin, register it with the manager, and return its row and specs: no specs where it is not ok."""
    row = PluginRow(candidate.provenance)
    if candidate.refused is not None:
        return replace(row, status=candidate.refused[0], reason=candidate.refused[1]), ()
    start = time.perf_counter()
    try:
        # what a plugin prints must not end up in --json; nor may it move the folder that --out is relative to
        with contextlib.redirect_stdout(sys.stderr), _same_folder():
            plugin = candidate.get()
            if (other := manager.get_name(plugin)) is not None:
                raise PluginError(f"its module {row.provenance.module} is that of {other} already; keep one of the two")
            specs = _declared(plugin)
            manager.register(plugin, f"{row.distribution}:{row.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        reason = str(error) if isinstance(error, PluginError) else describe(error)
        seconds = time.perf_counter() - start
        return replace(row, status="broken", reason=reason, traceback=_traceback(error), seconds=seconds), ()
    seconds = time.perf_counter() - start
    asked_for = bool(row.provenance.path)  # by --plugin: a file declares and implements in one place
    where = replace(row.provenance, path=row.provenance.path or str(getattr(plugin, "__file__", None) or ""))
    row = PluginRow(where, seconds=seconds, provides=tuple(f"{s.kind} {s.name}" for s in specs))
    if seconds > PATIENCE and row.distribution != "genbench" and not asked_for:
        cure = f"import what is heavy where the target is; GENBENCH_BLOCK={row.name} leaves it alone"
        row = replace(row, status="slow", reason=f"takes {seconds:.1f} s of every start: {cure}")
    return row, specs


@contextlib.contextmanager
def _same_folder() -> Iterator[None]:
    try:
        before = Path.cwd()
    except OSError:  # it was deleted meanwhile
        yield
        return
    try:
        yield
    finally:
        os.chdir(before)


def _declared(plugin: Any) -> tuple[Spec, ...]:
    alone = new_manager()  # of this plugin only, so that a misspelt hook is its own fault and nobody else's
    alone.register(plugin)
    callers = alone.get_hookcallers(plugin) or []
    known = [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if name.startswith(hooks.GROUP)]
    for caller in callers:
        if not caller.has_spec() and not all(made.optionalhook for made in caller.get_hookimpls()):
            hint = suggestion(caller.name, known) or f"; hooks are: {', '.join(known)}"
            raise PluginError(f"no hook named {caller.name!r}{hint}")
    if not callers:
        hint = "put @genbench.hookimpl above" if hasattr(plugin, "genbench_register") else "it needs"
        raise PluginError(f"implements no hook of genbench; {hint} genbench_register")
    made = alone.hook.genbench_register.get_hookimpls()  # called here, for pluggy would hide a None
    return tuple(spec for each in made for spec in _checked(each.function()))


def _checked(specs: Any) -> Iterable[Spec]:
    expected = "expected an iterable of ModelSpec, DatasetSpec, MetricSpec and SpaceSpec"
    if not isinstance(specs, Iterable) or isinstance(specs, (str, bytes, dict)):
        raise PluginError(f"genbench_register returned {type(specs).__name__}, {expected}")
    names = set()
    for spec in specs:
        if not isinstance(spec, SPECS):
            raise PluginError(f"genbench_register gave {type(spec).__name__}, {expected}")
        if (spec.kind, spec.name) in names:
            raise PluginError(f"genbench_register gave two {spec.kind}s named {spec.name!r}")
        if spec.name == "all":
            raise PluginError(f"{spec.kind} 'all': 'all' selects everything; choose another name")
        if (spec.kind, spec.name) == ("model", "real"):
            raise PluginError("model 'real': 'real' is the name of the floor, the row of fresh real data")
        if spec.kind == "space" and spec.name in NATIVE:
            raise PluginError(f"space {spec.name!r} is one of genbench's own: {', '.join(NATIVE)}")
        if "<" in getattr(spec.target, "__qualname__", ""):
            where = "at the top of a module, where a process of its own can find it"
            raise PluginError(f"{spec.kind} {spec.name!r}: its target must stand {where}; got {spec.target!r}")
        names.add((spec.kind, spec.name))
        yield spec


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))
