"""The types that readers of a record rely on are those of the published schema."""

from __future__ import annotations

from typing import Any

import pytest
from run_directories import ABOUT, whole_record

from genbench.record.field_types import schema, wrong_type


def test_a_whole_record_and_run_have_no_fault() -> None:
    assert wrong_type("record", whole_record()) == ""
    assert wrong_type("run", {**ABOUT, "cells": [], "sessions": []}) == ""


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"seed": "0"}, "its seed is '0', expected integer"),
        ({"seed": True}, "its seed is True, expected integer"),
        ({"timings": {"fit_s": []}}, "its timings.fit_s is [], expected number or string or boolean or null"),
        ({"scores": [{}, {"level": 1.0}]}, "its scores[1].level is 1.0, expected a number between 0 and 1"),
        ({"scores": [{"better": "up"}]}, "its scores[0].better is 'up', expected one of lower, higher"),
        ({"scores": [{"replicates": [1, "2"]}]}, "its scores[0].replicates[1] is '2', expected number"),
        ({"notes": [None]}, "its notes[0] is None, expected string"),
        ({"reason": None}, ""),
        ({"unknown": [{}]}, ""),
    ],
)  # fmt: skip
def test_the_first_field_of_another_type_is_named(fields: dict[str, Any], fault: str) -> None:
    assert wrong_type("record", fields) == fault


def test_every_field_that_the_schema_types_is_checked() -> None:
    for name, node in schema("record")["properties"].items():
        if isinstance(node.get("type"), str):
            wrong: Any = 3 if node["type"] != "integer" else "3"
            assert wrong_type("record", {name: wrong}).startswith(f"its {name} is")


def test_null_is_no_value_of_run_json() -> None:
    assert wrong_type("run", {"cells": None}) == "its cells is None, expected array"
