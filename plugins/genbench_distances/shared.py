"""A cache of what several metrics of the same samples need, cleared when other samples are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from genbench.protocol import Evidence

__all__ = ["of_samples"]

T = TypeVar("T")


def of_samples(evidence: Evidence, key: object, compute: Callable[[], T]) -> T:
    """Return ``compute()``, kept under ``key`` with the real rows until other samples are scored."""
    cache: dict[Any, Any] = evidence.real.once("latest samples", dict)
    if cache.get("samples") is not evidence.fake:
        cache.clear()
        cache["samples"] = evidence.fake
    if key not in cache:
        cache[key] = compute()
    value: T = cache[key]
    return value
