"""Cells of models and data of a few lines, fitted in this process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from genbench.budget import Sizes
from genbench.data import split
from genbench.plan.cell import Cell
from genbench.protocol import Column, Data
from genbench.record.store import cell_folder
from genbench.registry.component import Component
from genbench.registry.discovery import Provenance
from genbench.registry.registry import Entry
from genbench.spec import DatasetSpec, ModelSpec
from genbench.training.cell import fit_cell

PROBES = ("test_probe", "train_probe", "reference_probe")  # which are saved beside the samples
MINE = Provenance("mine", "genbench-mine", "1.0", module=__name__)


@dataclass(frozen=True)
class Scale:
    scale: float = 5.0


class Normal:
    """Independent normal numbers, whose density is known; the second column is modelled as its logarithm."""

    def __init__(self, config: Scale) -> None:
        self.scale = config.scale

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        rows = np.stack([rng.normal(10, self.scale, 3000), rng.lognormal(1, 0.5, 3000)], axis=1)
        parts = (rows[part] for part in split(rows, sizes, rng))
        return Data(*parts, log_prob=self.log_prob, columns=(Column("x"), Column("energy", log=True)))

    def log_prob(self, rows: np.ndarray) -> np.ndarray:
        x = -0.5 * ((rows[:, 0] - 10) / self.scale) ** 2 - math.log(self.scale * math.sqrt(2 * math.pi))
        y = np.log(rows[:, 1])
        return x - 0.5 * ((y - 1) / 0.5) ** 2 - math.log(0.5 * math.sqrt(2 * math.pi)) - y


class Grey:
    """Uniform images of 8 grey levels."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        images = rng.integers(0, 8, (200, 1, 4, 4), dtype=np.uint8)
        return Data(*(images[part] for part in split(images, sizes, rng)), levels=8)


class Truth:
    """The model that standardised normal columns deserve."""

    seen: dict = {}  # noqa: RUF012

    def fit(self, data, run) -> None:
        type(self).seen = {"data": data, "run": run, "draws": torch.rand(3)}
        self.shape = data.shape
        for _ in run.batches(data.train, 32):
            run.log(loss=0.5)

    def sample(self, n: int) -> torch.Tensor:
        return torch.randn(n, *self.shape)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.distributions.Normal(0, 1).log_prob(x).flatten(1).sum(1)

    def parameters(self):
        return [torch.zeros(3, 4), torch.zeros(5)]


class Uniform(Truth):
    def sample(self, n: int) -> torch.Tensor:
        return 2 * torch.rand(n, *self.shape) - 1

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), -16 * math.log(2))


def cell_of(model: type, data: type = Normal, *, density: str = "none", seed: int = 0, metrics=(), **declared) -> Cell:
    spec = ModelSpec(model.__name__, model, None, "a model", density=density, **declared)
    kind = "image" if data is Grey else "vector"
    known = DatasetSpec(data.__name__, data, Scale if data is Normal else None, "data", data=kind, density=True)
    return Cell(
        Component(Entry(model.__name__, spec, MINE), None),
        Component(Entry(data.__name__, known, MINE), Scale() if data is Normal else None),
        seed,
        "5steps",
        "cpu",
        Sizes(1000, 500, 400),
        tuple(Component(Entry(m.name, m, MINE), None) for m in metrics),
    )


class Reports(list):
    def __call__(self, **what) -> None:
        self.append(what)


def fit(cell: Cell, run: Path) -> tuple[dict, dict[str, np.ndarray]]:
    part = fit_cell(cell, run, Reports())
    with np.load(cell_folder(run, cell.key) / "samples.npz", allow_pickle=False) as saved:
        return part, dict(saved)
