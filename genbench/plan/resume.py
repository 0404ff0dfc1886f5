"""What of an earlier run is used again: whole records, or the samples of a cell whose scores are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbench.errors import UserError, suggestion
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.record.score import column_of, metric_failed
from genbench.record.status import Status
from genbench.record.store import cell_folder

__all__ = ["Earlier", "Record", "parse_retry", "sort_out"]

Record = dict[str, Any]
FAILURES = tuple(status.value for status in Status if status.failed)
# what a record has from before its scores, and where, when and in which company its timings were taken
FITTED = ("fingerprint", "sizes", "shape", "notes", "timings", "trace", "checks", "session", "shared", "threads",
          "machine", "usage", "device")  # fmt: skip


@dataclass
class Earlier:
    """``finished`` are records that stand; ``sampled`` maps a key to what is known of a cell that only lacks scores."""

    finished: list[Record] = field(default_factory=list)
    sampled: dict[str, Record] = field(default_factory=dict)


def parse_retry(text: str) -> frozenset[str]:
    """Return the statuses that ``failed`` (all that went wrong) or ``timeout,oom`` names; raises UserError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FAILURES:
            hint = suggestion(name, FAILURES) or f"; expected out of {', '.join(FAILURES)}"
            raise UserError(f"--retry {text}: no status {name!r}{hint}")
    if not names:
        raise UserError(f"--retry {text!r}: expected failed, or some of {', '.join(FAILURES)}")
    return frozenset(FAILURES if "failed" in names else names)


def sort_out(
    records: Iterable[Record], cells: Iterable[Cell], run: Path, *, retry: frozenset[str], limits: Limits
) -> Earlier:
    """Return what stands of ``records`` for these cells.

    A failure stands like a success, unless its status is to be retried, or it ran into a limit that was raised since:
    the same cell would fail again. What was interrupted or lost never stands.
    """
    planned, earlier = {cell.key: cell for cell in cells}, Earlier()
    for record in records:
        cell = planned.get(record["key"])
        if cell is None:
            continue
        scored = record.get("phase") == "score"
        again = _raised(record, limits) or (bool(retry) and _lost_scores(record, cell))
        status = Status(record["status"])
        stands = status.finished and status not in retry and not again
        if stands and (not scored or _has_scores(record, cell)):
            earlier.finished.append(record)
        elif scored and (cell_folder(run, cell.key) / "samples.npz").is_file():
            earlier.sampled[cell.key] = {name: record[name] for name in FITTED if name in record}
    return earlier


def _has_scores(record: Record, cell: Cell) -> bool:
    had = record.get("metrics", {})
    return bool(cell.measures.items() <= had.items() if record["status"] == Status.OK else cell.measures == had)


def _lost_scores(record: Record, cell: Cell) -> bool:
    """Whether a metric that is asked for raised."""
    scores = {column_of(score): score for score in record.get("scores") or ()}
    return any(metric_failed(scores[metric.label]) for metric in cell.metrics if metric.label in scores)


def _raised(record: Record, limits: Limits) -> bool:
    name = {"timeout": "timeout_s", "oom": "memory_mb"}.get(record["status"])
    if name is None:
        return False
    before: Mapping[str, float | None] = record.get("limits") or {}
    then, now = before.get(name), limits.as_dict()[name]
    return then is not None and (now is None or now > then)
