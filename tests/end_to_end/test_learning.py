"""Every model of vectors that genbench registers learns, and the same seed gives the same bits in another process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sessions import samples, with_held_out

from genbench.plan.plan import Request, make_plan
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.session import Session
from genbench.spec import ModelSpec

pytestmark = pytest.mark.slow

BUDGETS = {"ddpm": "600steps", "gan": "800steps", "wgan_gp": "600steps", "ae": "600steps", "vae": "600steps"}
BETTER_THAN_A_GAUSSIAN = ("kde", "vae", "ddpm", "flow_matching", "wgan_gp")


def registered() -> list[ModelSpec]:
    registry = Registry.discover(block=())
    own = [e.spec for e in registry.models.values() if e.provenance.distribution == "genbench"]
    return [spec for spec in own if isinstance(spec, ModelSpec)]


MODELS = [spec.name for spec in registered() if "vector" in spec.data]
ITERATIVE = [spec.name for spec in registered() if spec.iterative and "vector" in spec.data]


def energies(folder: Path, models: str, budget: str) -> dict[str, dict]:
    registry = Registry.discover()
    request = Request(f"{models},-memoriser", "moons", "energy", "smoke", 1, 0, budget, "cpu")
    records = Session(with_held_out(make_plan(request, registry), 1000), registry, RunOptions(folder, jobs=2)).run()
    assert {record["status"] for record in records} == {"ok"}, [record["reason"] for record in records]
    return {record["model"]: record for record in records}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learning")


@pytest.fixture(scope="module")
def untrained(folder: Path) -> dict[str, dict]:
    return energies(folder / "untrained", "all,memoriser", "1steps")


@pytest.fixture(scope="module")
def trained(folder: Path) -> dict[str, dict]:
    records: dict[str, dict] = {}
    for budget in sorted({BUDGETS.get(name, "600steps") for name in ITERATIVE}):
        names = [name for name in MODELS if BUDGETS.get(name, "600steps") == budget or name == "kde"]
        records |= energies(folder / "trained", ",".join(names), budget)
    return records


def energy(record: dict) -> float:
    [score] = record["scores"]
    return score["value"]


@pytest.mark.parametrize("name", ITERATIVE)
def test_a_model_is_better_than_before_it_was_trained(name: str, untrained: dict, trained: dict) -> None:
    assert energy(trained[name]) < 0.5 * energy(untrained[name])


@pytest.mark.parametrize("name", BETTER_THAN_A_GAUSSIAN)
def test_a_model_of_two_moons_is_better_than_a_gaussian(name: str, trained: dict) -> None:
    assert energy(trained[name]) < energy(trained["gaussian"])


def test_no_model_is_better_than_fresh_real_data(trained: dict) -> None:
    """A score below the floor by more than noise is a fault or copying."""
    for name, record in trained.items():
        [score] = record["scores"]
        assert score["z"] is None or score["z"] > -5, name


@pytest.mark.parametrize("name", [name for name in MODELS if name != "memoriser"])
def test_the_same_seed_gives_the_same_bits_in_another_process(name: str, folder: Path, untrained: dict) -> None:
    again = folder / "again"
    if not again.exists():
        energies(again, ",".join(MODELS), "1steps")
    assert np.array_equal(samples(folder / "untrained", untrained[name]), samples(again, untrained[name]))
