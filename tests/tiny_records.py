"""Records of a few fields, as the store keeps them."""

from __future__ import annotations


def done(key: str, **fields) -> dict:
    return {"key": key, "model": "vae", "dataset": "ring", "status": "ok", **fields}


WHOLE = {"schema_version": 1, "key": "aa11", "attempt": 2, "model": "vae", "dataset": "ring", "status": "ok"}
