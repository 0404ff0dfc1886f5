"""Find plugins, check the version of genbench that each requires, import them, and collect their specs.

An error of a plugin becomes the status and reason of its row and does not affect other plugins.
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from genbench import hooks
from genbench.errors import PluginError, UserError, describe, suggestion
from genbench.spec import Spec
from genbench.text import plain
from genbench.version import __version__

Status = Literal["ok", "slow", "broken", "outdated", "clashing", "blocked"]
MAX_IMPORT_S = 0.5  # a plugin that takes longer to import, at every start of genbench, is reported as slow

NATIVE_SPACE_NAMES = ("standardised", "pixels", "raw")  # the spaces of the core


@dataclass(frozen=True)
class Provenance:
    """Who provides a spec: the plugin, its distribution and version, its module, and the path of that module."""

    plugin: str
    distribution: str
    version: str = ""
    module: str = ""
    path: str = ""
    editable: bool = False

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True)
class PluginRow:
    """A plugin and its status: ``ok slow broken outdated clashing blocked``, the reason, and its import time in s."""

    provenance: Provenance
    status: Status = "ok"
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    provides: tuple[str, ...] = ()  # "model vae"

    @property
    def name(self) -> str:
        """The plugin's name: that of its entry point, or of its file."""
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
    def trace_line(self) -> str:
        """One line for GENBENCH_TRACE: status, import time, and the specs or the reason."""
        what = self.reason if self.status != "ok" else ", ".join(self.provides) or "observes only"
        source = f"{self.name} = {self.provenance.module} ({self.provenance})"
        return f"plugin {source} {self.status} {1000 * self.seconds:.1f} ms: {what}"

    @property
    def problem(self) -> str:
        """One line for the user, empty if the plugin has no problem."""
        if self.status in ("ok", "blocked"):
            return ""
        verb = {"broken": "is broken: ", "outdated": "", "slow": "", "clashing": "clashes: "}[self.status]
        return f"plugin {self.name!r} ({self.provenance}) {verb}{self.reason}"


@dataclass(frozen=True)
class Candidate:
    """A plugin before its import; ``refusal`` is the status and reason if it must not be imported."""

    provenance: Provenance
    get: Callable[[], Any] = field(repr=False)
    refusal: tuple[Status, str] | None = None


# ------------------------------------------------------------------------------------------------------------- finding


def find_installed() -> list[Candidate]:
    """Return the plugins of all installed distributions: genbench's own first, then by distribution and name.

    Unlike ``importlib.metadata.entry_points()``, this does not fail at a distribution with unreadable metadata.
    """
    found: dict[str, list[Candidate]] = {}
    for distribution in importlib.metadata.distributions():
        try:
            if f"[{hooks.GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
            metadata = distribution.metadata  # parsed anew each time it is asked for
            name = normalise(metadata["Name"])
            candidates = list(_candidates(distribution, name, metadata["Version"] or ""))
        except Exception as error:
            name = Path(str(getattr(distribution, "_path", "unknown"))).stem
            reason = f"the metadata of its distribution cannot be read ({describe(error)}); try to reinstall it"
            candidates = [Candidate(Provenance(name, name), lambda: None, ("broken", reason))]
        found.setdefault(name, candidates)  # of two distributions of one name, Python imports the first on sys.path
    ordered = sorted(found.items(), key=lambda item: (item[0] != "genbench", item[0]))
    return [c for _, candidates in ordered for c in sorted(candidates, key=lambda c: c.provenance.plugin)]


def normalise(name: str) -> str:
    """Return the name of a distribution in the form in which pip compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _candidates(distribution: importlib.metadata.Distribution, name: str, version: str) -> Iterator[Candidate]:
    refusal = _check_requirement(distribution, name)
    url = json.loads(distribution.read_text("direct_url.json") or "{}")
    editable = bool(url.get("dir_info", {}).get("editable", False))
    for point in distribution.entry_points.select(group=hooks.GROUP):
        source = Provenance(point.name, name, version, point.value.partition(":")[0], "", editable)
        yield Candidate(source, point.load, refusal or _check_entry_point(point.value))


def _check_entry_point(value: str) -> tuple[Status, str] | None:
    if re.fullmatch(r"[\w.]+(\s*:\s*[\w.]+)?(\s*\[.*\])?\s*", value):
        return None
    return "broken", f"its entry point names {value!r}, expected a module as Python imports it: package.module"


def _check_requirement(distribution: importlib.metadata.Distribution, name: str) -> tuple[Status, str] | None:
    for text in distribution.requires or ():
        if not re.match(r"genbench(?![\w.-])", text.strip(), re.IGNORECASE):
            continue
        from packaging.requirements import InvalidRequirement, Requirement

        shown = re.sub(r"[\s()]", "", text.partition(";")[0])
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            return "broken", f"its requirement {shown!r} cannot be read"
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(__version__, prereleases=True):
            return "outdated", f"needs {shown}, this is genbench {__version__}; try: pip install -U {name}"
    return None


def find_file(path: str | Path) -> Candidate:
    """Return the plugin of ``--plugin FILE``; raises UserError if the path is not a Python file."""
    path = Path(path)
    if not path.is_file() or path.suffix != ".py":
        raise UserError(f"--plugin {path}: {'expected a Python file' if path.exists() else 'no such file'}")
    path = path.resolve()
    return Candidate(Provenance(path.stem, path.stem, "", _module_name(path), str(path)), lambda: load_file(path))


def _module_name(path: Path) -> str:
    import hashlib

    return f"genbench_file_{re.sub('[^0-9A-Za-z_]', '_', path.stem)}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"


def load_file(path: Path) -> ModuleType:
    """Import the file of a plugin and return the module, whose name is the same in every process."""
    import importlib.util

    path = path.resolve()
    name = _module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


# ------------------------------------------------------------------------------------------------------------- loading


def new_manager() -> pluggy.PluginManager:
    """Return a pluggy manager with the hooks of genbench."""
    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks)
    return manager


def trace(text: str) -> None:
    """Print a line to stderr if GENBENCH_TRACE is set: one for each plugin, and one for each call of an observer."""
    if os.environ.get("GENBENCH_TRACE", "") not in ("", "0"):
        print(f"genbench: {plain(text)}", file=sys.stderr)  # noqa: T201


def load(candidate: Candidate, manager: pluggy.PluginManager) -> tuple[PluginRow, tuple[Spec, ...]]:
    """Import a plugin, register it with the manager, and return its row and its specs, none if it is broken."""
    row = PluginRow(candidate.provenance)
    if candidate.refusal is not None:
        return replace(row, status=candidate.refusal[0], reason=candidate.refusal[1]), ()
    start = time.perf_counter()
    try:
        # a plugin must not print into --json output, nor change the folder that --out is relative to
        with contextlib.redirect_stdout(sys.stderr), _restore_folder():
            plugin = candidate.get()
            if (other := manager.get_name(plugin)) is not None:
                raise PluginError(f"its module {row.provenance.module} is also that of {other}; keep one of the two")
            specs = _collect_specs(plugin)
            manager.register(plugin, f"{row.distribution}:{row.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit
        seconds = time.perf_counter() - start
        import traceback

        reason = str(error) if isinstance(error, PluginError) else describe(error)
        frames = "".join(traceback.format_exception(error))
        return replace(row, status="broken", reason=reason, traceback=frames, seconds=seconds), ()
    seconds = time.perf_counter() - start
    from_file = bool(row.provenance.path)  # --plugin: a file holds its specs and its code, so that all is imported
    provenance = replace(row.provenance, path=row.provenance.path or str(getattr(plugin, "__file__", None) or ""))
    row = PluginRow(provenance, seconds=seconds, provides=tuple(f"{s.kind} {s.name}" for s in specs))
    if seconds > MAX_IMPORT_S and row.distribution != "genbench" and not from_file:
        advice = f"import heavy libraries in the module of the target only; GENBENCH_BLOCK={row.name} skips the plugin"
        row = replace(row, status="slow", reason=f"takes {seconds:.1f} s of every start: {advice}")
    return row, specs


@contextlib.contextmanager
def _restore_folder() -> Iterator[None]:
    try:
        before = Path.cwd()
    except OSError:  # it was deleted
        yield
        return
    try:
        yield
    finally:
        os.chdir(before)


def _collect_specs(plugin: Any) -> tuple[Spec, ...]:
    manager = new_manager()  # for this plugin alone, so that a misspelt hook is reported as its error
    manager.register(plugin)
    callers = manager.get_hookcallers(plugin) or []
    known = [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if name.startswith(hooks.GROUP)]
    for caller in callers:
        if not caller.has_spec() and not all(implementation.optionalhook for implementation in caller.get_hookimpls()):
            hint = suggestion(caller.name, known) or f"; hooks are: {', '.join(known)}"
            raise PluginError(f"no hook named {caller.name!r}{hint}")
    if not callers:
        hint = "put @genbench.hookimpl above" if hasattr(plugin, "genbench_register") else "it needs"
        raise PluginError(f"implements no hook of genbench; {hint} genbench_register")
    # called directly, because pluggy leaves out results that are None
    implementations = manager.hook.genbench_register.get_hookimpls()
    return tuple(spec for implementation in implementations for spec in _check_specs(implementation.function()))


def _check_specs(specs: Any) -> Iterable[Spec]:
    expected = "expected an iterable of ModelSpec, DatasetSpec, MetricSpec, SpaceSpec and SuiteSpec"
    if not isinstance(specs, Iterable) or isinstance(specs, (str, bytes, dict)):
        raise PluginError(f"genbench_register returned {type(specs).__name__}, {expected}")
    names = set()
    for spec in specs:
        if not isinstance(spec, Spec):
            raise PluginError(f"genbench_register returned {type(spec).__name__}, {expected}")
        if (spec.kind, spec.name) in names:
            raise PluginError(f"genbench_register returned two {spec.kind}s named {spec.name!r}")
        if spec.name == "all":
            raise PluginError(f"{spec.kind} 'all': 'all' selects everything; choose another name")
        if (spec.kind, spec.name) == ("model", "real"):
            raise PluginError("model 'real': 'real' is the name of the floor, the row of fresh real data")
        if spec.kind == "space" and spec.name in NATIVE_SPACE_NAMES:
            raise PluginError(f"space {spec.name!r} is one of genbench's own: {', '.join(NATIVE_SPACE_NAMES)}")
        if "<" in getattr(spec.target, "__qualname__", ""):
            where = "at the top level of a module, where other processes can import it"
            raise PluginError(f"{spec.kind} {spec.name!r}: its target must be defined {where}; got {spec.target!r}")
        names.add((spec.kind, spec.name))
        yield spec
