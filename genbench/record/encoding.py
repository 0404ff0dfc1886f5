"""Values as JSON that any reader understands, and the one text of a value that hashes are taken of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["canonical_json", "plain", "to_json"]


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: numbers that are not finite become null, arrays lists, the rest text."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()  # half a surrogate is no text
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {plain(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy and torch, neither of which is imported here
        return plain(value.tolist())
    return plain(str(value))


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return strict JSON of ``value``."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """Return the one text of a value that JSON can hold: sorted keys, no blanks, no NaN, floats by ``float.hex``."""
    return json.dumps(_exact(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(k): _exact(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(v) for v in value]
    return value
