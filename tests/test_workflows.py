"""The workflows are sound YAML, may do no more than they must, and call commands and options that exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from genbench.cli.main import COMMANDS, group
from genbench.record.integrity import add_digest
from genbench.record.store import read_records, read_run
from genbench.version import __version__

FOLDER = Path(__file__).parent.parent / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
CALLABLE = [path for path in FILES if path.name in ("compare.yml", "test.yml")]
WRITING = {  # every permission beyond reading
    "compare.yml": {"comment": {"pull-requests": "write"}},
    "docs.yml": {"publish": {"pages": "write", "id-token": "write"}},
    "release.yml": {"publish": {"id-token": "write"}, "announce": {"contents": "write"}},
}
# GitHub's own actions by major version, the one that publishes to PyPI by its commit
PINNED = re.compile(r"actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@[0-9a-f]{40}")


def workflow(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    loaded["on"] = loaded.pop(True, None) or loaded.get("on")  # YAML 1.1 reads on as true
    return loaded


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def test_the_workflows_are_there_and_two_can_be_called_by_a_plugin() -> None:
    assert [path.name for path in FILES] == ["compare.yml", "docs.yml", "release.yml", "test.yml"]
    for path in CALLABLE:
        events = workflow(path)["on"]
        assert {"pull_request", "workflow_call"} <= set(events)
        assert all(
            {"type", "default", "description"} <= set(each) for each in events["workflow_call"]["inputs"].values()
        )


def test_only_the_tag_of_a_version_starts_a_release() -> None:
    assert workflow(FOLDER / "release.yml")["on"] == {"push": {"tags": ["v*"]}}


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), ("v99.0.0", 1), (__version__, 1)])
def test_a_tag_that_is_not_the_version_is_not_released(tag: str, code: int) -> None:
    [step] = [step for step in steps(FOLDER / "release.yml") if step.get("name") == "Compare the tag with the version"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=FOLDER.parent.parent, env=os.environ | {"TAG": tag, "PATH": path}, check=False)
    assert done.returncode == code


def test_a_release_has_the_addresses_of_the_repository_that_it_is_made_in(tmp_path: Path) -> None:
    [step] = [step for step in steps(FOLDER / "release.yml") if "OWNER" in step.get("env", {})]
    root = FOLDER.parent.parent
    for path in (root / "pyproject.toml", *root.glob("plugins/*/pyproject.toml")):
        copy = tmp_path / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    subprocess.run(["bash", "-ec", step["run"]], cwd=tmp_path, env=os.environ | {"OWNER": "ada"}, check=True)
    for path in (tmp_path / "pyproject.toml", *tmp_path.glob("plugins/*/pyproject.toml")):
        urls = tomllib.loads(path.read_text())["project"]["urls"]
        assert {"Homepage", "Issues"} <= set(urls)
        assert all(
            url.startswith(("https://github.com/ada/genbench", "https://ada.github.io/")) for url in urls.values()
        )


def test_a_release_publishes_what_was_tested() -> None:
    jobs = workflow(FOLDER / "release.yml")["jobs"]
    assert jobs["publish"]["needs"] == "build"
    assert jobs["announce"]["needs"] == "publish"
    assert jobs["publish"]["environment"] == "pypi"


def test_every_supported_python_is_tested() -> None:
    matrix = workflow(FOLDER / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]  # text: 3.10 would be the number 3.1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_permitted_beyond_what_is_needed(path: Path) -> None:
    found = workflow(path)
    assert found["permissions"] == {"contents": "read"}
    given = {name: job["permissions"] for name, job in found["jobs"].items() if "permissions" in job}
    assert given == WRITING.get(path.name, {})
    assert "pull_request_target" not in found["on"]  # would run a stranger's code with a token that writes
    assert "secrets" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_job_that_may_write_runs_no_code_of_the_repository(path: Path) -> None:
    found = workflow(path)
    jobs = found["jobs"]
    for name in WRITING.get(path.name, {}):
        used = [step.get("uses", "") for step in jobs[name]["steps"]]
        assert not [each for each in used if each.startswith("actions/checkout")]
        runs = [step["run"] for step in jobs[name]["steps"] if "run" in step]
        words = {
            word for run in runs for word in re.findall(r"(?:^|[|(;]|then|else)\s*([a-z]+)(?= )", run, re.MULTILINE)
        }
        assert words <= {"gh", "cat", "echo", "tail", "if", "select"}, "GitHub's client, and what every shell has"
        if "pull_request" in found["on"]:
            assert "head.repo.full_name == github.repository" in jobs[name]["if"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_and_no_text_from_outside_is_pasted_into_a_script(path: Path) -> None:
    for step in steps(path):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert PINNED.fullmatch(step["uses"]), step["uses"]
            assert "checkout" not in step["uses"] or step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "give it as an environment variable"


@pytest.mark.parametrize("path", CALLABLE, ids=lambda path: path.name)
def test_expressions_name_inputs_that_exist(path: Path) -> None:
    inputs = set(workflow(path)["on"]["workflow_call"]["inputs"])
    assert set(re.findall(r"inputs\.(\w+)", path.read_text())) == inputs


@pytest.mark.parametrize("known", ["", "17"])
def test_the_comment_replaces_its_own_and_no_other(known: str, tmp_path: Path) -> None:
    [step] = [step for step in workflow(FOLDER / "compare.yml")["jobs"]["comment"]["steps"] if "run" in step]
    told, gh = tmp_path / "told", tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >> told\ncase "$*" in *--paginate*) echo "$KNOWN";; esac\n')
    gh.chmod(0o755)
    (tmp_path / "comparison.md").write_text("### No regression\n")
    given = {"NUMBER": "5", "GH_REPO": "some/plugin", "MARK": step["env"]["MARK"], "KNOWN": known}
    environment = {**given, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    subprocess.run(shell, cwd=tmp_path, env=environment, check=True)
    listed, written = told.read_text().splitlines()
    assert f'startswith("{step["env"]["MARK"]}")' in listed
    assert (tmp_path / "body.md").read_text() == f"{step['env']['MARK']}\n### No regression\n"
    own = "api --method PATCH repos/some/plugin/issues/comments/17 --field body=@body.md --silent"
    assert written == (own if known else "pr comment 5 --body-file body.md")


def default_of(expression: str) -> str:
    """Return what an input is where it is not given: ``${{ inputs.run || '-m kde' }}``."""
    found = re.search(r"\|\| '(.*)' }}$", expression)
    return found[1] if found else ""


def commands_of(step: dict[str, Any]) -> list[list[str]]:
    """Return the arguments of each line that calls genbench, with the defaults of inputs in place of variables."""
    given = {name: default_of(text) for name, text in step.get("env", {}).items()}
    lines = [line.partition(" || ")[0] for line in step.get("run", "").splitlines() if line.startswith("genbench ")]
    return [shlex.split(re.sub(r"\$(\w+)", lambda found: given[found[1]], line)) for line in lines]


def test_commands_of_genbench_exist_with_their_options() -> None:
    called = [command for path in FILES for step in steps(path) for command in commands_of(step)]
    assert len(called) > 5
    for _, name, *arguments in called:
        assert name in COMMANDS
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, arguments, resilient_parsing=False)


def test_the_stored_run_is_what_its_command_makes(tmp_path: Path) -> None:
    """The gate runs the same cells: none is new or missing."""
    [step] = [step for step in steps(FOLDER / "compare.yml") if "scores" in step.get("name", "")]
    run, compare = commands_of(step)
    stored = FOLDER.parent.parent / compare[2]
    options = dict(zip(run[2::2], run[3::2], strict=True))
    request = read_run(stored)["request"]
    assert options["-m"].split(",") == request["models"].split(",")
    assert (options["-d"], options["--preset"]) == (request["datasets"], request["preset"])
    records = read_records(stored)
    assert {record["status"] for record in records} == {"ok"}
    assert {record["seed"] for record in records} == set(range(int(options["--seeds"])))
    assert {each["metric"] for record in records for each in record["scores"]} == set(options["--metrics"].split(","))


@pytest.mark.parametrize(("change", "code"), [(0.0, 0), (1.0, 4)])
def test_the_gate_fails_where_a_score_got_worse(change: float, code: int, tmp_path: Path) -> None:
    """The step is run by the shell, with a genbench that makes the head of the stored run, a little worse or not."""
    [step] = [step for step in steps(FOLDER / "compare.yml") if "scores" in step.get("name", "")]
    stored = FOLDER.parent.parent / "results" / "baseline"
    head = tmp_path / "head"
    shutil.copytree(stored, head)
    for path in head.glob("cells/*/*/*.json"):
        record = json.loads(path.read_text())
        record.pop("sha256")
        for score in record["scores"]:
            if score["metric"] == "energy" and record["model"] == "vae":
                score["value"] += change
        path.write_text(json.dumps(add_digest(record)))
    (tmp_path / "genbench").write_text(
        f'#!/bin/sh\n[ "$1" = run ] && exit 0\nexec {shlex.quote(sys.executable)} -m genbench "$@"\n'
    )
    (tmp_path / "genbench").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BASELINE": str(stored), "RUN": "-m kde"}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == code
    assert (tmp_path / "quality.md").read_text().startswith("### No regression") == (code == 0)
