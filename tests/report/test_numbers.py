"""Rounding of values with their errors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.report.numbers import round_number


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (0.827, 0.119, "0.83±0.12"),  # the two examples of the Particle Data Group
        (0.827, 0.367, "0.8±0.4"),
        (1.0, 0.0961, "1.00±0.10"),
        (-4.2739, 0.00132, "-4.2739±0.0013"),
        (1234.0, 250.0, "1230±250"),
        (51234.0, 1234.0, "51.2k±1.2k"),
        (1.23e7, 2.4e5, "12.30M±0.24M"),
        (0.000123, 0.000011, "(1.23±0.11)e-4"),
        (-0.00001, 0.2, "0.00±0.20"),
        (0.0, 0.0, "0"),
        (8.0, 0.0, "8"),
        (8.0, None, "8"),
        (0.97312, None, "0.9731"),
        (9999.9, None, "10000"),
        (2.0, math.inf, "2"),
        (0.1, 1e-17, "0.1"),
        (1e-5, 3e-5, "(1.0±3.0)e-5"),
    ],
)
def test_value_and_error_are_rounded_together(value, error, shown):
    assert str(round_number(value, error)) == shown


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_what_is_shown_is_the_number_within_its_error(value, error):
    number = round_number(value, error)
    scale = 10.0**number.exponent
    allowed = error * 0.15 if number.error else max(5e-4 * abs(value), 1e-300)
    assert float(number.value) * scale == pytest.approx(value, abs=allowed + 1e-12 * abs(value))
    if number.error:
        assert float(number.error) * scale == pytest.approx(error, rel=0.15)
        assert len(number.error.lstrip("0.").replace(".", "")) <= 4
