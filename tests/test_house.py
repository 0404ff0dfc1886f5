"""The rules of the house, held by the repository: its guards, what starts lazily, what is packaged and documented."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from guards import GUARDS, HEAVY, ORDER, UNTESTED, Guard, lines_of

import genbench

ROOT = Path(__file__).parent.parent
CORE = ROOT / "genbench"
PLUGINS = ROOT / "plugins"

MODULES = sorted(path for path in CORE.rglob("*.py") if path.name != "__main__.py")
PACKAGES = sorted(path.parent for path in PLUGINS.glob("genbench_*/__init__.py"))
SOURCES = [*MODULES, *(path for package in PACKAGES for path in sorted(package.rglob("*.py")))]


def name_of(path: Path) -> str:
    base = ROOT if path.is_relative_to(CORE) else PLUGINS
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def ids(paths: list[Path]) -> list[str]:
    return [name_of(path) for path in paths]


# -------------------------------------------------------------------------------------------------------------- guards


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.__name__ for guard in GUARDS])
def test_the_repository_keeps_the_rule(guard: Guard) -> None:
    assert guard(ROOT) == []


def test_each_line_of_the_order_stands_for_a_module_or_a_folder() -> None:
    there = {path.relative_to(CORE).parts[0].removesuffix(".py") for path in MODULES} - {"__init__"}
    assert set(lines_of(ORDER)) == there


def test_each_reason_for_a_missing_test_is_of_a_module_that_has_none() -> None:
    for name in UNTESTED:
        path = CORE / f"{name}.py"
        stem = path.parent.name if path.stem == "__init__" else path.stem
        assert path.exists(), name
        assert not (ROOT / "tests" / Path(name).parent / f"test_{stem}.py").exists(), f"{name}: drop its reason"


# ---------------------------------------------------------------------------------------------------------- lazy start

STARTER = """
import sys
from genbench.cli.main import main
code = main(sys.argv[1:])
print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: str, code: int = 0) -> set[str]:
    """Return the top-level modules that a command line has imported when it ends."""
    done = subprocess.run([sys.executable, "-c", STARTER, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return set(done.stderr.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("lsit", 2),
        ("list", 0),
        ("list --json", 0),
        ("show vae", 0),
        ("show vea", 2),
        ("plugins", 0),
        ("completion zsh", 0),
        ("run --help", 0),
        ("run --dry-run", 0),
        ("run -m vea", 2),
        ("run -m vae --set vae.bta=4", 2),
        ("run -m vae --set vae.beta=-1", 2),
        ("run -d rign", 2),
        ("run --budget soon", 2),
        ("run --seeds 0", 2),
        ("run --config absent.toml", 2),
        ("table --help", 0),
        ("score --help", 0),
        ("plot --help", 0),
        ("report --help", 0),
        ("report nowhere -o x.html", 2),
        ("plot nowhere -o x.png", 2),
        ("bench --help", 0),
        ("bench --against absent.whl", 2),
        ("compare --help", 0),
        ("compare nowhere elsewhere", 2),
        ("history --help", 0),
        ("audit --help", 0),
        ("audit", 2),
        ("audit -d rign", 2),
        ("audit -d ring --faults shfit", 2),
    ],
)
def test_what_does_not_compute_imports_nothing_that_computes(line: str, code: int) -> None:
    unwanted = HEAVY - {"rich"} if line == "run --dry-run" else HEAVY
    assert not loaded(*line.split(), code=code) & unwanted


def test_help_imports_click_and_nothing_else_that_was_installed() -> None:
    foreign = loaded("--help") - set(sys.stdlib_module_names) - {"click", "genbench", "__main__"}
    assert not {name for name in foreign if not re.match(r"_|sitecustomize|distutils|coverage|pytest", name)}


def test_importing_genbench_imports_nothing() -> None:
    code = "import sys, genbench; print(*[n for n in sys.modules if n.startswith('genbench')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["genbench"]


# Third-party modules are loaded once and each module of ours in a fork: alone, but without seconds of torch each.
ALONE = """
import importlib, os, sys
for heavy in ("torch", "numpy", "scipy.stats", "pandas", "sklearn.neighbors", "rich.table", "pluggy", "click"):
    importlib.import_module(heavy)
assert not [name for name in sys.modules if name.startswith("genbench")]
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(f"{name}: its import ended the process")
"""


@pytest.mark.filterwarnings("ignore")
def test_each_module_imports_alone() -> None:
    names = [name_of(path) for path in SOURCES if "tools" not in path.parts]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, *names],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


# ------------------------------------------------------------------------------------------------------------ packaging


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_folders_packages_entry_points_and_installed_metadata_agree(project) -> None:
    folders = {package.name for package in PACKAGES}
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    points = project["project"]["entry-points"]["genbench"]
    installed = importlib.metadata.distribution("genbench").entry_points
    assert packages == {"genbench"} | {f"plugins/{name}" for name in folders}
    assert set(points.values()) == folders
    assert {f"genbench_{name}" for name in points} == folders
    remedy = "an entry point is read when genbench is installed: pip install -e . again"
    assert {p.name: p.value for p in installed.select(group="genbench")} == points, remedy
    assert {p.name: p.value for p in installed.select(group="console_scripts")} == project["project"]["scripts"]


def test_the_version_is_the_same_everywhere(project) -> None:
    assert genbench.__version__ == project["project"]["version"] == importlib.metadata.version("genbench")


def test_every_plugin_of_ours_loads_and_provides_something() -> None:
    from genbench.registry.registry import Registry

    rows = [row for row in Registry.discover(block=()).plugins if row.distribution == "genbench"]
    assert len(rows) == len(PACKAGES)
    assert {row.name: row.reason for row in rows if row.status != "ok"} == {}
    assert [row.name for row in rows if not row.provides] == []


def test_the_built_wheel_holds_every_file_of_the_packages_and_no_other(tmp_path: Path) -> None:
    code = f"import hatchling.build as b; print(b.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(base).as_posix()
        for base, folders in ((ROOT, [CORE]), (PLUGINS, PACKAGES))
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "genbench/py.typed" in held
    assert held == files


# -------------------------------------------------------------------------------------------------------- documentation


def public_names(path: Path) -> list[str] | None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return None


def as_isort(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


@pytest.mark.parametrize("path", SOURCES, ids=ids(SOURCES))
def test_public_names_are_listed_sorted_and_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = public_names(path)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    if names is None:
        assert path.parent != CORE or not defined, "a module at the root lists its public names in __all__"
        return
    assert names == sorted(names, key=as_isort), "constants, classes, functions, each in order"
    assert len(names) == len(set(names))
    undocumented = [name for name in names if name in defined and not ast.get_docstring(defined[name])]
    assert undocumented == []


@pytest.mark.parametrize("name", genbench.__all__)
def test_every_public_name_of_genbench_is_there_and_documented(name: str) -> None:
    assert getattr(genbench, name).__doc__
    assert name in dir(genbench)


def test_a_name_that_genbench_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'genbench' has no attribute 'rnu'"):
        genbench.rnu  # noqa: B018
