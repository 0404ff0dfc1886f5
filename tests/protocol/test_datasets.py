"""What datasets return."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.protocol import Data


@pytest.mark.parametrize("shape", [(2,), (1, 8, 6)])
def test_the_shape_is_that_of_a_row(shape: tuple[int, ...]) -> None:
    rows = np.zeros((4, *shape))
    assert Data(rows, rows, rows).shape == shape
