"""The precision of training: what ``--precision`` means on a machine, resolved once for a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.record.store import read_run

__all__ = ["FP32", "KINDS_IN_BF16", "PRECISIONS", "kinds_in_bf16", "recorded_kinds"]

FP32 = "fp32"
KINDS_IN_BF16 = {"fp32": (), "bf16": ("vector", "image")}  # kinds of data whose models are trained in bf16
AUTO_KINDS = ("image",)  # of auto where the device multiplies in bf16: for vectors, networks are too small to gain
PRECISIONS = ("auto", *KINDS_IN_BF16)


def kinds_in_bf16(precision: str, *, native: bool) -> tuple[str, ...]:
    """Return the kinds of data whose models train in bf16; ``native`` is whether the device multiplies in bf16.

    Raises UserError for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise UserError(f"--precision {precision}: expected {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return KINDS_IN_BF16[precision] if precision != "auto" else AUTO_KINDS * native


def recorded_kinds(precision: str, run: str | Path | None) -> tuple[str, ...] | None:
    """Return what ``auto`` was resolved to in the run in this directory, to be resumed; None where it was not yet."""
    if precision != "auto" or run is None or not (Path(run) / "run.json").is_file():
        return None
    info = read_run(Path(run), [])
    for session in (info, *(info.get("sessions") or ())):
        request: Mapping[str, Any] = session.get("request") or {}
        if request.get("precision") == "auto":
            return tuple(map(str, request.get("bf16") or ()))
    return None
