"""The probe before a run: which models are trained shortly, and what is left of it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from sessions import make

from genbench.plan.costs import Costs, CostTable, DataSize, Rate
from genbench.plan.plan import Plan, Request, make_plan
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.probe import PROBE_BUDGET, cells_to_probe, probe

SIZE = DataSize("vector", 2, 10_000, 10_000)


def plan_of(*rates: tuple[str, float, float], budget: str = "1000steps", datasets: str = "ring,moons") -> Plan:
    table = CostTable(tuple(Rate("train", name, name, "cpu", SIZE, rest_s, step_s) for name, rest_s, step_s in rates))
    request = Request("vae,gan,ddpm,-gaussian,-memoriser", datasets, "energy", seeds=2, device="cpu", budget=budget)
    return make_plan(request, Registry.discover(), Costs(table))


def test_unknown_models_come_first_then_those_that_take_most_of_the_time() -> None:
    plan = plan_of(("vae", 0.0, 0.01), ("ddpm", 0.0, 0.02))
    found = list(cells_to_probe(plan, 1000))
    assert [cell.model.name for cell in found] == ["gan", "ddpm", "vae"]
    assert {(cell.budget, cell.seed, cell.metrics) for cell in found} == {(PROBE_BUDGET, 0, ())}


def test_no_more_are_probed_than_the_time_allows() -> None:
    plan = plan_of(("vae", 0.0, 0.01), ("ddpm", 8.0, 0.02), ("gan", 0.0, 0.001))
    assert list(cells_to_probe(plan, 0.5)) == []
    assert [cell.model.name for cell in cells_to_probe(plan, 7.0)] == ["vae", "gan"], "ddpm takes 10 s"


def test_a_training_that_is_shorter_than_a_probe_is_probed_whole() -> None:
    plan = plan_of(("vae", 0.0, 0.01), ("ddpm", 0.0, 0.01), ("gan", 0.0, 0.01), budget="50steps")
    assert {cell.budget for cell in cells_to_probe(plan, 1000)} == {"50steps"}


def test_a_probe_trains_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, registry = make(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    records = probe(plan, registry, RunOptions(tmp_path / "run", jobs=1), 1000)
    assert {record["model"]: record["status"] for record in records} == {"good": "ok", "exact": "ok"}
    assert all(record["usage"]["fit"]["cpu_s"] > 0 for record in records)
    assert not (tmp_path / "run").exists()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert probe(replace(plan, cells=plan.cells[:1]), registry, RunOptions(tmp_path / "run"), 1000) == []
