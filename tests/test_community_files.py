"""What people use to help themselves is true: paths exist, commands are valid, versions agree, forms can be read."""

from __future__ import annotations

import ast
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import genbench
from genbench.cli.main import COMMANDS, group

ROOT = Path(__file__).parent.parent
GUIDES = {
    path: (ROOT / path).read_text(encoding="utf-8")
    for path in ("CONTRIBUTING.md", "docs/architecture.md", "SECURITY.md", ".github/pull_request_template.md")
}
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
FILE = re.compile(r"(\.?[\w-]+/)*(\.?[\w-]+/|\.?[\w-]+\.(cff|json|md|py|toml|txt|yml)|\.ci/run)")
OF_A_RUN = {"1.json", "cells/", "log.txt", "run.json", "samples.npz"}  # what a run writes
MODULE = re.compile(r"genbench(_[a-z]+)?(\.\w+)+(:\w+)?")


def code_spans(text: str) -> list[str]:
    """Return what stands in single backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def blocks(text: str) -> list[str]:
    """Return the lines of the shell blocks, one command each."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    return [command.strip() for line in lines for command in line.split("&&")]


def commands(tool: str) -> list[str]:
    """Return the guides' and forms' commands of a tool, each once."""
    found = [command for text in GUIDES.values() for command in (*blocks(text), *code_spans(text))]
    found += [span for form in FORMS for span in code_spans(form.read_text(encoding="utf-8"))]
    found = [command.removeprefix(".venv/bin/") for command in found]
    return sorted({command for command in found if command.split()[0] == tool})


# --------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_that_is_named_exists(guide: str) -> None:
    text = GUIDES[guide]
    named = [span for span in code_spans(text) if FILE.fullmatch(span) and span not in OF_A_RUN]
    named += re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    bases = (ROOT, (ROOT / guide).parent, ROOT / "genbench")
    assert [path for path in dict.fromkeys(named) if not any((base / path).exists() for base in bases)] == []


@pytest.mark.parametrize("text", [*GUIDES.values(), CHANGELOG], ids=[*GUIDES, "CHANGELOG.md"])
def test_every_module_and_name_of_genbench_exists(text: str) -> None:
    for span in code_spans(text):
        name = span.partition("(")[0]
        if MODULE.fullmatch(name):
            pkgutil.resolve_name(name)


def top_level_imports(path: Path) -> set[str]:
    """Return the files and folders at the top of genbench from which a file imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("genbench.")}


def test_the_table_of_folders_is_whole_and_in_the_order_of_import() -> None:
    """Each file and folder of genbench stands in it once, and imports from rows above its own, or its own."""
    table = GUIDES["docs/architecture.md"].partition("## The folders")[2].partition("## The rules")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    rows = [[name.removesuffix(".py").rstrip("/") for name in code_spans(cell)] for cell in cells]
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    core = ROOT / "genbench"
    there = {path.stem for path in core.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(name for row in rows for name in row) == sorted(there - {"__init__", "__main__"})
    upward = [
        f"{path.relative_to(core)} imports {name}"
        for path in core.rglob("*.py")
        if (own := path.relative_to(core).parts[0].removesuffix(".py")) in row_of
        for name in top_level_imports(path)
        if row_of.get(name, 0) > row_of[own]
    ]
    assert upward == []


def test_links_to_headings_lead_to_one() -> None:
    for text in GUIDES.values():
        for path, heading in re.findall(r"\]\(([^)#:]+)#([^)]+)\)", text):
            headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


# ------------------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize("command", commands("genbench"))
def test_commands_of_genbench_exist_with_their_options(command: str) -> None:
    _, *arguments = shlex.split(command)
    if not arguments or arguments in (["--help"], ["--version"]):
        return
    name, *options = arguments
    assert name in COMMANDS
    subcommand = group.get_command(click.Context(group), name)
    assert subcommand is not None
    if options:
        subcommand.make_context(name, options)


@pytest.mark.parametrize("command", commands("pytest"))
def test_commands_of_pytest_select_something(command: str) -> None:
    _, *arguments = shlex.split(command)
    files = [each for each in arguments if each.startswith("tests/")]
    ignored = [each for each in arguments if each.startswith("--ignore=")]
    assert all((ROOT / path.partition("=")[2]).is_dir() for path in ignored)
    assert all((ROOT / path).is_file() for path in files)
    assert set(arguments) <= {*files, *ignored, "-n", "2", "-m", "not slow", "-k", "epoch"}
    if "-k" in arguments:
        line = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr  # 5 where nothing is selected


@pytest.mark.parametrize("command", commands("ruff"))
def test_commands_of_ruff_are_valid(command: str) -> None:
    line = [sys.executable, "-m", *shlex.split(command)]
    if "format" in line and "--check" not in line:
        line.append("--check")  # a test changes no file
    done = subprocess.run([*line, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr  # 2 is a mistake in the command


def test_the_set_up_is_that_of_the_readme() -> None:
    [line] = [line for line in GUIDES["CONTRIBUTING.md"].splitlines() if line.startswith("python3 -m venv")]
    assert line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


# ------------------------------------------------------------------------------------------------- versions and changes


def test_the_citation_has_the_version_and_licence_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == genbench.__version__
    assert citation["license"] == project["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in project["authors"]]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def release_notes(version: str, folder: Path) -> str:
    """Return the section of the changelog as the release workflow takes it."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    [step] = [step for step in workflow["jobs"]["build"]["steps"] if step.get("id") == "notes"]
    (folder / "CHANGELOG.md").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=folder, env={**os.environ, "TAG": f"v{version}"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return (folder / "notes.md").read_text(encoding="utf-8")


def test_the_changelog_has_a_section_for_the_version_which_becomes_the_release_notes(tmp_path: Path) -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert headings[-1] == "What a version promises"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:-1])
    notes = release_notes(genbench.__version__, tmp_path)
    assert notes.strip()
    assert "## [" not in notes
    assert "What a version promises" not in notes


def test_a_version_that_the_changelog_lacks_is_not_released(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"says nothing of 0\.1"):
        release_notes("0.1", tmp_path)


def test_what_a_version_promises_names_the_public_modules() -> None:
    promised = CHANGELOG.partition("## What a version promises")[2]
    rules = GUIDES["docs/architecture.md"].partition("## The rules")[2]
    for module in ("spec", "hooks", "protocol", "data", "stored", "loading", "errors", "budget", "training", "testing"):
        assert f"`genbench.{module}`" in promised
        assert f"`genbench.{module}`" in rules


# --------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("path", [form for form in FORMS if form.name != "config.yml"], ids=lambda path: path.name)
def test_an_issue_form_is_one_that_github_shows(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(form) <= {"name", "description", "title", "labels", "assignees", "body"}
    assert form["name"]
    assert form["description"]
    asked = [each for each in form["body"] if each["type"] != "markdown"]
    assert all(each["type"] in ("input", "textarea", "dropdown", "checkboxes") for each in asked)
    assert len({each["id"] for each in asked}) == len(asked)
    assert all(each["attributes"]["label"] for each in asked)
    assert any(each.get("validations", {}).get("required") for each in asked)
    assert not re.search(r"\d+\.\d+\.\d+", path.read_text(encoding="utf-8")), "a version here grows old"


def hooks() -> dict[str, dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    return {hook["id"]: {**hook, "repo": each["repo"]} for each in config["repos"] for hook in each["hooks"]}


def test_the_hooks_before_a_commit_use_the_tools_of_the_environment() -> None:
    assert {"ruff-check", "ruff-format", "mypy", "end-of-file-fixer", "check-added-large-files"} <= set(hooks())
    for name in ("ruff-check", "ruff-format", "mypy"):
        hook = hooks()[name]
        assert hook["repo"] == "local"
        assert hook["language"] == "system"
        assert hook["entry"].startswith(f".venv/bin/{name.partition('-')[0]}")
