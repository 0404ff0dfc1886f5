"""What ``genbench score`` prints of the scores that it has: limits, large numbers, what z is."""

import pytest
from synthetic import score

from genbench.cli.score import _print


def printed(capsys, *scores):
    _print([{"label": s["metric"], "ranked": True, "suspect": False, "floor_from": "reference", **s} for s in scores])
    return capsys.readouterr().out


def row_of(text, name):
    return next(line for line in text.splitlines() if name in line)


@pytest.mark.parametrize("why", ["floor is a lower limit", "value and the floor are lower limits"])
def test_a_floor_that_is_a_lower_limit_is_told_to_be_one(why, capsys) -> None:
    limit = score("equivalent", 300.0, better="higher", floor=524.4, floor_sd=9.0, warnings=[f"no z: the {why}"])
    assert "≥ 524.4 " in row_of(printed(capsys, limit), "equivalent")
    only_value = {**limit, "warnings": ["no z: the value is a lower limit"]}
    assert "524.4 ± 9" in row_of(printed(capsys, only_value), "equivalent")
    assert "≥ 524.4" not in printed(capsys, only_value)


@pytest.mark.parametrize(
    ("value", "shown"), [(10_000.0, "10000"), (123_456.7, "123457"), (1234.5678, "1235"), (0.00012345678, "0.0001235")]
)
def test_large_numbers_are_written_out(value, shown, capsys) -> None:
    text = printed(capsys, score("equivalent", value, low=value / 2, high=value * 2, floor=value, floor_sd=value))
    assert text.count(f" {shown} ") >= 2  # the value and the floor
    assert "e+" not in text


def test_z_is_said_to_be_in_errors_of_the_difference(capsys) -> None:
    text = printed(capsys, score("energy", 1.0, floor=0.5, floor_sd=0.1, z=5.0))
    assert "z: value minus floor in standard errors of the difference" in text
