"""A hundred plugins are installed, one of them broken: all are listed, and a plan takes what it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sessions import DOTS

COUNT = 100
PLUGIN = """
from genbench import ModelSpec, hookimpl

@hookimpl
def genbench_register():
    return [ModelSpec("many_{number}", "genbench_many_{number}.model:Model", None, "one of many", iterative=False)]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on the path in which the plugins are installed."""
    site = tmp_path / "site"
    for number in range(COUNT):
        package = site / f"genbench_many_{number}"
        package.mkdir(parents=True)
        text = PLUGIN.replace("{number}", str(number)) if number else "import absent_module\n"
        (package / "__init__.py").write_text(text)
        info = site / f"genbench_many_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: genbench-many-{number}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[genbench]\nmany_{number} = genbench_many_{number}\n")
    return site


def run(site: Path, *arguments: str) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    program = [sys.executable, "-m", "genbench", *arguments]
    done = subprocess.run(program, env=environment, cwd=site, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_hundred_plugins_are_listed_and_planned(installed: Path) -> None:
    code, out, err = run(installed, "list", "models", "--json")
    assert code == 0, err
    names = {str(row["name"]) for row in json.loads(out)}
    assert {f"many_{number}" for number in range(1, COUNT)} <= names
    (installed.parent / "dots.py").write_text(DOTS)
    code, out, err = run(
        installed, "run", "--plugin", str(installed.parent / "dots.py"), "-d", "dots", "-m",
        "many_*,-gaussian,-memoriser", "--metrics", "gap", "--seeds", "1", "--device", "cpu", "--dry-run", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert out.count('"many_') >= COUNT - 1
    assert "many_0" in err, "the broken one is named"
    assert "Traceback" not in err
