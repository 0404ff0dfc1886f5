"""Cells made again from their records: with the key of the record, and what is missing in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genbench.errors import UserError
from genbench.plan.plan import Request, make_plan
from genbench.plan.recorded import cell_of
from genbench.record.store import key_of, write_json
from genbench.registry.registry import Registry

REGISTRY = Registry.discover()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(tmp_path / "run.json", {"schema_version": 1, "cells": [], "request": {"preset": "smoke"}})
    return tmp_path


def record(models: str = "vae[latent=2]", datasets: str = "gaussian[dim=3]") -> dict[str, Any]:
    plan = make_plan(Request(models=models, datasets=datasets, preset="smoke", seeds=1, device="cpu"), REGISTRY)
    return next(cell for cell in plan.cells if cell.model.name != "real").as_dict()


def test_a_cell_is_the_one_that_ran(run: Path) -> None:
    before = record()
    cell = cell_of(run, before, REGISTRY)
    assert cell.key == before["key"]
    assert not cell.has_changed
    assert (cell.model.label, cell.dataset.label) == ("vae[latent=2]", "gaussian[dim=3]")
    assert (cell.seed, cell.budget) == (before["seed"], before["budget"])


def test_a_cell_whose_plugin_has_changed_keeps_its_key_and_says_so(run: Path) -> None:
    cell = cell_of(run, {**record(), "key": "0" * 24}, REGISTRY)
    assert cell.key == "0" * 24
    assert cell.has_changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "absent"}, "model 'absent': its plugin 'autoencoders' .genbench. is not installed"),
        ({"dataset": "absent"}, "dataset 'absent': its plugin"),
    ],
)
def test_what_is_not_installed_any_more_is_named(run: Path, change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        cell_of(run, {**record(), **change}, REGISTRY)


def test_a_budget_that_waited_for_the_data_waits_again(run: Path) -> None:
    made = record()
    identity = {**made["identity"], "budget": "recipe x 0.02, at most 100steps"}
    before = {**made, "identity": identity, "key": key_of(identity), "budget": "7steps"}
    cell = cell_of(run, before, REGISTRY)
    assert cell.budget == "recipe x 0.02, at most 100steps"
    assert not cell.has_changed
