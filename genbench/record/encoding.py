"""Values as strict JSON that any reader understands, and as canonical JSON, from which hashes are computed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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


def canonical_json(value: Any) -> str:
    """Return the same text for equal values: sorted keys, without spaces or NaN, floats written by ``float.hex``."""
    return json.dumps(_with_exact_floats(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _with_exact_floats(value: Any) -> Any:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(k): _with_exact_floats(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_exact_floats(v) for v in value]
    return value
