"""Select what a resumed run reuses of an earlier one: records, or the samples of cells whose scores are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbench.errors import UserError, suggestion
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.record.evidence_file import DIGEST_FIELDS, damage_of, evidence_path
from genbench.record.score import column_of, metric_failed
from genbench.record.status import Status
from genbench.record.store import cell_folder

Record = dict[str, Any]
FAILURE_STATUSES = tuple(status.value for status in Status if status.failed)
# the fields of a record that are known before its scores, and those on the conditions of its timings
FIT_FIELDS = (
    "fingerprint", "sizes", "shape", "notes", "timings", "trace", "facts", "checks", "session", "shared", "busy",
    "threads", "machine", "usage", "device", *DIGEST_FIELDS,
)  # fmt: skip


@dataclass
class Reusable:
    """Results of an earlier run that a resumed one reuses.

    ``finished`` are records that are kept as they are; ``sampled`` maps the key of a cell whose scores must be computed
    to the fields that its record had before its scores.
    """

    finished: list[Record] = field(default_factory=list)
    sampled: dict[str, Record] = field(default_factory=dict)


def parse_retry(text: str) -> frozenset[str]:
    """Return the statuses that ``--retry`` names: ``failed`` is all failures, ``timeout,oom`` two; raises UserError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FAILURE_STATUSES:
            hint = suggestion(name, FAILURE_STATUSES) or f"; expected some of {', '.join(FAILURE_STATUSES)}"
            raise UserError(f"--retry {text}: no status {name!r}{hint}")
    if not names:
        raise UserError(f"--retry {text!r}: expected failed, or some of {', '.join(FAILURE_STATUSES)}")
    return frozenset(FAILURE_STATUSES if "failed" in names else names)


def select_reusable(
    records: Iterable[Record], cells: Iterable[Cell], run: Path, *, retry: frozenset[str], limits: Limits
) -> Reusable:
    """Return what these cells can reuse of the ``records`` of a run.

    A failed cell would fail again, so that its record is kept like that of a successful one, unless its status is one
    of ``retry`` or the limit that it exceeded has been raised. Interrupted and lost cells always run again, and those
    whose samples are not what their record states.
    """
    planned, reusable = {cell.key: cell for cell in cells}, Reusable()
    for record in records:
        cell = planned.get(record["key"])
        if cell is None:
            continue
        scored = record.get("phase") == "score"
        repeat = _limit_raised(record, limits) or (bool(retry) and _has_failed_metric(record, cell))
        status = Status(record["status"])
        file = evidence_path(cell_folder(run, cell.key))
        present, damaged = file.is_file(), scored and file.is_file() and damage_of(file, record) != ""
        keep = status.finished and status not in retry and not repeat and not damaged
        if keep and (not scored or _has_scores(record, cell)):
            reusable.finished.append(record)
        elif scored and present and not damaged:
            reusable.sampled[cell.key] = {name: record[name] for name in FIT_FIELDS if name in record}
    return reusable


def _has_scores(record: Record, cell: Cell) -> bool:
    measures = record.get("metrics", {})
    return bool(
        cell.measures.items() <= measures.items() if record["status"] == Status.OK else cell.measures == measures
    )


def _has_failed_metric(record: Record, cell: Cell) -> bool:
    """Return whether a metric of the cell raised an error."""
    scores = {column_of(score): score for score in record.get("scores") or ()}
    return any(metric_failed(scores[metric.label]) for metric in cell.metrics if metric.label in scores)


def _limit_raised(record: Record, limits: Limits) -> bool:
    """Return whether the limit that a cell exceeded is higher now, or is no longer set."""
    name = {"timeout": "timeout_s", "oom": "memory_mb"}.get(record["status"])
    if name is None:
        return False
    limits_before: Mapping[str, float | None] = record.get("limits") or {}
    before, now = limits_before.get(name), limits.as_dict()[name]
    return before is not None and (now is None or now > before)
