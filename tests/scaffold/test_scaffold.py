"""``genbench new``: what it writes is a package, is clean, works at once, and overwrites nothing."""

from __future__ import annotations

import ast
import keyword
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from genbench import __version__
from genbench.cli.main import group
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
    code = [f"{module}/{kind}.py"] if kind != "suite" else []  # a suite is its declaration
    for there in (f"{module}/__init__.py", *code, f"tests/test_{module}.py", "README.md", "LICENSE", ".gitignore"):
        assert tmp_path / name / there in written
    for workflow in ("test.yml", "publish.yml"):
        assert tmp_path / name / ".github" / "workflows" / workflow in written
    for field in ("license", "license-files", "authors", "urls", "classifiers"):
        assert project["project"][field]


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_under_which_licence_by_whom_and_where(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", 'Ada "λ" Lovelace')
    write_package(kind, "mine", tmp_path)
    project = tomllib.loads((tmp_path / "mine" / "pyproject.toml").read_text())["project"]
    assert project["authors"] == [{"name": 'Ada "λ" Lovelace'}]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert {"Homepage", "Issues"} <= set(project["urls"])
    assert all(" :: " in classifier for classifier in project["classifiers"])
    licence = (tmp_path / "mine" / "LICENSE").read_text()
    assert licence.startswith("MIT License\n")
    assert 'Ada "λ" Lovelace' in licence


def test_without_git_the_authors_have_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_package("model", "mine", tmp_path)
    project = tomllib.loads((tmp_path / "mine" / "pyproject.toml").read_text())["project"]
    assert project["authors"] == [{"name": "The authors"}]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "suite"])
def test_no_name_breaks_or_hides_what_the_code_uses(kind: str, tmp_path: Path) -> None:
    """A class or function of the plugin's name must not be called as anything that its module imports or calls."""
    [path] = [path for path in write_package(kind, "mine", tmp_path) if path.name == f"{kind}.py"]
    nodes = list(ast.walk(ast.parse(path.read_text())))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.name for node in nodes if isinstance(node, ast.ClassDef)} - {"Mine"}
    used |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    used -= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used -= {node.arg for node in nodes if isinstance(node, ast.arg)} | {"Mine", "MineConfig", "mine", "annotations"}
    for name in [*sorted(used), "none", "lambda", "True", "class"]:
        names = Names(name)
        called = names.function if kind == "metric" else names.cls
        assert called not in used, name
        assert called.isidentifier()
        assert not keyword.iskeyword(called)


@pytest.mark.parametrize(("kind", "name"), [("model", "Coupling"), ("model", "none"), ("metric", "float")])
def test_a_name_that_the_code_uses_gets_another_in_the_code(kind: str, name: str, tmp_path: Path) -> None:
    for path in write_package(kind, name, tmp_path):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            declared = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
            assert len(set(declared)) == len(declared)
    declaration = (tmp_path / name / Names(name).package / "__init__.py").read_text()
    assert f'"{name}",' in declaration  # it is still called so


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
def test_the_commands_of_its_workflows_and_readme_exist_with_their_options(kind: str, tmp_path: Path) -> None:
    write_package(kind, "mine", tmp_path)
    texts = [(tmp_path / "mine" / "README.md").read_text()]
    for path in (tmp_path / "mine" / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"]
        texts += [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    called = [
        shlex.split(line.partition(" || ")[0], comments=True)[1:] for line in lines if line.startswith("genbench ")
    ]
    assert {"run", "check", "compare", "show"} <= {name for name, *_ in called}
    for name, *arguments in called:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_run_is_made_as_its_workflow_makes_the_other(kind: str, tmp_path: Path) -> None:
    write_package(kind, "mine", tmp_path)
    texts = [(tmp_path / "mine" / name).read_text() for name in ("README.md", ".github/workflows/test.yml")]
    stored, head = (re.search(r"genbench (run .*--seeds .*) --out (\S+)", text) for text in texts)
    assert stored is not None
    assert head is not None
    assert stored[1] == head[1]
    assert stored[2] == "baseline"
    ignored = (tmp_path / "mine" / ".gitignore").read_text().splitlines()
    assert "results/" in ignored
    assert not {"baseline", "baseline/"} & set(ignored), "the records are committed"


@pytest.mark.parametrize(("has_baseline", "code"), [(False, 0), (True, 4)])
def test_its_workflow_passes_on_what_compare_says(has_baseline: bool, code: int, tmp_path: Path) -> None:
    write_package("model", "mine", tmp_path)
    workflow = yaml.safe_load((tmp_path / "mine" / ".github" / "workflows" / "test.yml").read_text())
    [step] = [
        each for each in workflow["jobs"]["quality"]["steps"] if each.get("name") == "Compare with the stored run"
    ]
    (tmp_path / "results").mkdir()
    (tmp_path / "genbench").write_text('#!/bin/sh\necho "1 regression" > results/quality.md\nexit 4\n')
    (tmp_path / "genbench").chmod(0o755)
    if has_baseline:
        (tmp_path / "baseline").mkdir()
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("notice" in done.stdout) != has_baseline
    assert (tmp_path / "summary").exists() == has_baseline


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
    with pytest.raises(UserError, match="is not a plugin name"):
        write_package("model", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with pytest.raises(UserError, match="not empty"):
        write_package("model", "mine", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


@pytest.mark.parametrize(("kind", "name"), [("model", "real"), ("model", "all"), ("dataset", "all"), ("metric", "all")])
def test_a_name_that_stands_for_something_else_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"'{name}' cannot be the name of a {kind}"):
        write_package(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())
