"""Words that several commands say."""

from __future__ import annotations

import pytest

from genbench.text import duration, plain


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (89.9, "90 s"),
        (90, "2 min"),
        (3540, "59 min"),
        (3600, "1 h 0 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_a_duration_is_said_as_a_person_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_foreign_text_is_one_line_and_moves_nothing() -> None:
    assert plain("a\n b\t\x1b[31mc\u202ed\x07") == "a b [31mcd"
    assert plain("é ≥ 3") == "é ≥ 3"
    assert plain(None) == "None"
