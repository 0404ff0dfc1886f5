"""Conditional models learn what rows are given, and scores find out a model that ignores it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import with_held_out

from genbench.plan.plan import Request, make_plan
from genbench.registry.registry import Registry
from genbench.session.options import RunOptions
from genbench.session.session import Session

pytestmark = pytest.mark.slow

DEAF = """
import torch

from genbench import ModelSpec, hookimpl

class Deaf:
    def fit(self, data, run):
        self.rows = data.train

    def sample(self, n, conditions=None):
        return self.rows[torch.randint(len(self.rows), (n,))]

@hookimpl
def genbench_register():
    return [ModelSpec("deaf", Deaf, None, "ignores conditions", iterative=False, conditions="optional")]
"""


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], float]:
    folder: Path = tmp_path_factory.mktemp("conditional")
    plugin = folder / "deaf.py"
    plugin.write_text(DEAF)
    registry = Registry.discover([plugin])
    metrics = "kl,energy_by_condition,class_accuracy"
    request = Request(
        "flow_matching,gaussian,deaf,-memoriser",
        "turned_moons,digits[given=label]",
        metrics,
        "smoke",
        1,
        0,
        "500steps",
        "cpu",
        plugin_files=(plugin,),
    )
    records = Session(
        with_held_out(make_plan(request, registry), 1000), registry, RunOptions(folder / "run", jobs=2)
    ).run()
    assert {record["status"] for record in records} == {"ok"}, [record["reason"] for record in records]
    return {
        (record["dataset"], record["model"], score["metric"]): score["value"]
        for record in records
        for score in record["scores"]
    }


def test_flow_matching_follows_a_given_angle(scores: dict) -> None:
    assert scores["turned_moons", "flow_matching", "kl"] < 0.5 * scores["turned_moons", "gaussian", "kl"]
    learned, *others = (
        scores["turned_moons", name, "energy_by_condition"] for name in ("flow_matching", "gaussian", "deaf")
    )
    assert learned < 0.1 * min(others)


def test_flow_matching_follows_a_given_label(scores: dict) -> None:
    assert scores["digits", "flow_matching", "class_accuracy"] > 0.8


def test_a_model_that_ignores_its_condition_is_found_out(scores: dict) -> None:
    assert scores["digits", "deaf", "class_accuracy"] < 0.3
    assert (
        scores["digits", "deaf", "energy_by_condition"] > 3 * scores["digits", "flow_matching", "energy_by_condition"]
    )
