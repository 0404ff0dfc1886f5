"""Plugins of a few lines and the real sessions that run them: real processes, tiny data, so that a cell costs little.

``DOTS`` provides the dataset ``dots``, the metric ``gap`` and two good models; a test writes further models beside it.
The process that cells are forked from is shared by all tests of a process.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np

from genbench.executor.local import LocalExecutor
from genbench.plan.plan import Plan, Request, make_plan
from genbench.record.store import cell_folder
from genbench.registry.options import parse_set
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.session import Session

DOTS = '''
"""Two columns of normal numbers, their mean, and two models that learn it."""

from dataclasses import dataclass

import numpy as np
import torch

from genbench import DatasetSpec, MetricSpec, ModelSpec, hookimpl
from genbench.data import split
from genbench.protocol import Data, Score


@dataclass(frozen=True)
class DotsConfig:
    n: int = 200  # rows
    d: int = 2  # columns


class Dots:
    def __init__(self, config):
        self.config = config

    def load(self, sizes, rng):
        rows = rng.normal(3, 2, (self.config.n, self.config.d))
        return Data(*(rows[part] for part in split(rows, sizes, rng)))


@dataclass(frozen=True)
class GoodConfig:
    rate: float = 0.1  # of learning


class Good:
    def __init__(self, config):
        self.config = config

    def fit(self, data, run):
        self.mean = torch.zeros(data.shape, device=run.device)
        for batch in run.batches(data.train, 32):
            self.mean += self.config.rate * (batch.mean(0) - self.mean) + 1e-3 * torch.randn(data.shape)
            run.log(loss=(batch - self.mean).square().mean())

    def sample(self, n):
        return self.mean + torch.randn(n, *self.mean.shape)


class Exact:
    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return torch.from_numpy(np.random.standard_normal((n, *self.shape)))

    def log_prob(self, x):
        return torch.distributions.Normal(0, 1).log_prob(x).sum(1)


def gap(evidence):
    return Score(float(np.abs(evidence.real.rows.mean(0) - evidence.fake.mean(0)).mean()), low=0.0, high=1.0)


@hookimpl
def genbench_register():
    return [
        DatasetSpec("dots", Dots, DotsConfig, "normal numbers"),
        MetricSpec("gap", gap, None, "distance of the means"),
        ModelSpec("good", Good, GoodConfig, "the mean, by steps", steps=10),
        ModelSpec("exact", Exact, None, "a standard normal", density="exact", iterative=False),
    ]
'''

BASE = """
from dataclasses import dataclass
import numpy as np
import torch
from genbench import DatasetSpec, MetricSpec, ModelSpec, hookimpl
from genbench.protocol import Data, Score

class Base:
    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return torch.randn(n, *self.shape)
"""


def write_plugin(path: Path, text: str) -> Path:
    """Write a plugin's file, with ``BASE``, a model to derive from, at its top."""
    path.write_text(BASE + textwrap.dedent(text))
    return path


def make(
    folder: Path,
    *plugins: Path,
    models: str = "good,exact",
    datasets: str = "dots",
    metrics: str = "gap",
    seeds: int = 1,
    budget: str | None = "5steps",
    settings: tuple[str, ...] = (),
) -> tuple[Plan, Registry]:
    """Return the plan of a request on the plugins of files, with no baselines."""
    dots = folder / "dots.py"
    if not dots.exists():
        dots.write_text(DOTS)
    files = (dots, *plugins)
    registry = Registry.discover(files)
    request = Request(
        f"{models},-gaussian,-memoriser", datasets, metrics, "smoke", seeds, 0, budget, "cpu",
        tuple(map(parse_set, settings)), plugin_files=files,
    )  # fmt: skip
    return make_plan(request, registry), registry


def with_held_out(plan: Plan, rows: int) -> Plan:
    """Return a plan whose datasets hold out as many rows for each split: enough for a score to be believed."""
    cells = [replace(cell, sizes=replace(cell.sizes, test=rows, reference=rows)) for cell in plan.cells]
    return replace(plan, cells=tuple(cells))


def play(
    folder: Path,
    *plugins: Path,
    out: str = "run",
    jobs: int = 2,
    timeout: float | None = None,
    memory: int | None = None,
    observer=None,
    retry: str = "",
    force: bool = False,
    method: str | None = None,
    **request,
) -> dict[str, dict]:
    """Run a plan under ``folder / out`` and return its records by the label of the model; of one seed and dataset."""
    plan, registry = make(folder, *plugins, **request)
    options = RunOptions(folder / out, jobs, timeout, memory, force=force, retry=retry or None)
    executor = LocalExecutor(["cpu"], jobs, options.limits, plan.plugin_files, method)
    session = Session(plan, registry, options, executor=executor, observer=observer)
    return {record["label"]: record for record in session.run()}


def samples(run: Path, record: dict) -> np.ndarray:
    """Return the samples that a run kept of a cell."""
    return np.load(cell_folder(run, record["key"]) / "samples.npz", allow_pickle=False)["samples"]
