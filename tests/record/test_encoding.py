"""JSON that is strict, and the same for equal values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from genbench.record.encoding import indented_json, json_value, to_json
from genbench.record.store import (
    key_of,
)


def test_floats_are_told_apart_to_the_last_bit() -> None:
    assert key_of({"x": 1.0}) != key_of({"x": math.nextafter(1.0, 2)})
    assert key_of({"x": 1e300}) != key_of({"x": math.nextafter(1e300, 0)})


def test_json_is_strict_whatever_it_is_given() -> None:
    value = {
        "nan": math.nan,
        "inf": [-math.inf, 1.5],
        "array": np.arange(3, dtype=np.int16),
        "tensor": torch.tensor([1.0, math.nan]),
        "scalar": np.float32(0.5),
        "flag": np.bool_(True),
        "path": Path("a"),
        "set": {1},
        1: "key",
    }
    read = json.loads(to_json(value), parse_constant=pytest.fail)
    assert read == {
        "nan": None, "inf": [None, 1.5], "array": [0, 1, 2], "tensor": [1.0, None], "scalar": 0.5, "flag": True,
        "path": "a", "set": [1], "1": "key",
    }  # fmt: skip


def test_plain_leaves_what_json_can_hold() -> None:
    value = {"a": [1, 2.5, None, True, "é"]}
    assert json_value(value) == value


@pytest.mark.parametrize(
    "value",
    [
        {}, [], {"a": []}, {"a": {}}, [[1, 2], []], [1.5, None, True, "a"], {"é": 'x\u2028"é\n'}, 2, "text", None,
        {"b": [1.5, -0.0, 1e300], "c": {"d": [{"e": False}]}},
    ],
)  # fmt: skip
def test_indented_json_is_that_of_the_library(value: object) -> None:
    assert indented_json(value) == json.dumps(value, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("value", [math.nan, [1.0, math.inf], {"a": -math.inf}])
def test_indented_json_has_no_number_that_json_lacks(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        indented_json(value)
