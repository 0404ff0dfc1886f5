"""The guards of the house, each a function from a source tree to its complaints: one line a fault, none where it holds.

A tree has ``genbench/``, ``plugins/`` and ``tests/``, as the repository has. ``test_house.py`` holds the repository to
each guard, ``test_guards.py`` each guard to a tree that breaks it.
"""

# ruff: noqa: SIM905
from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

# A module imports only from lines above its own, or from its own folder. Light: imports none of HEAVY, wherever.
LIGHT = """
version     the version, nothing else
lazy        public names imported on first use
errors      what genbench raises, described
budget      training budgets, sizes of data
columns     kinds of columns, facts of data
spec        what a plugin declares
hooks       what a plugin may implement
deprecated  old spellings and their ends
text        words that several commands say
lazy        names imported when asked for
record      what is kept of cells
registry    installed plugins and their options
"""
ORDER = f"""{LIGHT}
protocol    contracts of models, datasets, metrics
data        splits and fingerprints of data
stored      arrays that a plugin ships
loading     progress while a dataset loads
files       the user's data, a dataset
plan        which cells a request means
training    one cell trained and sampled
scoring     evidence to scores beside floors
process     one task, one supervised process
executor    where tasks run: local, Dask
session     a plan run to its end
table       records to columns and ranks
report      tables and pictures, every format
comparing   what got better or worse
benching    what got slower between versions
auditing    which metric sees which fault
testing     the checks of a plugin
scaffold    a new plugin's first files
api         run, load, score
cli         one small file a command
"""
HEAVY = frozenset(
    "torch numpy scipy pandas ot sklearn matplotlib pyarrow h5py PIL rich astropy uproot awkward openpyxl".split()
)

# The public face of genbench for authors of plugins.
FOR_PLUGINS = frozenset(
    ["genbench"]
    + [f"genbench.{name}" for name in "spec hooks protocol data stored loading errors budget training testing".split()]
)

DECLARATIONS = ("genbench", "genbench.spec", "genbench.hooks", "genbench.budget")  # all that declaring a plugin needs

MAX_ROOT_MODULES = 16
MAX_LINES = 400
MAX_PARAMETERS = 9
PUBLIC_FACES = frozenset(  # their keywords are the options of a command
    ["genbench.api.run", "genbench.api.score", "genbench.auditing.audit", "genbench.comparing.matching.compare"]
)
VAGUE_VERBS = frozenset(["told", "said", "heard"])
PUBLIC_NAMES = frozenset(["heard_by"])  # of genbench.loading: released before the rule
VAGUE_CONSTANTS = frozenset(
    """
    FEW FEWER FEWEST MANY MORE MOST LESS LEAST ENOUGH LITTLE MUCH
    LONG LONGER LONGEST SHORT SHORTER SHORTEST LARGE LARGER LARGEST SMALL SMALLER SMALLEST WIDE WIDER WIDEST
    NARROW NARROWER NARROWEST COARSE COARSEST FINE FINEST FAINT FAINTEST SHARP SHARPEST BEST WORST DEEP DENSE
    SLOW SLOWER SLOWEST QUICK QUICKER QUICKEST EARLY LATE LATER SOON OFTEN SELDOM AGAIN FIRST LAST BEFORE AFTER
    NEAR NEARER NEAREST CLOSE CLOSER CLOSEST FAR FARTHER FARTHEST HERE ELSEWHERE INSIDE OUTSIDE
    SAME EQUAL ALIKE EITHER OWN OURS USUAL ORDINARY NEGLIGIBLE CERTAIN HOPELESS AMISS AWAKE BLIND EVERY
    PATIENCE HURRY MOMENT LOOK LOOKS SLACK GAP SHARE SEEN UNSEEN TOLD UNTOLD SAID UNSAID HEARD
    """.split()
)

# Modules that have no test file of their own name, and why.
UNTESTED: Mapping[str, str] = {
    "__main__": "two lines; tests/cli/test_main.py runs python -m genbench",
    "auditing/__init__": "audit and run are what every file of tests/auditing calls",
    "benching/server": "runs in another interpreter; tests/benching/test_measure.py starts it, and hangs it",
    "cli/rescore": "tests/plan/test_rescore.py runs all of rescoring through the command",
    "executor/base": "protocols only; tests/executor/test_local.py holds each executor to them",
    "hooks": "declarations only; tests/registry/test_registry.py calls each hook",
    "process/preload": "imports only, in the fork server that tests/process/test_launch.py starts",
    "protocol/spaces": "a protocol only; tests/scoring/test_feature_spaces.py holds spaces to it",
    "protocol/run_context": "a protocol only; tests/training/test_run.py holds Run to it",
    "testing/checks/conditions": "tests/testing/checks/test_models.py holds each check of models to a broken model",
    "testing/checks/tasks": "tests/testing/checks/test_models.py holds each check of models to a broken model",
    "testing/checks/learning": "tests/testing/checks/test_models.py holds each check of models to a broken model",
    "testing/model_training": "what the checks of models share; a broken model of each is in tests/testing/checks",
    "version": "one constant; tests/test_house.py compares it with the metadata",
}

Guard = Callable[[Path], list[str]]
GUARDS: list[Guard] = []


def guard(function: Guard) -> Guard:
    GUARDS.append(function)
    return function


# ------------------------------------------------------------------------------------------------------- a tree's files


def lines_of(order: str) -> list[str]:
    return [line.split()[0] for line in order.strip().splitlines() if line.strip()]


def core_files(root: Path) -> list[Path]:
    return sorted((root / "genbench").rglob("*.py"))


def plugin_packages(root: Path) -> list[Path]:
    """Return the packages of plugins: those that genbench comes with, and those with a project of their own."""
    plugins = root / "plugins"
    found = [*plugins.glob("genbench_*/__init__.py"), *plugins.glob("*/src/genbench_*/__init__.py")]
    return sorted(path.parent for path in found)


def plugin_files(package: Path) -> list[Path]:
    """Return a plugin's files, without the scripts under tools/ that made its stored data: nothing imports them."""
    return sorted(path for path in package.rglob("*.py") if package / "tools" not in path.parents)


def packages(root: Path) -> list[Path]:
    return [root / "genbench", *plugin_packages(root)]


def files_of(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py")) if package.name == "genbench" else plugin_files(package)


def all_files(root: Path) -> list[Path]:
    return [path for package in packages(root) for path in files_of(package)]


def name_of(path: Path, package: Path) -> str:
    """Return the dotted name of a file in a package."""
    return ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def parsed(path: Path) -> ast.Module:
    return _parsed(path.read_text())


def line_of(path: Path, core: Path) -> str:
    """Return the line of the order that a file belongs to: its module, or its folder."""
    return path.relative_to(core).parts[0].removesuffix(".py")


def imports_of(path: Path, package: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line, module, name or "") of all imports in a file, deferred ones and those for types included.

    A relative import is given by its full name.
    """
    own = path.relative_to(package.parent).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = own[: len(own) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def modules_of(package: Path) -> dict[str, Path]:
    return {name_of(path, package): path for path in files_of(package)}


def imported_modules(path: Path, package: Path, known: Mapping[str, Path]) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of what a file imports; ``from a import b`` names ``a.b`` where that is a module."""
    for line, module, name in imports_of(path, package):
        yield line, f"{module}.{name}" if f"{module}.{name}" in known else module


# ---------------------------------------------------------------------------------------------------- who imports whom


@guard
def upward_imports(root: Path) -> list[str]:
    """List what a module of the core imports from its own line's level or below, and modules that have no line."""
    core, order = root / "genbench", lines_of(ORDER)
    known, found = modules_of(core), []
    for path in core_files(root):
        line = line_of(path, core)
        if line in ("__init__", "__main__"):
            continue
        name = name_of(path, core)
        if line not in order:
            found.append(f"{name} has no line in ORDER: give it one")
            continue
        for at, module in imported_modules(path, core, known):
            top, _, rest = module.partition(".")
            other = rest.partition(".")[0]
            if module == "genbench":
                found.append(f"{name}:{at} imports from the root, which stands below everything: name the module")
            elif top == "genbench" and other != line and other not in order[: order.index(line)]:
                found.append(f"{name}:{at} imports {module}, which stands below it")
    return found


@guard
def heavy_imports(root: Path) -> list[str]:
    """List what a light line imports that takes long, wherever the statement stands."""
    core, light = root / "genbench", lines_of(LIGHT)
    return [
        f"{name_of(path, core)}:{at} imports {module}, and its line is light"
        for path in core_files(root)
        if line_of(path, core) in light
        for at, module, _ in imports_of(path, core)
        if module.partition(".")[0] in HEAVY
    ]


@guard
def relative_imports(root: Path) -> list[str]:
    """List relative imports in the core."""
    core = root / "genbench"
    return [
        f"{name_of(path, core)}:{node.lineno} imports relatively"
        for path in core_files(root)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


@guard
def circles(root: Path) -> list[str]:
    """List sets of files in one package that import each other.

    Deferred imports and those for types count. A package's ``__init__`` counts where it is itself imported.
    """
    found = []
    for package in packages(root):
        known = modules_of(package)
        edges = {
            name: {module for _, module in imported_modules(path, package, known) if module in known and module != name}
            for name, path in known.items()
        }
        found += [f"{' <-> '.join(sorted(each))} import each other" for each in _components(edges) if len(each) > 1]
    return found


def _components(edges: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components of a graph: nodes that reach each other."""

    def reached(start: str) -> set[str]:
        seen, left = set(), [start]
        while left:
            for other in edges[left.pop()] - seen:
                seen.add(other)
                left.append(other)
        return seen

    reach = {node: reached(node) for node in edges}
    parts = {frozenset({node} | {other for other in reach[node] if node in reach[other]}) for node in edges}
    return [set(part) for part in sorted(parts, key=sorted)]


@guard
def plugin_imports(root: Path) -> list[str]:
    """List what a plugin imports of genbench beside its face for authors, and of other plugins.

    A distribution of its own requires genbench, and may build on the plugins that come with it.
    """
    known = modules_of(root / "genbench")
    found = []
    for package in plugin_packages(root):
        for path in plugin_files(package):
            for at, module in dict.fromkeys(imported_modules(path, package, known)):
                top = module.partition(".")[0]
                if top == "genbench" and module not in FOR_PLUGINS:
                    found.append(f"{name_of(path, package)}:{at} imports {module}, which is not for plugins")
                elif top.startswith("genbench_") and top != package.name and package.parent.name != "src":
                    found.append(f"{name_of(path, package)}:{at} imports another plugin, {module}")
    return found


@guard
def plugins_in_the_core(root: Path) -> list[str]:
    """List imports of plugins in the core."""
    core = root / "genbench"
    return [
        f"{name_of(path, core)}:{at} imports a plugin, {module}"
        for path in core_files(root)
        for at, module, _ in imports_of(path, core)
        if module.startswith("genbench_")
    ]


@guard
def heavy_declarations(root: Path) -> list[str]:
    """List what the ``__init__`` of a plugin imports beside the standard library, its own package and declarations."""
    found = []
    for package in plugin_packages(root):
        light = sys.stdlib_module_names | {package.name}
        for at, module, _ in imports_of(package / "__init__.py", package):
            if module.partition(".")[0] not in light and module not in DECLARATIONS:
                found.append(f"{package.name}:{at} imports {module} to declare itself")
    return found


@guard
def private_imports(root: Path) -> list[str]:
    """List private names that one module imports from another."""
    return [
        f"{name_of(path, package)}:{at} imports the private {module}.{name}"
        for package in packages(root)
        for path in files_of(package)
        for at, module, name in imports_of(path, package)
        if module.partition(".")[0].startswith("genbench") and re.match(r"_(?!_)", name)
    ]


# -------------------------------------------------------------------------------------------------------- what is where


@guard
def untested_modules(root: Path) -> list[str]:
    """List modules of the core without a test file of their name or a reason in UNTESTED.

    The file of ``genbench/a/b.py`` is ``tests/a/test_b.py``; that of a package's ``__init__`` has the package's name.
    An ``__init__`` that defines nothing and only hands names on needs none.
    """
    core, found = root / "genbench", []
    for name, path in modules_of(core).items():
        folder, stem = path.parent, path.stem
        if stem == "__init__":
            stem = folder.name
        there = (root / "tests" / folder.relative_to(core) / f"test_{stem}.py").exists()
        short = path.relative_to(core).with_suffix("").as_posix()
        if not there and short not in UNTESTED and not _hands_names_on(path):
            found.append(f"{name} has no tests/{folder.relative_to(core).as_posix()}/test_{stem}.py")
    return found


def _hands_names_on(path: Path) -> bool:
    """Whether a file is an ``__init__`` that defines nothing, or only how its names are fetched when asked for."""
    defined = {
        node.name
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    return path.name == "__init__.py" and defined <= {"__getattr__", "__dir__"}


@guard
def repeated_classes(root: Path) -> list[str]:
    """List names that two classes of the core have."""
    core = root / "genbench"
    places: dict[str, list[str]] = {}
    for path in core_files(root):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name_of(path, core))
    return [f"class {name} is defined in {' and '.join(where)}" for name, where in places.items() if len(where) > 1]


@guard
def crowded_root(root: Path) -> list[str]:
    """Complain of more flat modules at the root of the core than MAX_ROOT_MODULES."""
    flat = list((root / "genbench").glob("*.py"))
    return [f"{len(flat)} modules at the root, at most {MAX_ROOT_MODULES}"] if len(flat) > MAX_ROOT_MODULES else []


@guard
def long_files(root: Path) -> list[str]:
    """List files of more than MAX_LINES lines."""
    return [
        f"{path.relative_to(root)} has {lines} lines, at most {MAX_LINES}: a file has one idea"
        for path in all_files(root)
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    ]


@guard
def long_signatures(root: Path) -> list[str]:
    """List functions of the core with more than MAX_PARAMETERS parameters, self left out."""
    core = root / "genbench"
    found = []
    for path in core_files(root):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [each.arg for each in parameters_of(node.args) if each.arg not in ("self", "cls")]
                full = f"{name_of(path, core)}.{node.name}"
                if len(names) > MAX_PARAMETERS and full not in PUBLIC_FACES:
                    found.append(f"{full} has {len(names)} parameters, at most {MAX_PARAMETERS}")
    return found


def parameters_of(arguments: ast.arguments) -> list[ast.arg]:
    star = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *star]


# ---------------------------------------------------------------------------------------------------------------- words


def names_given(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of what a file names: variables, attributes, parameters, functions and classes."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def names_that_are(vague: Callable[[str], object], root: Path) -> list[str]:
    return [
        f"{name_of(path, package)}:{at} names {name}"
        for package in packages(root)
        for path in files_of(package)
        for at, name in names_given(path)
        if vague(name)
    ]


@guard
def vague_verbs(root: Path) -> list[str]:
    """List names that are, or hold, a verb of VAGUE_VERBS: say ``options``, ``message``, ``reported``, ``describe``."""
    vague = lambda name: VAGUE_VERBS & set(name.lower().split("_")) and name not in PUBLIC_NAMES  # noqa: E731
    return names_that_are(vague, root)


@guard
def vague_constants(root: Path) -> list[str]:
    """List constants named by a word of VAGUE_CONSTANTS alone: name the quantity, its bound and its unit."""
    return names_that_are(lambda name: name.strip("_") in VAGUE_CONSTANTS, root)
