"""What several metrics of the same samples need, computed once and forgotten when other samples are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from genbench.protocol import Evidence

__all__ = ["of_samples"]

T = TypeVar("T")


def of_samples(evidence: Evidence, key: object, compute: Callable[[], T]) -> T:
    """Return ``compute()``, remembered under ``key`` beside the real rows until other samples are scored."""
    kept: dict[Any, Any] = evidence.real.once("latest samples", dict)
    if kept.get("samples") is not evidence.fake:
        kept.clear()
        kept["samples"] = evidence.fake
    if key not in kept:
        kept[key] = compute()
    value: T = kept[key]
    return value
