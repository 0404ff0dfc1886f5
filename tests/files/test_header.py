"""Names and units above columns of numbers are told from rows."""

from __future__ import annotations

import re

import pytest

from genbench.files.header import is_header, is_row_of_units

NUMBER = re.compile(r"-?\d+(\.\d*)?")
BODY = [["1", "2"], ["3", "4"], ["5", "6"]]


@pytest.mark.parametrize(
    ("first", "expected"),
    [(["a", "b"], True), (["1", "2"], False), (["1", ""], False), (["", ""], False), (["a", "2"], True)],
)
def test_a_header_is_text_above_numbers(first: list[str], expected: bool) -> None:
    assert is_header([first, *BODY], NUMBER) is expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [(["GeV", "mm"], True), (["GeV", ""], True), (["", ""], False), (["1", "mm"], False), (["x" * 25, "mm"], False)],
)
def test_units_are_short_texts_above_numbers(second: list[str], expected: bool) -> None:
    assert is_row_of_units([["a", "b"], second, *BODY], NUMBER) is expected


def test_too_few_rows_show_no_units() -> None:
    assert not is_row_of_units([["a", "b"], ["GeV", "mm"], *BODY[:2]], NUMBER)
