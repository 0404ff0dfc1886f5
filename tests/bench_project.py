"""A project to measure: a plugin of metrics whose time is what they are told, in a repository of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "genbench-toil"
version = "1.0"
dependencies = ["genbench>=0.1"]
[project.entry-points.genbench]
toil = "genbench_toil"
[tool.hatch.build.targets.wheel]
packages = ["genbench_toil"]
"""
PLUGIN = """
from genbench.hooks import hookimpl
from genbench.spec import MetricSpec

@hookimpl
def genbench_register():
    names = {names}
    return [MetricSpec(name, f"genbench_toil.toil:{{name}}", None, "adds numbers") for name in names]
"""
TOIL = """
from genbench.protocol import Score

def add(turns):
    total = 0
    for i in range(turns):
        total += i % 7
    return Score(float({result}))

def slowed(evidence):
    return add({turns})

def kept(evidence):
    return add(50_000)

def gone(evidence):
    return add(10)

def breaks(evidence):
    {breaks}
    return add(10)

added = gone
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    line = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def write(folder: Path, names: tuple[str, ...], **values: Any) -> None:
    package = folder / "genbench_toil"
    package.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text(PLUGIN.format(names=names))
    (package / "toil.py").write_text(TOIL.format(**{"turns": 100_000, "result": 1, "breaks": "", **values}))


def make_project(folder: Path) -> Path:
    """Write a plugin into a repository, its files 15 % slower than what is committed, and otherwise changed."""
    write(folder, ("slowed", "kept", "gone", "breaks"))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "as it was")
    write(folder, ("slowed", "kept", "added", "breaks"), turns=115_000, result=2, breaks="raise OSError('no disk')")
    return folder
