"""Fitting a plan to a time: budgets first, then seeds, then what cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genbench.plan.costs import Costs, CostTable, DataSize, Rate
from genbench.plan.plan import START_S, Plan, Request, make_plan
from genbench.plan.within import MARGIN, Fit, Reduction, fit, reductions, seconds_by_seeds
from genbench.registry.registry import Registry

SIZE = DataSize("vector", 2, 10_000, 10_000)
# a step of 10 ms, nothing else but a scoring of 5 s
COSTS = Costs(
    CostTable(
        (Rate("train", "vae", "vae", "cpu", SIZE, 0.0, 0.01), Rate("score", "", "", "cpu", SIZE, 5.0)),
        {"vector": {"energy": 1.0}},
    )
)


def plan_of(halvings: int, **fields: object) -> Plan:
    request = Request("vae,-gaussian,-memoriser", "ring", "energy", device="cpu", budget="4000steps", seeds=4)
    plan = make_plan(replace(request, halvings=halvings, **fields), Registry.discover(), COSTS)
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.model.name == "vae"))


def test_budgets_are_halved_before_seeds_are_left_out_and_a_quarter_is_kept_while_it_can_be() -> None:
    found = [(each.halvings, each.seeds) for each in reductions(4)]
    assert found == [
        *((0, 4), (1, 4), (2, 4)), *((0, 3), (1, 3), (2, 3)), *((0, 2), (1, 2), (2, 2)),
        *((3, 2), (4, 2), (5, 2)),
    ]  # fmt: skip
    assert [each.seeds for each in reductions(1)] == [1] * 6
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("needed_s", "expected"),
    [
        (4 * 45.15, Reduction(0, 4)),
        (4 * 25.15, Reduction(1, 4)),
        (4 * 15.15, Reduction(2, 4)),
        (3 * 25.15, Reduction(2, 4)),
        (3 * 15.15, Reduction(2, 3)),
        (2 * 15.15, Reduction(2, 2)),
        (2 * 10.15, Reduction(3, 2)),
        (2 * 6.25, Reduction(5, 2)),
    ],
)
def test_the_first_reduction_that_fits_is_taken(needed_s: float, expected: Reduction) -> None:
    assert fit(plan_of, 1, (START_S + needed_s) / MARGIN + 1e-6).reduction == expected


def test_what_cannot_fit_says_by_how_much() -> None:
    found = fit(plan_of, 1, 10)
    assert found.seconds > 10
    more = round(found.seconds - 10)
    assert found.describe().startswith("not possible: the smallest plan, 1/32 of each budget and 2 of 4 seeds, takes")
    assert f"{more} s too long" in found.describe()


def test_nothing_is_said_to_be_reduced_where_nothing_is() -> None:
    assert Fit(Reduction(0, 3), 60.0, 60.0, 600.0, 3).describe() == "the whole plan takes about 60 s"
    reduced = Fit(Reduction(1, 3), 60.0, 600.0, 100.0, 3).describe()
    assert reduced == "1/2 of each budget, about 60 s; the whole plan takes about 10 min"
    assert Reduction(0, 2).describe(3) == "2 of 3 seeds"


def test_the_time_of_a_number_of_seeds_is_that_of_a_plan_of_so_many() -> None:
    for jobs in (1, 3):
        found = seconds_by_seeds(plan_of(1), jobs)
        assert found == pytest.approx([plan_of(1, seeds=seeds).seconds(jobs) for seeds in (1, 2, 3, 4)])
    assert plan_of(1, seeds=1).seconds(50) == pytest.approx(START_S + 20 + 5 + 0.15), "as long as the longest cell"
