"""Metrics of pairs of rows get a random part of many rows, the same for all that is scored, and say so."""

from __future__ import annotations

import numpy as np
import pytest

import genbench
from genbench.errors import UserError

ROWS = 500


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"real": rng.normal(size=(ROWS, 2)), "fake": rng.normal(0.1, size=(ROWS + 50, 2))}


def scored(rows: dict[str, np.ndarray], **options: object) -> dict[str, dict]:
    found = genbench.score(**rows, metrics="energy,precision,w1_marginal", **options)
    return {each["metric"]: {name: value for name, value in each.items() if name != "seconds"} for each in found}


def test_only_metrics_of_pairs_get_a_part_and_record_it(rows: dict[str, np.ndarray]) -> None:
    few, all_rows = scored(rows, max_rows=200), scored(rows, max_rows=None)
    for name in ("energy", "precision"):
        assert (few[name]["n_real"], few[name]["n_fake"]) == (200, 200)
        assert few[name]["params"]["max_rows"] == 200
        assert few[name]["detail"]["compared_with_floor"]["n_real"] == 200  # of halves of 250 rows
        assert "of 200 rows of a side at most, drawn at random" in few[name]["warnings"]
        assert all_rows[name]["n_fake"] == ROWS + 50
        assert few[name]["value"] != all_rows[name]["value"]
        assert few[name]["floor"] != all_rows[name]["floor"]
    assert few["w1_marginal"] == all_rows["w1_marginal"]


def test_the_rows_are_drawn_by_the_seed(rows: dict[str, np.ndarray]) -> None:
    assert scored(rows, max_rows=200) == scored(rows, max_rows=200)
    assert scored(rows, max_rows=200)["energy"]["value"] != scored(rows, max_rows=200, seed=1)["energy"]["value"]


def test_rows_up_to_the_cap_are_all_taken(rows: dict[str, np.ndarray]) -> None:
    assert scored(rows, max_rows=ROWS + 50) == scored(rows, max_rows=None)


def test_too_small_a_cap_is_refused(rows: dict[str, np.ndarray]) -> None:
    with pytest.raises(UserError, match="--max-rows 3: expected at least 100"):
        genbench.score(**rows, metrics="energy", max_rows=3)
