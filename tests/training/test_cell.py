"""One cell: what a model is handed, what is made of what it returns, and what a metric sees."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from genbench.budget import Sizes
from genbench.data import split
from genbench.errors import Diverged, Invalid, PluginError
from genbench.plan.cell import Cell
from genbench.plan.plan import REAL_ENTRY
from genbench.protocol import Column, Data, Evidence, Score
from genbench.record.store import cell_folder
from genbench.registry.component import Component
from genbench.registry.discovery import Provenance
from genbench.registry.registry import Entry
from genbench.scoring.cell_scores import evidence_of, score_cell
from genbench.spec import DatasetSpec, MetricSpec, ModelSpec
from genbench.training.cell import fit_cell
from genbench.training.load import load

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


# ------------------------------------------------------------------------------------------------ what a model is given


def test_a_model_is_given_standardised_rows_and_its_budget(tmp_path: Path) -> None:
    cell = cell_of(Truth)
    part, _ = fit(cell, tmp_path)
    data, run = Truth.seen["data"], Truth.seen["run"]
    assert (data.train.dtype, tuple(data.train.shape), data.kind) == (torch.float32, (1000, 2), "vector")
    assert data.train.mean(0).abs().max() < 1e-5
    assert (data.train.std(0) - 1).abs().max() < 1e-2
    assert (run.steps, run.device.type) == (5, "cpu")
    assert part["timings"]["steps"] == 5
    assert part["timings"]["parameters"] == 17
    assert part["sizes"] == {"train": 1000, "test": 500, "reference": 400}
    assert part["shape"] == [2]
    assert part["trace"][-1][1:] == (5, {"loss": 0.5})


def test_images_reach_the_model_dequantised_between_minus_1_and_1(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Uniform, Grey, density="exact"), tmp_path)
    data = Truth.seen if not Uniform.seen else Uniform.seen
    rows = data["data"].train
    assert (data["data"].levels, data["data"].kind, rows.dim()) == (8, "image", 4)
    assert -1 <= rows.min() < rows.max() < 1
    assert saved["samples"].dtype == np.uint8
    assert set(np.unique(saved["samples"])) == set(range(8))
    # uniform on the cube is uniform on the levels: three bits a pixel
    assert saved["log_prob_test"] / math.log(2) / 16 == pytest.approx(np.full(30, -3))


def test_the_seed_decides_what_a_model_draws_and_nothing_leaks(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    fit(cell_of(Truth), tmp_path)
    first = Truth.seen["draws"]
    torch.rand(9)
    _, one = fit(cell_of(Truth), tmp_path)
    assert torch.equal(Truth.seen["draws"], first)
    _, other = fit(cell_of(Truth, seed=1), tmp_path)
    assert not torch.equal(Truth.seen["draws"], first)
    assert not np.array_equal(one["samples"], other["samples"])
    torch.set_rng_state(before)


def test_a_budget_in_seconds_does_not_pay_for_building_the_model(tmp_path: Path) -> None:
    fit(cell_of(SlowToBuild), tmp_path)
    assert SlowToBuild.run_began > SlowToBuild.built


class SlowToBuild(Truth):
    built = run_began = 0.0

    def __init__(self) -> None:
        type(self).built = time.perf_counter()

    def fit(self, data, run) -> None:
        type(self).run_began = time.perf_counter() - run.elapsed
        super().fit(data, run)


# --------------------------------------------------------------------------------------------------- what it gives back


def test_samples_and_densities_are_in_the_units_of_the_data(tmp_path: Path) -> None:
    cell = cell_of(Truth, density="exact")
    _, saved = fit(cell, tmp_path)
    data = load(cell)
    samples = saved["samples"]
    assert samples.shape == (400, 2)
    assert samples[:, 0].mean() == pytest.approx(10, abs=1.5)
    assert (samples[:, 1] > 0).all()
    # the model is the truth, but for the mean and the scale that 1000 rows gave
    assert saved["log_prob_test"] == pytest.approx(data.log_prob(data.test), abs=0.6)
    assert saved["log_prob_fake"] == pytest.approx(data.log_prob(samples), abs=0.6)
    assert (saved["log_prob_test"] - data.log_prob(data.test)).mean() == pytest.approx(0, abs=0.05)


def test_without_a_declared_density_none_is_asked(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Truth), tmp_path)
    assert set(saved) == {"samples", "test_probe"}


def test_a_bound_says_nothing_of_its_own_samples(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Truth, density="bound"), tmp_path)
    assert set(saved) == {"samples", "log_prob_test", "test_probe"}


def test_the_floor_is_fresh_real_data_and_the_density_that_is_known(tmp_path: Path) -> None:
    cell = cell_of(Truth)
    floor = Cell(Component(REAL_ENTRY, None), cell.dataset, 0, "none", "cpu", cell.sizes)
    part, saved = fit(floor, tmp_path)
    data = load(cell)
    assert np.array_equal(saved["samples"], data.reference)
    assert saved["log_prob_test"] == pytest.approx(data.log_prob(data.test))
    assert part["timings"] == {}


class Nowhere(Truth):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x[:, 0] > 0, -math.inf, 0.0)


def test_a_density_of_nought_is_an_answer(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Nowhere, density="exact"), tmp_path)
    assert np.isneginf(saved["log_prob_test"]).any()


class Certain(Truth):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), math.inf)


class Diverges(Truth):
    def fit(self, data, run) -> None:
        for _ in run.batches(data.train, 32):
            run.log(loss=math.nan)


class Vanishes(Truth):
    """Its energies are so low that their exponential is nought, which has no logarithm."""

    def sample(self, n: int) -> torch.Tensor:
        return torch.full((n, *self.shape), -1e4)


@pytest.mark.parametrize(
    ("model", "error", "reason"),
    [
        (Certain, Invalid, r"500 of 500 log-densities are nan or \+inf"),
        (Diverges, Diverged, "loss is nan"),
        (Vanishes, Invalid, "400 of 400 samples"),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path: Path, model: type, error: type, reason: str) -> None:
    with pytest.raises(error, match=reason):
        fit_cell(cell_of(model, density="exact"), tmp_path, Reports())


def test_the_phases_are_reported_in_order(tmp_path: Path) -> None:
    heard = Reports()
    fit_cell(cell_of(Truth, density="exact"), tmp_path, heard)
    assert list(dict.fromkeys(what["phase"] for what in heard)) == ["load", "fit", "sample", "density"]
    assert any(what.get("step") == 5 for what in heard)


# ----------------------------------------------------------------------------------------------------------- the scores

GIVEN: list[Evidence] = []


def remember(evidence: Evidence) -> Score:
    GIVEN.append(evidence)
    return Score(1.0)


def test_a_metric_sees_standardised_rows_and_the_raw_ones_beside_them(tmp_path: Path) -> None:
    cell = cell_of(Truth, density="exact", metrics=[MetricSpec("remember", remember, None, "keeps what it is given")])
    part, saved = fit(cell, tmp_path)
    GIVEN.clear()
    [score] = score_cell(cell, tmp_path, part["timings"], {"remember": {"value": 0.5}}, Reports())
    [seen] = GIVEN
    assert (score["value"], score["floor"]) == (1.0, 0.5)
    assert (seen.real.rows.shape, seen.fake.shape) == ((500, 2), (400, 2))
    assert seen.train is not None
    assert seen.train.mean(0) == pytest.approx(0, abs=1e-9)
    assert seen.train.std(0) == pytest.approx(1)
    assert seen.fake_raw is not None
    assert np.array_equal(seen.fake_raw, saved["samples"])
    assert seen.test_raw is not None
    assert (seen.space, seen.columns, seen.kind) == ("standardised", ("x", "energy"), "vector")
    assert seen.density_test is not None
    assert seen.density_test.kind == "exact"
    assert seen.truth_test == pytest.approx(Normal(Scale()).log_prob(seen.test_raw))
    assert seen.timing["fit_s"] == part["timings"]["fit_s"]


def test_the_seed_of_the_scores_leaves_the_model_out() -> None:
    seeds = []
    for model, seed in ((Truth, 0), (Uniform, 0), (Truth, 1)):
        cell = cell_of(model, seed=seed)
        seeds.append(evidence_of(cell, load(cell), {"samples": np.zeros((3, 2)) + 1.0}, {}).seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_metric_that_cannot_be_imported_has_no_value(tmp_path: Path) -> None:
    metrics = [MetricSpec("absent", "no_such_module:metric", None, "m"), MetricSpec("remember", remember, None, "m")]
    cell = cell_of(Truth, metrics=metrics)
    fit(cell, tmp_path)
    absent, there = score_cell(cell, tmp_path, {}, None, Reports())
    assert absent["value"] is None
    assert there["value"] == 1.0


# ------------------------------------------------------------------------------------------------------------- the data


class Listed:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*([[1.0]] * 3,) * 3)  # type: ignore[arg-type]


class Thin:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*(np.zeros(30),) * 3)


class Uneven:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(np.zeros((30, 2)), np.zeros((30, 3)), np.zeros((30, 2)))


@pytest.mark.parametrize("data", [Listed, Thin, Uneven])
def test_data_that_break_the_contract_are_the_plugins_fault(data: type) -> None:
    with pytest.raises(PluginError, match=f"dataset '{data.__name__}'"):
        load(cell_of(Truth, data))


# ---------------------------------------------------------------------------------------------- the likelihood, checked


class TooSure(Truth):
    """Its density is twice what it may be."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + math.log(2)


class TooGood(Truth):
    """A bound that lies above the true density."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + 1.0


def checks(cell: Cell, run: Path) -> dict[str, bool | None]:
    return {check["name"]: check["passed"] for check in fit_cell(cell, run, Reports())["checks"]}


def test_a_likelihood_is_checked_for_what_its_kind_promises(tmp_path: Path) -> None:
    fine = {"normalised": True, "entropy": True, "own_samples": True, "below_truth": True}
    assert checks(cell_of(Truth, density="exact"), tmp_path) == fine
    sure = checks(cell_of(TooSure, density="exact"), tmp_path)
    assert (sure["normalised"], sure["below_truth"]) == (False, False)
    assert checks(cell_of(TooGood, density="bound"), tmp_path) == {"below_truth": False}
    assert checks(cell_of(TooGood, density="estimate"), tmp_path) == {}
    assert checks(cell_of(Truth), tmp_path) == {}
