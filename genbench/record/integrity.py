"""The integrity of stored files: the sha256 of a body, its verification, and migration from older schemas.

The sha256 is that of canonical JSON, not of the file's bytes: a record stays intact if another tool indents it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import canonical_json

SCHEMA_VERSION = 3


class DamageError(ValueError):
    """A file does not hold a complete record; the message says why."""


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the sha256, in hexadecimal digits, of a body without its field ``sha256``."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def add_digest(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body, whose values are those of JSON, with its sha256 as the last field."""
    content = {name: value for name, value in body.items() if name != "sha256"}
    return {**content, "sha256": digest_of(content)}


def parse_body(text: bytes, where: object, *, verify: bool = True) -> dict[str, Any]:
    """Verify the sha256 of a file's text and return its body in the current schema.

    ``verify=False`` is for a text that was verified before.

    Raises DamageError for text that is truncated, corrupted or not a body, and UserError, which names ``where``, for a
    schema newer than this genbench's. Files of schema 1 may lack the sha256.
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
        raise UserError(
            f"{where}: schema {version} is newer than this genbench, which knows {SCHEMA_VERSION}; "
            "try: pip install -U genbench"
        )
    if verify and ("sha256" in body or version > 1):
        _verify(body)
    migrated: dict[str, Any] = body
    for older in range(version, SCHEMA_VERSION):
        migrated = MIGRATIONS[older](migrated)
    return migrated


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number in JSON")


def _verify(body: Mapping[str, Any]) -> None:
    stated, found = body.get("sha256"), digest_of(body)
    if stated != found:
        raise DamageError(f"its sha256 is {found[:12]}.., it states {str(stated)[:12]}..: it was changed or damaged")


def _from_1(body: dict[str, Any]) -> dict[str, Any]:
    """Add the fields that are new in schema 2: a record's identity, or a run's sessions after the first."""
    new: dict[str, Any] = {"sessions": []} if "cells" in body and "key" not in body else {"identity": None}
    return {**new, **body, "schema_version": 2}


def _from_2(body: dict[str, Any]) -> dict[str, Any]:
    """Add the fields of scores that are new in schema 3; without replicates, models are compared unpaired."""
    new: dict[str, Any] = {"schema_version": 3}
    if isinstance(body.get("scores"), list):
        fields: dict[str, Any] = {"copying": False, "replicates": None}
        new["scores"] = [{**fields, **score} if isinstance(score, dict) else score for score in body["scores"]]
    return {**body, **new}


MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
