"""Samples that a model draws, held to what can be scored."""

import numpy as np
import pytest

from genbench.errors import Invalid
from genbench.training.sampling import check_samples


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(5), r"shape \(5,\), expected \(5, 1\)"),
        (np.zeros((4, 1)), r"shape \(4, 1\), expected \(5, 1\)"),
        (np.zeros((5, 2)), r"shape \(5, 2\)"),
        (np.zeros((0, 1)), r"shape \(0, 1\)"),
        (np.zeros((5, 1), complex), "dtype complex128, expected floating point"),
        (np.zeros((5, 1), bool), "dtype bool"),
        (np.array([[0], [np.nan], [1], [np.inf], [2]]), "2 of 5 samples are not finite"),
    ],
)
def test_samples_that_cannot_be_scored_are_invalid_with_the_reason(rows: np.ndarray, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_samples(rows, (1,), 5)


def test_good_samples_pass() -> None:
    check_samples(np.zeros((5, 1), np.float32), (1,), 5)
    check_samples(np.zeros((5, 1, 2, 2)), (1, 2, 2), 5)
