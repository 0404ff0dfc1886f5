"""What a cell says of itself, taken for what it is: a plugin that writes into its process's pipes may say anything."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Any

from genbench.errors import CellError
from genbench.record.status import Status

__all__ = ["explain", "known_of", "outcome_of", "progress_of"]

FULL = (errno.ENOSPC, errno.EDQUOT)  # what a disk, or a user's share of it, says
OUT_OF_MEMORY = re.compile(  # how torch says so; numpy and Python raise MemoryError
    r"can't allocate memory|not enough memory: you tried to allocate|CUDA out of memory|MPS backend out of memory"
)

FITTED = {
    "fingerprint": str,
    "sizes": dict,
    "shape": list,
    "notes": list,
    "timings": dict,
    "trace": list,
    "checks": list,
}
OURS = frozenset(  # fields of a record that a cell has no say in
    ("schema_version", "key", "model", "label", "model_config", "density", "baseline", "dataset", "dataset_label",
     "dataset_config", "data_kind", "seed", "budget", "protocol", "identity", "provenance", "metrics", "status",
     "phase", "reason", "scores", "session", "machine", "device", "shared", "threads", "limits", "usage", "versions",
     "jobs", "started", "ended", "attempt", "sha256", "rescored", "trained", "source")
)  # fmt: skip
NOTHING_SOUND = {
    "error": {"status": "invalid", "reason": "what it told of its end is no result: a plugin wrote over it"}
}


def outcome_of(stage: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"result": ..}`` or ``{"error": ..}`` of a ``fit`` or a ``score``, as it was told if that can be one."""
    error, result = told.get("error"), told.get("result")
    if isinstance(error, dict):
        status, reason = error.get("status"), error.get("reason")
        if status in set(Status) - {Status.OK} and isinstance(reason, str):
            return {"error": {"status": status, "reason": reason}}
    elif stage == "fit" and isinstance(result, dict) and _all_are(result, FITTED):
        return {"result": {name: value for name, value in result.items() if name not in OURS}}
    elif stage == "score" and isinstance(result, list) and all(map(_is_score, result)):
        return {"result": result}
    return NOTHING_SOUND


def _all_are(told: Mapping[str, Any], kinds: Mapping[str, type]) -> bool:
    whole = all(isinstance(told.get(name), kind) for name, kind in kinds.items())
    return whole and all(_are_numbers(told[name]) for name in ("sizes", "timings"))


def _are_numbers(told: Mapping[str, Any]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in told.values())


def _is_score(told: object) -> bool:
    return (
        isinstance(told, dict)
        and isinstance(told.get("metric"), str)
        and isinstance(told.get("seconds"), (int, float))
        and isinstance(told.get("warnings", []), list)
    )


def known_of(news: object) -> dict[str, Any]:
    """Return the fields of the record that news of the progress hold: ``known``, and the ``timings`` so far."""
    if not isinstance(news, dict):
        return {}
    known, timings = news.get("known"), news.get("timings")
    found = {name: value for name, value in known.items() if name not in OURS} if isinstance(known, dict) else {}
    found = {name: value for name, value in found.items() if isinstance(value, FITTED.get(name, object))}
    return {**found, "timings": timings} if isinstance(timings, dict) and _are_numbers(timings) else found


def progress_of(news: object) -> dict[str, Any] | None:
    """Return ``phase`` and, where told, ``step``, ``steps`` and ``values``; None where that is no progress."""
    if not isinstance(news, dict) or not isinstance(news.get("phase"), str):
        return None
    told: dict[str, Any] = {"phase": news["phase"]}
    told |= {name: news[name] for name in ("step", "steps") if isinstance(news.get(name), (int, float))}
    if isinstance(values := news.get("values"), dict):
        told["values"] = {name: value for name, value in values.items() if isinstance(value, (int, float))}
    return told


def explain(error: BaseException) -> dict[str, str]:
    """Return the status and the reason, one line, of what ended a cell."""
    status = error.status if isinstance(error, CellError) else Status.FAILED
    reason = _one_line(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _says_out_of_memory(error, reason)):
        status = Status.OOM
    if isinstance(error, OSError) and error.errno in FULL:
        reason += "; make room, then --retry failed runs it again"
    return {"status": status, "reason": reason}


def _says_out_of_memory(error: RuntimeError, reason: str) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or OUT_OF_MEMORY.search(reason) is not None


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except BaseException:  # an exception of a plugin may fail to say what it is
        text = ""
    name = type(error).__name__
    return (text if isinstance(error, CellError) else f"{name}: {text}" if text else name)[:2000]
