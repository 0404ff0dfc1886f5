"""The plugin packages of ours that are distributions of their own are what any third party would publish."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import genbench

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def package(folder: Path) -> Path:
    (name,) = {module.partition(".")[0] for module in project(folder)["entry-points"]["genbench"].values()}
    return folder / "src" / name


def test_it_is_named_after_its_folder_and_tested(folder: Path) -> None:
    told = project(folder)
    assert told["name"] == folder.name
    assert package(folder).name == folder.name.replace("-", "_")
    assert (folder / "README.md").read_text().startswith(f"# {folder.name}\n")
    assert list((folder / "tests").glob("test_*.py"))


def test_it_needs_this_genbench_and_not_every_later_one(folder: Path) -> None:
    needed = {(r := Requirement(text)).name: r for text in project(folder)["dependencies"]}
    assert needed["genbench"].specifier.contains(genbench.__version__)
    assert not needed["genbench"].specifier.contains("99.0")


def test_it_tells_its_licence(folder: Path) -> None:
    told, text = project(folder)["license"], (folder / "LICENSE").read_text()
    assert {"GPL-2.0-or-later": "GNU GENERAL PUBLIC LICENSE", "MIT": "MIT License", "BSD-3-Clause": "Redistribution"}[
        told
    ] in text


def test_an_index_can_show_it(folder: Path) -> None:
    """What ``twine check`` and PyPI ask for: one line, a readme, keywords, and addresses."""
    about = project(folder)
    assert 10 < len(about["description"]) < 120
    assert (folder / about["readme"]).read_text().strip()
    assert about["keywords"]
    assert {"Homepage", "Issues"} <= set(about["urls"])
    assert about["urls"]["Homepage"].endswith(f"/plugins/{folder.name}")
    assert about["license-files"] == ["LICENSE"]


def test_it_declares_itself_lightly(folder: Path) -> None:
    """What is imported at every start: the package, and the modules of its entry points."""
    own = package(folder).name
    modules = {own, *project(folder)["entry-points"]["genbench"].values()}
    paths = [folder / "src" / Path(*name.split(".")) for name in modules]
    paths = [path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths]
    for node in (node for path in paths for node in ast.parse(path.read_text()).body):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.partition(".")[0]
            light = top in sys.stdlib_module_names or top == own or name in ("genbench.spec", "genbench.hooks")
            assert light, f"{own} imports {name} to declare itself"


def test_genbench_itself_does_not_carry_it(folder: Path) -> None:
    """Its licence and its dependencies stay its own."""
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert not [name for name in hatch["wheel"]["packages"] if folder.name in name]
    excluded = hatch["sdist"].get("exclude", [])
    assert any(re.fullmatch(each.replace("*", ".*"), f"plugins/{folder.name}") for each in excluded)


def test_its_wheel_holds_every_file_of_the_package_and_no_other(folder: Path, tmp_path: Path) -> None:
    code = f"import hatchling.build as b; print(b.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=120)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = package(folder).rglob("*")
    assert held == {
        path.relative_to(folder / "src").as_posix()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }
