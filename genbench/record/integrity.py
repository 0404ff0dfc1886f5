"""What makes a record trustworthy: canonical JSON, the sha256 of its body, and the way from an older schema to today's.

The sha256 is that of canonical JSON, not of the file's bytes: a record that another tool has indented anew is intact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import canonical_json

__all__ = ["SCHEMA_VERSION", "DamageError", "digest_of", "open_sealed", "seal"]

SCHEMA_VERSION = 2
NEWER = "schema {found} is newer than this genbench, which knows {known}; try: pip install -U genbench"


class DamageError(ValueError):
    """A file is no whole record; its message says why."""


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the sha256, in hexadecimal, of a body without its field ``sha256``."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def seal(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with its sha256 as the last field; ``body`` holds nothing but what JSON can hold."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    return {**content, "sha256": digest_of(content)}


def open_sealed(text: bytes, where: object) -> dict[str, Any]:
    """Return the body of a file in today's schema, its sha256 verified.

    Raises DamageError where the text is torn, flipped or something else, and UserError, which names ``where``, for a
    schema newer than this genbench's. Files of schema 1 had no sha256.
    """
    try:
        body = json.loads(text.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise DamageError(f"not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise DamageError(f"not JSON: {error}" if text.strip() else "empty") from None
    if not isinstance(body, dict):
        raise DamageError(f"expected an object, got {type(body).__name__}")
    version = body.get("schema_version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamageError(f"schema_version is {version!r}, expected 1 to {SCHEMA_VERSION}")
    if version > SCHEMA_VERSION:
        raise UserError(f"{where}: {NEWER.format(found=version, known=SCHEMA_VERSION)}")
    if "sha256" in body or version > 1:
        _verify(body)
    found: dict[str, Any] = body
    for older in range(version, SCHEMA_VERSION):
        found = MIGRATIONS[older](found)
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _verify(body: Mapping[str, Any]) -> None:
    told, found = body.get("sha256"), digest_of(body)
    if told != found:
        raise DamageError(f"its sha256 is {found[:12]}.., it says {str(told)[:12]}..: it was changed or damaged")


def _from_1(body: dict[str, Any]) -> dict[str, Any]:
    """Add what schema 2 says besides: what the key was made of; of a run, its sessions after the first."""
    new: dict[str, Any] = {"sessions": []} if "cells" in body and "key" not in body else {"identity": None}
    return {**new, **body, "schema_version": 2}


MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
