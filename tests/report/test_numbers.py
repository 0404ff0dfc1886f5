"""Rounding of values with their errors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.report.numbers import round_number

INFINITY = math.inf


@pytest.mark.parametrize(
    ("value", "interval", "shown"),
    [
        (0.827, (0.708, 0.946), "0.83 [0.71, 0.95]"),  # the two examples of the Particle Data Group
        (0.827, (0.460, 1.194), "0.83 [0.46, 1.19]"),  # two digits of a value are always shown
        (1.0, (0.9039, 1.0961), "1.00 [0.90, 1.10]"),
        (-4.2739, (-4.27522, -4.27258), "-4.2739 [-4.2752, -4.2726]"),
        (1234.0, (984.0, 1484.0), "1230 [980, 1480]"),
        (51234.0, (50000.0, 52468.0), "51.2k [50.0k, 52.5k]"),
        (1.23e7, (1.206e7, 1.254e7), "12.30M [12.06M, 12.54M]"),
        (0.000123, (0.000112, 0.000134), "(1.23 [1.12, 1.34])e-4"),
        (-0.00001, (-0.20001, 0.19999), "0.00 [-0.20, 0.20]"),
        (374.0, (290.0, 900.0), "370 [290, 900]"),  # the shorter side decides
        (3164.0, (919.0, INFINITY), "3200 [900, ∞)"),  # an open end stays open
        (0.3, (-INFINITY, 0.7), "0.30 (-∞, 0.70]"),
        (51234.0, (9000.0, INFINITY), "51k [9k, ∞)"),
        (18000.0, (800.0, INFINITY), "18k [0.8k, ∞)"),  # an end is never rounded to 0
        (5600.0, (800.0, 597321.0), "5600 [800, 597000]"),
        (0.0, (0.0, 0.0), "0"),
        (8.0, (8.0, 8.0), "8"),
        (8.0, None, "8"),
        (0.97312, None, "0.9731"),
        (9999.9, None, "10000"),
        (0.1, (0.1, 0.1 + 1e-17), "0.1"),
        (1.0, (0.9999999, 101.0), "1 [1.0, 101]"),  # a value close to an end is inside its interval
        (1e-5, (-2e-5, 4e-5), "(1.0 [-2.0, 4.0])e-5"),
    ],
)
def test_value_and_interval_are_rounded_together(value, interval, shown):
    assert str(round_number(value, interval)) == shown


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_what_is_shown_is_the_number_within_its_interval(value, below, above):
    ends = value - below, value + above
    number = round_number(value, ends)
    scale = 10.0**number.exponent
    gaps = [gap for gap in (value - ends[0], ends[1] - value) if gap >= 1e-5 * abs(value) and gap]
    assert bool(number.low) == bool(gaps)
    if not gaps:
        assert float(number.value) * scale == pytest.approx(value, rel=5e-4)
        return
    allowed = 0.15 * max(min(gaps), abs(value)) if min(gaps) > abs(value) / 3 else 0.15 * min(gaps)
    for text, exact in ((number.value, value), (number.low, ends[0]), (number.high, ends[1])):
        far = 0.006 * abs(exact) if exact is not value else 0.0  # an end keeps three digits
        assert float(text) * scale == pytest.approx(exact, abs=max(allowed, far) + 1e-12 * abs(exact))
    assert float(number.low) <= float(number.value) <= float(number.high), "a value is inside its own interval"


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_an_open_end_is_never_closed(value, below):
    number = round_number(value, (value - below, INFINITY))
    assert number.high == "∞"
    assert number.interval.endswith("∞)")
