"""A stranger's package, built and installed by pip beside genbench: found, shown, run, and recorded as its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "genbench-stranger"
version = "3.1"
dependencies = ["genbench>=0.1"]

[project.entry-points.genbench]
stranger = "genbench_stranger"

[tool.hatch.build.targets.wheel]
packages = ["genbench_stranger"]
"""
DECLARED = """
from dataclasses import dataclass

from genbench import DatasetSpec, MetricSpec, ModelSpec, hookimpl


@dataclass(frozen=True)
class UniformConfig:
    width: float = 3.0  # half the side of the box, in standard deviations

    def __post_init__(self):
        if self.width <= 0:
            raise ValueError(f"width must be in (0.0, inf), got {self.width}")


@hookimpl
def genbench_register():
    return [
        ModelSpec(
            "uniform_box", "genbench_stranger.box:Box", UniformConfig, "a box", density="exact", iterative=False,
            paper="Stranger 2031",
        ),
        DatasetSpec("stranger_data", "genbench_stranger.box:load", None, "few numbers"),
        MetricSpec("stranger_metric", "genbench_stranger.box:widest", None, "the largest number", better="higher"),
    ]
"""
HEAVY = """
import math

import torch

from genbench.data import split
from genbench.protocol import Data, Score


class Box:
    def __init__(self, config):
        self.width = config.width

    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return self.width * (2 * torch.rand(n, *self.shape) - 1)

    def log_prob(self, x):
        inside = (x.abs() <= self.width).all(1)
        return torch.where(inside, -x.shape[1] * math.log(2 * self.width), -math.inf)


class load:
    def load(self, sizes, rng):
        rows = rng.normal(size=(100, 3))
        return Data(*(rows[part] for part in split(rows, sizes, rng)))


def widest(evidence):
    return Score(float(evidence.fake.max()))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the wheel that the package was built as."""
    source = tmp_path_factory.mktemp("stranger")
    package = source / "genbench_stranger"
    package.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text(DECLARED)
    (package / "box.py").write_text(HEAVY)
    target = source / "site"
    quiet = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", *quiet, "--wheel-dir", source / "dist", source], check=True)
    [wheel] = (source / "dist").glob("*.whl")
    subprocess.run([*pip, "install", *quiet, "--target", target, wheel], check=True)
    return target


def genbench(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "genbench", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        timeout=300,
    )


pytestmark = pytest.mark.slow


def test_it_is_listed_and_shown_with_who_provides_it(site: Path) -> None:
    listed = genbench(site, "list", "--json")
    assert listed.returncode == 0, listed.stderr
    for name in ("uniform_box", "stranger_data", "stranger_metric"):
        assert name in listed.stdout
    shown = genbench(site, "show", "uniform_box")
    assert shown.returncode == 0, shown.stderr
    for text in ("genbench-stranger", "3.1", "width", "half the side of the box", "exact", "Stranger 2031"):
        assert text in shown.stdout
    plugins = genbench(site, "plugins")
    assert "stranger" in plugins.stdout
    assert genbench(site, "show", "uniform_boxx").returncode == 2


def test_its_model_data_and_metric_run_beside_genbenchs_own(site: Path, tmp_path: Path) -> None:
    ran = genbench(
        site, "run", "-m", "uniform_box[width=2|4],gaussian,-memoriser", "-d", "stranger_data", "--metrics",
        "stranger_metric,energy,nll", "--preset", "smoke", "--jobs", "2", "--device", "cpu", "--out",
        str(tmp_path / "run"), "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["directory"] == str(tmp_path / "run")
    records = [json.loads(path.read_text()) for path in (tmp_path / "run").glob("cells/*/*/1.json")]
    rows = {record["label"]: record for record in records}
    assert set(rows) == {"real", "uniform_box[width=2]", "uniform_box[width=4]", "gaussian"}
    assert {record["status"] for record in records} == {"ok"}
    for label in ("uniform_box[width=2]", "uniform_box[width=4]"):
        source = rows[label]["provenance"]
        assert (source["distribution"], source["version"]) == ("genbench-stranger", "3.1")
        assert source["dataset"]["distribution"] == "genbench-stranger"
    assert rows["gaussian"]["provenance"]["distribution"] == "genbench"
    score = {s["metric"]: s["value"] for s in rows["uniform_box[width=4]"]["scores"]}
    assert 2 < score["stranger_metric"] <= 4.5
    assert score["energy"] > 0


def test_its_wrong_option_is_the_users_mistake(site: Path) -> None:
    for option, message in {"width=-1": "width must be in (0.0, inf)", "wdth=1": "did you mean 'width'"}.items():
        refused = genbench(site, "run", "-m", f"uniform_box[{option}]", "-d", "ring", "--dry-run")
        assert refused.returncode == 2
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
