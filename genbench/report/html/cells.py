"""The cells of a report: status, cost, scores, the end of the log, and the command that reproduces the cell."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.record.evidence_file import damage_of, evidence_path
from genbench.record.regular_file import open_regular
from genbench.record.score import column_of
from genbench.record.store import Record, cell_folder
from genbench.report.html.replay import command_of
from genbench.report.numbers import round_number
from genbench.report.text import clean
from genbench.table.summary import deduplicate
from genbench.text import duration

MAX_LOG_CHARS = 4_000
ANSI_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")


@dataclass(frozen=True)
class CellView:
    """One cell as a page shows it; all fields are text."""

    key: str
    label: str
    dataset: str
    seed: str
    status: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    scores: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]
    log: str
    cut: bool  # whether the log is longer
    command: str


def cells_of(
    records: Iterable[Record], folders: Mapping[str, Path], about: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str, list[CellView]]]:
    """Return for each dataset its name, the number of cells by status, and the cells, in the order of the plan.

    ``about`` maps the name of a run to its ``run.json``.
    """
    groups: dict[str, list[CellView]] = {}
    for record in deduplicate(records):
        run = str(record.get("run"))
        view = _view(record, folders.get(run), about.get(run) or {})
        groups.setdefault(view.dataset, []).append(view)
    return [(dataset, _statuses(views), views) for dataset, views in groups.items()]


def _view(record: Record, folder: Path | None, about: Mapping[str, Any]) -> CellView:
    log, cut = log_of(folder, record["key"]) if folder is not None else ("", False)
    timings = record.get("timings") or {}
    fit_s = timings.get("fit_s")
    parts = [f"trained in {duration(fit_s)}" if isinstance(fit_s, float) and fit_s >= 1 else "",
            clean(record.get("reason") or "", 160)]  # fmt: skip
    return CellView(
        record["key"],
        clean(record.get("label") or record["model"]),
        clean(record.get("dataset_label") or record["dataset"]),
        clean(record.get("seed")),
        record["status"],
        "; ".join(text for text in parts if text),
        tuple(_facts(record)),
        tuple(_score(score) for score in record.get("scores") or ()),
        (*_damage(record, folder), *_remarks(record)),
        log,
        cut,
        command_of(record, about),
    )


def _facts(record: Record) -> Iterable[tuple[str, str]]:
    where = f", while in {clean(record['phase'])}" if record.get("phase") and record["status"] != "ok" else ""
    yield "status", record["status"] + where
    if record.get("reason"):
        yield "reason", clean(record["reason"], 2000)
    for name in (
        "budget",
        "device",
        "precision",
        "threads",
        "density",
        "fingerprint",
        "started",
        "ended",
        "attempt",
        "run",
    ):
        if record.get(name) not in (None, ""):
            yield name, clean(record[name])
    for name, key in (("model options", "model_config"), ("dataset options", "dataset_config"), ("rows", "sizes")):
        if record.get(key):
            yield name, clean(", ".join(f"{k}={v}" for k, v in record[key].items()), 1000)
    source = record.get("provenance") or {}
    yield "provided by", clean(" ".join(str(source.get(name) or "") for name in ("distribution", "version", "plugin")))
    for name, value in (record.get("timings") or {}).items():
        if isinstance(value, (int, float)):
            yield clean(name), str(round_number(value, digits=4))
    for name, value in (record.get("facts") or {}).items():
        if isinstance(value, (int, float)):
            yield clean(f"fact: {name}"), str(round_number(value, digits=4))


def _score(score: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = score.get("low"), score.get("high")
    interval = f"[{_number(low)}, {_number(high)}]" if _number(low) + _number(high) else ""
    warnings = clean("; ".join(map(str, score.get("warnings") or ())), 200)
    numbers = (_number(score.get("value")) or "–", interval, _number(score.get("floor")), _number(score.get("z"), 3))
    return (clean(column_of(score), 60), *numbers, warnings)


def _number(value: Any, digits: int = 4) -> str:
    return str(round_number(float(value), digits=digits)) if isinstance(value, (int, float)) else ""


def _damage(record: Record, folder: Path | None) -> Iterable[str]:
    """Yield that the samples of a cell are not what its record states, if that is so."""
    file = None if folder is None else evidence_path(cell_folder(folder, record["key"]))
    if file is not None and record.get("phase") == "score" and file.is_file() and (reason := damage_of(file, record)):
        yield clean(f"samples.npz is damaged, and is not shown: {reason}", 1000)


def _remarks(record: Record) -> Iterable[str]:
    for check in record.get("checks") or ():
        if isinstance(check, Mapping):
            passed = "passed" if check.get("passed") else "failed"
            yield clean(f"check {check.get('name')}: {passed} {check.get('reason') or ''}")
    for note in list(record.get("notes") or ())[:8]:
        yield clean(f"note: {note}")


def log_of(folder: Path, key: str) -> tuple[str, bool]:
    """Return the end of a cell's log without control characters, and whether the log is longer."""
    try:
        with open_regular(cell_folder(folder, key) / "log.txt", follow=False) as file:  # a link may lead anywhere
            size = file.seek(0, 2)
            file.seek(max(0, size - 4 * MAX_LOG_CHARS))
            text = file.read(4 * MAX_LOG_CHARS).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return "", False
    text = ANSI_ESCAPE.sub("", text.replace("\r\n", "\n"))
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C").strip()
    return text[-MAX_LOG_CHARS:], len(text) > MAX_LOG_CHARS or size > 4 * MAX_LOG_CHARS


def _statuses(cells: Sequence[CellView]) -> str:
    """Return the number of cells of each status: ``18 ok, 1 failed``."""
    return ", ".join(f"{n} {status}" for status, n in Counter(cell.status for cell in cells).items())
