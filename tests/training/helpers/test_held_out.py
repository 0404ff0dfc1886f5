"""Rows held out of training: how many, which, and that no row is in both parts."""

from __future__ import annotations

import pytest
import torch

from genbench.training import held_out


@pytest.mark.parametrize(
    ("n", "share", "at_most", "held"),
    [(100, 0.1, None, 10), (109, 0.1, None, 10), (5, 0.1, None, 1), (100, 0.5, 20, 20), (90, 0.7, None, 63)],
)
def test_each_row_is_in_one_part(n: int, share: float, at_most: int | None, held: int) -> None:
    train, kept = held_out(torch.arange(n), share, at_most)
    assert len(kept) == held
    assert sorted([*train.tolist(), *kept.tolist()]) == list(range(n))
    assert kept.tolist() != list(range(held))


def test_a_single_row_is_both_and_a_share_is_within_the_whole() -> None:
    one = torch.ones(1, 2)
    assert all(part is one for part in held_out(one))
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match="share must be in"):
            held_out(torch.arange(9), share)
