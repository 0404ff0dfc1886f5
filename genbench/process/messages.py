"""Validate the messages that a cell's process sends: a plugin that writes into its pipe may send anything."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import Any

from genbench.errors import CellError
from genbench.record.status import STATUSES, Status

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
OUT_OF_MEMORY_PATTERN = re.compile(  # in messages of torch; numpy and Python raise MemoryError
    r"can't allocate memory|not enough memory: you tried to allocate|CUDA out of memory|MPS backend out of memory"
)

FIT_RESULT_TYPES = {
    "fingerprint": str,
    "sizes": dict,
    "shape": list,
    "notes": list,
    "timings": dict,
    "trace": list,
    "facts": dict,
    "checks": list,
}
RESERVED_FIELDS = frozenset(  # of a record, which a cell's process cannot set
    ("schema_version", "key", "model", "label", "model_config", "density", "baseline", "dataset", "dataset_label",
     "dataset_config", "data_kind", "seed", "budget", "protocol", "identity", "provenance", "metrics", "status",
     "phase", "reason", "scores", "session", "machine", "device", "shared", "busy", "threads", "limits", "usage",
     "versions", "jobs", "started", "ended", "attempt", "sha256", "rescored", "trained", "source")
)  # fmt: skip
INVALID_OUTCOME = {
    "error": {"status": "invalid", "reason": "its process sent no valid result: a plugin has written into its pipe"}
}


def outcome_of(stage: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"result": ..}`` or ``{"error": ..}`` of a ``fit`` or a ``score``: the message, if that is valid."""
    error, result = message.get("error"), message.get("result")
    if isinstance(error, dict):
        status, reason = error.get("status"), error.get("reason")
        if status in STATUSES and status != Status.OK and isinstance(reason, str):
            return {"error": {"status": status, "reason": reason}}
    elif stage == "fit" and isinstance(result, dict) and _is_fit_result(result):
        return {"result": {name: value for name, value in result.items() if name not in RESERVED_FIELDS}}
    elif stage == "score" and isinstance(result, list) and all(map(_is_score, result)):
        return {"result": result}
    return INVALID_OUTCOME


def _is_fit_result(value: Mapping[str, Any]) -> bool:
    complete = all(isinstance(value.get(name), kind) for name, kind in FIT_RESULT_TYPES.items())
    return complete and all(_are_numbers(value[name]) for name in ("sizes", "timings", "facts"))


def _are_numbers(values: Mapping[str, Any]) -> bool:
    return all(value is None or isinstance(value, (int, float)) for value in values.values())


def _is_score(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("metric"), str)
        and isinstance(value.get("seconds"), (int, float))
        and isinstance(value.get("warnings", []), list)
    )


def known_of(message: object) -> dict[str, Any]:
    """Return the valid fields of a record in a progress message: ``known``, and the ``timings`` so far."""
    if not isinstance(message, dict):
        return {}
    known, timings = message.get("known"), message.get("timings")
    fields = known.items() if isinstance(known, dict) else ()
    found = {
        name: value
        for name, value in fields
        if name not in RESERVED_FIELDS and isinstance(value, FIT_RESULT_TYPES.get(name, object))
    }
    return {**found, "timings": timings} if isinstance(timings, dict) and _are_numbers(timings) else found


def progress_of(message: object) -> dict[str, Any] | None:
    """Return ``phase`` and, where given, ``step``, ``steps`` and ``values`` of a progress message; None if invalid."""
    if not isinstance(message, dict) or not isinstance(message.get("phase"), str):
        return None
    progress: dict[str, Any] = {"phase": message["phase"]}
    progress |= {name: message[name] for name in ("step", "steps") if isinstance(message.get(name), (int, float))}
    if isinstance(values := message.get("values"), dict):
        progress["values"] = {name: value for name, value in values.items() if isinstance(value, (int, float))}
    return progress


def score_of(message: object) -> dict[str, Any] | None:
    """Return the valid score in a progress message; None if there is none."""
    score = message.get("score") if isinstance(message, dict) else None
    return score if isinstance(score, dict) and _is_score(score) else None


def explain(error: BaseException) -> dict[str, str]:
    """Return the ``status`` and the ``reason``, one line, of a cell that ended with an exception."""
    status = error.status if isinstance(error, CellError) else Status.FAILED
    reason = _one_line(error)
    from_torch = type(error).__name__ == "OutOfMemoryError" or OUT_OF_MEMORY_PATTERN.search(reason) is not None
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and from_torch):
        status = Status.OOM
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS:
        reason += "; make room, then --retry failed runs it again"
    return {"status": status, "reason": reason}


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except BaseException:  # __str__ of a plugin's exception may raise
        text = ""
    name = type(error).__name__
    return (text if isinstance(error, CellError) else f"{name}: {text}" if text else name)[:2000]
