"""What is spent of a budget: shares of stages are exact, steps are rounded once."""

from __future__ import annotations

import pytest

from genbench.budget import Budget
from genbench.training.spending import Spending


@pytest.mark.parametrize("steps", [1, 3, 7, 49, 2000])
def test_progress_is_steps_over_steps_to_the_last_bit(steps: int) -> None:
    spending = Spending(Budget(steps, "steps"))
    for taken in range(steps):
        assert spending.progress == taken / steps
        assert not spending.is_over
        spending.steps += 1
    assert spending.progress == 1
    assert spending.is_over
    assert spending.limit == steps


def test_a_budget_in_epochs_has_a_limit_once_its_batches_are_known() -> None:
    spending = Spending(Budget(3, "epochs"))
    assert (spending.limit, spending.progress, spending.is_over) == (None, 0.0, False)
    spending.begin_loop(7)
    assert spending.limit == 21
    spending.steps = 7
    spending.begin_loop(14)  # two epochs are left
    assert spending.limit == 7 + 28
    assert spending.progress == pytest.approx(1 / 3)
    spending.begin_loop(None)
    assert spending.limit == 7 + 28


@pytest.mark.parametrize("total", [1, 2, 5, 10, 101])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3), (0.9,)])
def test_the_steps_of_all_stages_are_those_of_their_shares(total: int, shares: tuple[float, ...]) -> None:
    spending = Spending(Budget(total, "steps"))
    taken = []
    for share in shares:
        spending.enter_stage(share)
        before = spending.steps
        while not spending.is_over:
            spending.steps += 1
        taken.append(spending.steps - before)
        spending.leave_stage()
    assert sum(taken) == pytest.approx(sum(shares) * total, abs=1)
    assert all(abs(n - share * total) < 1.01 for n, share in zip(taken, shares, strict=True))


def test_the_share_of_the_whole_is_known_within_a_stage() -> None:
    spending = Spending(Budget(10, "steps"))
    spending.enter_stage(0.5)
    spending.steps = 4
    assert (spending.progress, spending.share) == (0.8, 0.4)


def test_a_pause_is_no_part_of_the_time() -> None:
    spending = Spending(Budget(100, "s"))
    spending.start -= 60
    assert 0.6 <= spending.progress < 0.7
    spending.pause(30)
    assert 0.3 <= spending.progress < 0.4
    assert spending.limit is None
