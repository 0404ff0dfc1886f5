"""``genbench new``: what it writes is a package, is clean, works at once, and overwrites nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from genbench import __version__
from genbench.cli.main import main
from genbench.errors import UserError
from genbench.scaffold import KINDS, Names, write_package


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["mine", "Flow-Match.2", "genbench-x", "3body"])
def test_the_files_fit_together(kind: str, name: str, tmp_path: Path) -> None:
    written = write_package(kind, name, tmp_path)
    names = Names(name)
    project = tomllib.loads((tmp_path / name / "pyproject.toml").read_text())
    [module] = project["project"]["entry-points"]["genbench"].values()
    assert module == names.package
    assert module.isidentifier()
    assert names.cls.isidentifier()
    assert names.function.isidentifier()
    assert not any("<<" in path.read_text() or "<%" in path.read_text() for path in written)
    for path in written:
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")
    for there in (f"{module}/__init__.py", f"{module}/{kind}.py", f"tests/test_{module}.py", "README.md", ".gitignore"):
        assert tmp_path / name / there in written
    assert tmp_path / name / ".github" / "workflows" / "test.yml" in written


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_linted(kind: str, tmp_path: Path) -> None:
    write_package(kind, "a_rather_long_name_of_a_plugin", tmp_path)
    rules = [
        "--isolated",
        "--no-cache",
        "--line-length",
        "120",
        "--select",
        "E,F,I,N,UP,B,RUF,D",
        "--ignore",
        "D1,D2,D4",
    ]
    ours = ["--config", "lint.isort.known-third-party=['genbench']"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, *ours, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_requirement_holds_for_this_version_and_not_for_the_next(kind: str, tmp_path: Path) -> None:
    from packaging.requirements import Requirement

    write_package(kind, "mine", tmp_path)
    project = tomllib.loads((tmp_path / "mine" / "pyproject.toml").read_text())
    requirement = Requirement(project["project"]["dependencies"][0])
    major, minor = (int(part) for part in __version__.split(".")[:2])
    assert requirement.name == "genbench"
    assert requirement.specifier.contains(__version__)
    assert not requirement.specifier.contains(f"{major + 1}.{minor}.0")
    assert not requirement.specifier.contains(f"{major}.{minor + 1}.0")


@pytest.mark.parametrize("name", ["", "-x", "a/b", "../up", "x" * 65, "genbench-", "...", "ünder"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no name of a plugin"):
        write_package("model", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with pytest.raises(UserError, match="not empty"):
        write_package("model", "mine", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def test_a_name_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "model", "vae", "--into", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "a model named 'vae' exists already (genbench" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert main(["new", "dataset", "vae", "--into", str(tmp_path)]) == 0  # names are unique within a kind


def run(arguments: list[str], site: Path, where: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=where,
        env=os.environ | {"PYTHONPATH": path},
        timeout=600,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_installed_checked_tested_and_run_as_it_is(kind: str, tmp_path: Path) -> None:
    assert main(["new", kind, "my-first", "--into", str(tmp_path)]) == 0
    package, site = tmp_path / "my-first", tmp_path / "site"
    quiet = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    installed = run(["pip", "install", *quiet, "--target", str(site), str(package)], site, tmp_path)
    assert installed.returncode == 0, installed.stderr
    checked = run(["genbench", "check", "my-first"], site, package)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = run(["pytest", "-q", "-p", "no:cacheprovider"], site, package)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout
    line = {
        "model": "-m my-first,-gaussian,-memoriser -d moons --metrics energy,nll",
        "dataset": "-m kde,-gaussian,-memoriser -d my-first --metrics energy,kl",
        "metric": "-m kde,-gaussian,-memoriser -d moons --metrics my-first",
    }[kind].split()
    small = ["--preset", "smoke", "--device", "cpu", "--json", "--out", str(tmp_path / "run")]
    ran = run(["genbench", "run", *line, *small], site, tmp_path)
    assert ran.returncode == 0, ran.stderr
    records = [json.loads(path.read_text()) for path in (tmp_path / "run").glob("cells/*/*/1.json")]
    assert {record["status"] for record in records} == {"ok"}
    assert all(score["value"] is not None for record in records for score in record["scores"])
