"""Values as strict JSON that any reader understands, and as canonical JSON, from which hashes are computed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

MAX_DEPTH = 50  # of what a cell sends: what is deeper ends readers that follow it


def is_deep(value: Any) -> bool:
    """Return whether mappings and sequences are nested more than ``MAX_DEPTH`` deep; a cycle is."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, (Mapping, list, tuple, set, frozenset))
            for inner in (each.values() if isinstance(each, Mapping) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, (Mapping, list, tuple, set, frozenset)) for each in level)


def json_value(value: Any) -> Any:
    """Return a value that JSON can hold: arrays become lists, non-finite numbers None, other objects text."""
    if type(value) is list and set(map(type, value)) == {float}:  # most of a record
        return [each if math.isfinite(each) else None for each in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()  # UTF-8 has no lone surrogates
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {json_value(str(k)): json_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_value(v) for v in value]
    if hasattr(value, "tolist"):  # numpy and torch, neither of which is imported here
        return json_value(value.tolist())
    return json_value(str(value))


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as strict JSON."""
    return json.dumps(json_value(value), indent=indent, ensure_ascii=False, allow_nan=False)


def indented_json(value: Any, line: str = "\n") -> str:
    """Return a value of JSON as ``json.dumps`` writes it with ``indent=1``, in half of its time."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is float and math.isfinite(value):
        return float.__repr__(value)
    if kind is int:
        return int.__repr__(value)
    if value is None or value is True or value is False:
        return "null" if value is None else "true" if value else "false"
    if kind not in (dict, list) or not value:
        return json.dumps(value, allow_nan=False)
    inner = f"{line} "
    if kind is dict:
        items = [f"{encode_basestring(name)}: {indented_json(each, inner)}" for name, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{line}}}"
    numbers = set(map(type, value)) == {float} and all(map(math.isfinite, value))
    items = list(map(float.__repr__, value)) if numbers else [indented_json(each, inner) for each in value]
    return f"[{inner}{f',{inner}'.join(items)}{line}]"


def canonical_json(value: Any) -> str:
    """Return the same text for equal values: sorted keys, without spaces or NaN, floats written by ``float.hex``."""
    return json.dumps(_with_exact_floats(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _with_exact_floats(value: Any) -> Any:
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is list and set(map(type, value)) == {float}:  # most of a record
        return list(map(float.hex, value))
    if isinstance(value, float):
        return value.hex()
    if kind is dict or isinstance(value, Mapping):
        return {str(k): _with_exact_floats(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_exact_floats(v) for v in value]
    return value
