"""What cells cost by a table of rates: steps, the rest, scoring; another size, another machine, an unknown model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genbench.plan.cell import REAL, Cell
from genbench.plan.costs import Costs, CostTable, DataSize, Rate, size_of
from genbench.plan.plan import Request, make_plan
from genbench.registry.registry import Registry

GRID = DataSize("vector", 2, 10_000, 10_000)
TABLE = CostTable(
    (
        Rate("load", "ring", "ring", "cpu", GRID, 0.5),
        Rate("score", "", "", "cpu", GRID, 4.0),
        Rate("score", REAL, "", "cpu", GRID, 6.0),
        Rate("train", "vae", "vae", "cpu", GRID, 2.0, 0.01),
        Rate("train", "vae", "vae", "cpu", DataSize("vector", 2, 2_000, 1_000), 1.0, None),
        Rate("train", "kde", "kde", "cpu", GRID, 3.0),
    ),
    {"vector": {"energy": 0.25, "c2st": 0.5}},
)


@pytest.fixture(scope="module")
def cells() -> dict[str, Cell]:
    request = Request(
        "vae,kde,gan,-gaussian,-memoriser", "ring", "energy,c2st", seeds=1, budget="1000steps", device="cpu"
    )
    return {cell.model.name: cell for cell in make_plan(request, Registry.discover()).cells}


def test_steps_the_rest_the_loading_and_the_chosen_metrics_add_up(cells: dict[str, Cell]) -> None:
    cost = Costs(TABLE).of(cells["vae"])
    assert cost.fit_s == pytest.approx(0.5 + 2.0 + 10.0)
    assert cost.score_s == pytest.approx(3.0)
    assert not cost.guess
    assert Costs(TABLE).of(cells["kde"]).fit_s == pytest.approx(0.5 + 3.0)
    assert Costs(TABLE).of(cells[REAL]).score_s == pytest.approx(4.5)


def test_a_budget_in_seconds_is_what_it_costs_and_one_in_epochs_has_steps(cells: dict[str, Cell]) -> None:
    costs = Costs(TABLE)
    assert costs.of(replace(cells["vae"], budget="60s")).fit_s == pytest.approx(62.5)
    epochs = costs.of(replace(cells["vae"], budget="20epochs")).fit_s - 2.5
    assert epochs == pytest.approx(20 * (10_000 // 256) * 0.01)
    share = costs.of(replace(cells["vae"], budget="recipe x 0.5, at most 70steps")).fit_s - 2.5
    assert share == pytest.approx(0.7)


def test_a_size_of_which_only_a_short_training_is_known_takes_the_steps_of_another(cells: dict[str, Cell]) -> None:
    small = DataSize("vector", 2, 2_000, 1_000)
    found = Costs(TABLE).of_size(cells["vae"], small)
    assert found.fit_s == pytest.approx(0.5 * 0.2 + 1.0 + 10.0)
    assert found.score_s < 1.0, "fewer rows are scored sooner"


def test_larger_data_cost_more(cells: dict[str, Cell]) -> None:
    wide, images = DataSize("vector", 50, 10_000, 10_000), DataSize("image", 784, 10_000, 10_000)
    costs = Costs(TABLE)
    assert costs.of(cells["vae"]).fit_s < costs.of_size(cells["vae"], wide).fit_s
    assert costs.of_size(cells["vae"], images).guess, "no image was measured"


def test_a_slow_machine_multiplies_the_table_and_not_its_own_rates(cells: dict[str, Cell]) -> None:
    own = CostTable((Rate("train", "vae", "vae", "cpu", GRID, 1.0, 0.5, own=True),))
    costs = Costs(TABLE, own, slowness=2.0)
    assert costs.of(cells["vae"]).fit_s == pytest.approx(2 * 0.5 + 1.0 + 500.0)
    assert costs.of(cells["kde"]).fit_s == pytest.approx(2 * (0.5 + 3.0))


def test_options_have_rates_of_their_own(cells: dict[str, Cell]) -> None:
    large = Rate("train", "vae", "vae[latent=2]", "cpu", GRID, 2.0, 0.1)
    costs = Costs(replace(TABLE, rates=(*TABLE.rates, large)))
    assert costs.of(cells["vae"]).fit_s == pytest.approx(12.5)


def test_a_model_that_the_table_lacks_is_a_guess(cells: dict[str, Cell]) -> None:
    found = Costs(TABLE).of(cells["gan"])
    assert found.guess
    assert found.fit_s == pytest.approx(12.5), "the median of the models that train in steps"
    assert Costs(CostTable()).of(cells["gan"]).guess
    assert Costs(TABLE).of(replace(cells["vae"], device="cuda:0")).guess


def test_the_table_that_is_shipped_knows_every_model_of_ours() -> None:
    registry = Registry.discover(block=())
    request = Request("all", "grid,digits,binary_digits", seeds=1, device="cpu")
    plan = make_plan(request, registry)
    unknown = [cell.model.label for cell in plan.cells if plan.cost_of(cell).guess]
    ours = [name for name in unknown if registry.models[name].provenance.distribution == "genbench"]
    assert ours == []
    table = CostTable.shipped()
    assert CostTable.from_dict(table.as_dict()) == table


def test_the_size_of_a_cell_is_that_of_its_splits(cells: dict[str, Cell]) -> None:
    assert size_of(cells["vae"]) == GRID
    [digits] = [
        cell
        for cell in make_plan(Request("kde,-gaussian,-memoriser", "digits", seeds=1), Registry.discover()).cells
        if cell.model.name == "kde"
    ]
    assert size_of(digits) == DataSize("image", 64, 1257, 269)


def test_kinds_of_data_are_infinitely_far_and_equal_sizes_at_no_distance() -> None:
    assert GRID.distance(GRID) == 0
    assert GRID.distance(replace(GRID, kind="image")) == float("inf")
    assert 0 < GRID.distance(replace(GRID, test=9_000)) < GRID.distance(replace(GRID, test=1_000))
