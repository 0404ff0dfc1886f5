"""The guide for authors is whole and true: all that a plugin may use is in it, and its examples run."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from genbench import hooks, protocol, spec

GUIDE = (Path(__file__).parent.parent / "plugins" / "README.md").read_text(encoding="utf-8")
EXAMPLES = {
    text.splitlines()[0].removeprefix("# "): text for text in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
}
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines() if line]
WORDS = {word for code in re.findall(r"`([^`\n]+)`", GUIDE) for word in re.findall(r"\w+", code)}


def fields(*classes: type) -> list[str]:
    return sorted(
        {field.name for each in classes for field in dataclasses.fields(each) if not field.name.startswith("_")}
    )


def members(contract: type) -> list[str]:
    declared = {name for name in vars(contract) if not name.startswith("_")}
    return sorted(declared | set(inspect.get_annotations(contract)))


@pytest.mark.parametrize(
    "name", [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if "genbench_" in name]
)
def test_each_hook_is_documented(name: str) -> None:
    assert name in WORDS


SPEC_FIELDS = fields(spec.ModelSpec, spec.DatasetSpec, spec.MetricSpec, spec.SpaceSpec, spec.SuiteSpec, spec.Published)


@pytest.mark.parametrize("name", SPEC_FIELDS)
def test_each_field_of_a_spec_is_documented(name: str) -> None:
    assert name in WORDS


@pytest.mark.parametrize(
    "name",
    fields(protocol.Data, protocol.Evidence, protocol.Score, protocol.Column, protocol.Modes, protocol.HeldOutTasks),
)
def test_each_field_that_is_handed_over_is_documented(name: str) -> None:
    assert name in WORDS


CONTRACTS = (protocol.RunContext, protocol.Model, protocol.Likelihood, protocol.Dataset, protocol.FeatureSpace)
OPTIONAL = (*spec.CAPABILITIES, "parameters")


@pytest.mark.parametrize("name", [*(name for each in CONTRACTS for name in members(each)), *OPTIONAL])
def test_each_method_is_documented(name: str) -> None:
    assert name in WORDS


def test_the_needs_of_a_metric_are_documented() -> None:
    for need in spec.NEEDS:
        assert need in WORDS


def test_the_test_can_fail() -> None:
    assert "undocumented_field" not in WORDS


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(tmp_path: Path) -> None:
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    assert len(EXAMPLES) >= 6
    assert all(command.startswith("genbench ") for command in COMMANDS)
    for command in [*COMMANDS, "genbench run --plugin ./my_observer.py -m kde -d moons --preset smoke --out results/o"]:
        line = f"{shlex.quote(sys.executable)} -m {command}"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert re.fullmatch(r"(\d+) of \1 cells succeeded\n", (tmp_path / "finished.txt").read_text())
    for name in ("my-flow", "my-photons", "my-distance", "my-features", "my-protocol"):
        assert (tmp_path / name / "pyproject.toml").is_file()


@pytest.mark.slow
def test_the_test_file_of_the_guide_runs(tmp_path: Path) -> None:
    """Its expected failure is none: the kit must say so, and let everything else pass."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_mine.py"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed" in done.stdout.splitlines()[-1], done.stdout
    assert "it_learned" in done.stdout
    assert "take it out of the expected failures" in done.stdout
