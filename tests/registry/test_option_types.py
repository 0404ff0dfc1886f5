"""Values of options: text read by an annotation, other values held to it."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest

from genbench.errors import ConfigError
from genbench.registry.option_types import convert, plain_value, type_text


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (int, "4", 4),
        (int, "1e4", 10_000),
        (int, str(2**60 + 1), 2**60 + 1),
        (int, 4.0, 4),
        (float, "4", 4.0),
        (float, "inf", math.inf),
        (bool, "Yes", True),
        (bool, "off", False),
        (bool, True, True),
        (str, "4", "4"),
        (Literal["ddim", "ancestral"], "ddim", "ddim"),
        (Literal[1, 2], "2", 2),
        (float | None, "none", None),
        (float | None, "3", 3.0),
        (int | str, "3", 3),
        (int | str, "x", "x"),
        (tuple[int, ...], "1,2,3", (1, 2, 3)),
        (tuple[int, ...], "(1, 2,)", (1, 2)),
        (tuple[int, ...], "", ()),
        (tuple[int, str], [1, "a"], (1, "a")),
        (Any, {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_is_read_as_its_annotation_says(annotation: Any, given: object, value: object) -> None:
    found = convert(annotation, given, "--set a.b")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (int, "4.5", "int"),
        (int, True, "int"),
        (float, "nan", "float"),
        (float, math.nan, "float"),
        (bool, "maybe", "bool"),
        (bool, 1, "bool"),
        (str, 4, "str"),
        (tuple[int, int], "1", "int, int"),
        (tuple[int, ...], "1,x", r"int, \.\.\."),
        (int | None, "x", r"int \| none"),
        (list[int], "1", "list"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_expected(annotation: Any, given: object, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"^--set a.b: expected {expected}, got "):
        convert(annotation, given, "--set a.b")


def test_a_choice_that_is_near_is_suggested() -> None:
    with pytest.raises(ConfigError, match=r"expected 'ddim' \| 'ancestral', got 'ddmi', did you mean 'ddim'"):
        convert(Literal["ddim", "ancestral"], "ddmi", "--set a.b")


def test_types_are_written_as_users_read_them() -> None:
    annotations = (int, float | None, Literal["a", "b"], tuple[int, ...], tuple[int, str])
    assert [type_text(each) for each in annotations] == ["int", "float | none", "'a' | 'b'", "int, ...", "int, str"]


@pytest.mark.parametrize(
    ("annotation", "value", "kept"),
    [
        (float, 4, 4.0), (int, 4, 4), (float, math.inf, "inf"), (tuple[int, ...], (1, 2), [1, 2]),
        (Any, {"a": (1.5, None)}, {"a": [1.5, None]}), (Any, 1j, "1j"),
    ],
)  # fmt: skip
def test_values_are_kept_as_json_can_hold_them(annotation: Any, value: object, kept: object) -> None:
    found = plain_value(annotation, value)
    assert found == kept
    assert type(found) is type(kept)
