"""The types of the fields of a record and of ``run.json``, as the published JSON Schema states them.

Only types, listed values and open bounds are checked here, without a library: whatever reads a record may rely on them.
``validate`` checks the rest of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "object": (dict,), "array": (list,),
}  # fmt: skip


def schema(kind: str) -> dict[str, Any]:
    """Return the published JSON Schema (draft 2020-12) of a ``record`` or a ``run``."""
    text = (Path(__file__).parents[1] / "schema" / f"{kind}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def wrong_type(kind: str, body: Mapping[str, Any]) -> str:
    """Return the first field of a ``record`` or a ``run`` whose type is not that of the schema, empty if there is none.

    A field of a record that is null counts as absent.
    """
    if (found := _fault(_fields(kind), body)) is None:
        return ""
    name, fault = found
    return f"its {name.removeprefix('.')} is {fault}"


@dataclass
class _Field:
    """What the schema says of a value: its types, None for any, its open bounds, and what is inside."""

    types: tuple[type, ...] | None = None
    names: str = ""
    allowed: tuple[Any, ...] = ()  # values, where they are listed
    above: float = float("-inf")
    below: float = float("inf")
    inside: dict[str, _Field] = field(default_factory=dict)
    others: _Field | None = None  # fields of an object that are not named
    items: _Field | None = None
    nullable: bool = False  # whether null stands for an absent field


@cache
def _fields(kind: str) -> _Field:
    found = schema(kind)
    return _field_of(found, found.get("$defs", {}), nulls=kind == "record")


def _field_of(node: Mapping[str, Any], definitions: Mapping[str, Any], *, nulls: bool) -> _Field:
    """Return what a ``node`` of the schema says; ``nulls`` says whether its fields may be null."""
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    names = node.get("type", [])
    names = [names] if isinstance(names, str) else names
    made = _Field(names=" or ".join(names))
    if names:
        made.types = tuple(each for name in names for each in JSON_TYPES[name])
    if values := tuple(node.get("enum", ())):
        made.types, made.allowed = tuple({type(each) for each in values}), values
        made.names = f"one of {', '.join(map(str, values))}"
    made.above, made.below = node.get("exclusiveMinimum", made.above), node.get("exclusiveMaximum", made.below)
    inside = node.get("properties", {})
    for name, each in inside.items():
        made.inside[name] = _field_of(each, definitions, nulls=nulls)
        made.inside[name].nullable = nulls
    if isinstance(others := node.get("additionalProperties"), Mapping):
        made.others = _field_of(others, definitions, nulls=nulls)
    if isinstance(items := node.get("items"), Mapping):
        made.items = _field_of(items, definitions, nulls=nulls)
    return made


def _fault(expected: _Field, value: Any) -> tuple[str, str] | None:
    """Return the first field that is not as expected, ``.scores[1].value``, with what it is; None if there is none."""
    if expected.nullable and value is None:
        return None
    if expected.types is not None and type(value) not in expected.types:  # a bool is no number
        return "", f"{value!r:.60}, expected {expected.names}"
    if expected.allowed and value not in expected.allowed:
        return "", f"{value!r:.60}, expected {expected.names}"
    if isinstance(value, dict):
        for key, each in value.items():
            inner = expected.inside.get(key, expected.others)
            if inner is not None and (fault := _fault(inner, each)):
                return f".{key}{fault[0]}", fault[1]
    elif isinstance(value, list):
        if expected.items is not None:
            for i, each in enumerate(value):
                if fault := _fault(expected.items, each):
                    return f"[{i}]{fault[0]}", fault[1]
    elif isinstance(value, (int, float)) and not expected.above < value < expected.below:
        return "", f"{value}, expected a number between {expected.above} and {expected.below}"
    return None
