"""Budgets: what may be written, what it means in steps, and that a record can hold it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.budget import Budget, RecipeShare, Sizes
from genbench.errors import UserError


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("2000steps", 2000, "steps"),
        ("1step", 1, "steps"),
        (" 20 Epochs ", 20, "epochs"),
        ("60s", 60, "s"),
        ("0.5sec", 0.5, "s"),
        ("2min", 120, "s"),
        ("1.5 minutes", 90, "s"),
        ("1h", 3600, "s"),
        ("2 hours", 7200, "s"),
    ],
)
def test_a_budget_is_a_number_and_a_unit(text: str, amount: float, unit: str) -> None:
    assert Budget.parse(text) == Budget(amount, unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "steps",
        "2000",
        "0steps",
        "-5steps",
        "1.5epochs",
        "infs",
        "nans",
        "1e3steps",
        "5 apples",
        "9" * 400 + "steps",
    ],
)
def test_what_is_no_budget_is_refused_in_one_line_that_repeats_it(text: str) -> None:
    with pytest.raises(UserError, match="--budget") as caught:
        Budget.parse(text)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(1, 10**9), st.sampled_from(["steps", "epochs"]))
def test_a_count_of_any_size_survives_being_written(amount: int, unit: str) -> None:
    assert Budget.parse(str(Budget(amount, unit))) == Budget(amount, unit)


@given(st.floats(1e-3, 1e7))
def test_seconds_survive_being_written(seconds: float) -> None:
    budget = Budget.parse(f"{seconds:f}s")
    assert Budget.parse(str(budget)) == budget


def test_an_epoch_is_as_many_steps_as_it_has_batches() -> None:
    assert Budget.parse("20epochs").steps(7) == 140
    assert Budget.parse("20steps").steps(7) == 20
    with pytest.raises(ValueError, match="seconds"):
        Budget.parse("1s").steps(7)


@given(st.floats(1e-6, 1e3), st.integers(1, 10**6))
def test_a_share_of_a_recipe_survives_being_written(factor: float, cap: int) -> None:
    share = RecipeShare(factor, cap)
    assert RecipeShare.parse(str(share)) == share
    assert 1 <= share.steps(4000) <= cap


def test_a_number_of_steps_is_no_share_of_a_recipe() -> None:
    assert RecipeShare.parse("2000steps") is None
    assert RecipeShare(0.5, 100).steps(7) == 4
    assert RecipeShare(1e-9, 100).steps(7) == 1


def test_fewer_rows_than_were_requested_are_split() -> None:
    sizes = Sizes(1000, 500, 500)
    assert [sizes.train_of(rows) for rows in (None, 2000, 1999, 100)] == [1000, 1000, 1000, 70]
    assert [sizes.test_of(rows) for rows in (None, 2000, 1999, 100)] == [500, 500, 299, 15]
