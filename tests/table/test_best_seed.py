"""The best seed of each model by the mean rank over core metrics, and the choice of one trained model."""

from __future__ import annotations

from typing import Any

import pytest

from genbench.errors import UserError
from genbench.table.best_seed import best_seeds, choose_cell


def record(
    model: str, seed: int, *, dataset: str = "moons", label: str = "", status: str = "ok", **values: Any
) -> dict:
    better = {"c2st": "lower", "energy": "lower", "coverage": "higher"}
    scores = [{"metric": name, "label": name, "value": v, "better": better[name]} for name, v in values.items()]
    fields = {"model": model, "label": label or model, "dataset": dataset, "dataset_label": dataset, "seed": seed}
    return {
        **fields,
        "data_kind": "vector",
        "status": status,
        "scores": scores,
        "key": f"{model}{label}{dataset}{seed}",
    }


RUN = [
    record("vae", 0, c2st=0.7, energy=0.2, coverage=0.9),
    record("vae", 1, c2st=0.6, energy=0.1, coverage=0.8),
    record("vae", 2, c2st=0.9, energy=None, coverage=0.7),
    record("gan", 0, c2st=0.5, energy=0.5, coverage=0.1),
    record("gan", 1, status="failed"),
    record("real", 0, c2st=0.5, energy=0.0, coverage=1.0),
    record("vae", 5, dataset="grid", c2st=0.5),
]


@pytest.mark.parametrize(("metric", "best"), [("energy", 1), ("coverage", 2)])
def test_the_best_value_is_the_one_in_the_direction_of_the_metric(metric: str, best: int) -> None:
    records = [record("vae", seed, **{metric: value}) for seed, value in enumerate((0.5, 0.1, 0.9))]
    assert [r["seed"] for r in best_seeds(records)] == [best]


def test_the_lowest_mean_rank_wins_and_real_rows_are_no_model() -> None:
    found = {(r["model"], r["dataset"]): r["seed"] for r in best_seeds(RUN)}
    assert found == {("vae", "moons"): 1, ("gan", "moons"): 0, ("vae", "grid"): 5}


def test_higher_is_better_where_it_is() -> None:
    seeds = [record("vae", 0, coverage=0.2), record("vae", 1, coverage=0.9)]
    assert [r["seed"] for r in best_seeds(seeds)] == [1]


def test_of_equal_seeds_the_first_is_kept() -> None:
    seeds = [record("vae", 1, c2st=0.5), record("vae", 0, c2st=0.5)]
    assert [r["seed"] for r in best_seeds(seeds)] == [0]


def test_a_seed_without_a_value_is_behind_those_with_one() -> None:
    seeds = [record("vae", 0, c2st=None), record("vae", 1, c2st=0.99)]
    assert [r["seed"] for r in best_seeds(seeds)] == [1]


def test_a_model_is_chosen_by_name_dataset_and_seed() -> None:
    assert choose_cell(RUN, "gan")["key"] == "ganmoons0"
    assert choose_cell(RUN, "vae", "moons")["seed"] == 1
    assert choose_cell(RUN, "vae", "moons", 2)["seed"] == 2
    assert choose_cell(RUN, "vae", "grid")["seed"] == 5


def test_options_are_part_of_a_label() -> None:
    run = [record("vae", 0, label="vae[latent=2]", c2st=0.5), record("vae", 0, label="vae[latent=8]", c2st=0.6)]
    assert choose_cell(run, "vae[latent=8]")["label"] == "vae[latent=8]"
    with pytest.raises(UserError, match=r"name one of vae\[latent=2\], vae\[latent=8\]"):
        choose_cell(run, "vae")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vea",), "no trained model 'vea' in this run, did you mean 'vae'"),
        (("real",), "no trained model 'real'"),
        (("vae",), "vae was trained on grid, moons; name one with -d"),
        (("vae", "ring"), "vae was not trained on 'ring'; it was on grid, moons"),
        (("vae", "moons", 9), "vae was not trained with seed 9; it was with 0, 1, 2"),
        (("gan", "moons", 1), "it was with 0"),
    ],
)
def test_a_choice_that_means_nothing_is_one_line(arguments: tuple, message: str) -> None:
    with pytest.raises(UserError, match=message):
        choose_cell(RUN, *arguments)
