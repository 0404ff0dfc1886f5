"""Runs a plan: which cell goes where and when, what is kept of each, and who hears of it."""

from __future__ import annotations

import collections
import datetime
import hashlib
import importlib.metadata
import multiprocessing.connection
import os
import platform
import time
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import genbench
from genbench.config import canonical
from genbench.errors import PluginError, UserError
from genbench.plan import REAL, Cell, Plan
from genbench.record import SCHEMA_VERSION, cell_folder, read_records, write_json, write_record
from genbench.registry import Registry
from genbench.spec import MetricSpec
from genbench.worker import Task, Worker, probe_device, start_server

__all__ = ["Observer", "Session", "Silent", "device_of"]

Record = dict[str, Any]
FITTED = ("fingerprint", "sizes", "shape", "notes", "timings", "trace")  # what a record has from before its scores
LIBRARIES = ("genbench", "torch", "numpy", "scipy", "pandas", "scikit-learn", "POT")


class Observer(Protocol):
    """Who hears of a session while it runs."""

    def began(self, plan: Plan, reused: int) -> None:
        """Hear of the plan, and how many of its cells were found finished."""
        ...

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Hear of the phase of a cell: ``phase``, and where there are any ``step``, ``steps``, ``values``."""
        ...

    def finished(self, record: Record) -> None:
        """Hear of a cell that ended, well or not."""
        ...


class Silent:
    """An observer that says nothing."""

    def began(self, plan: Plan, reused: int) -> None:
        """Say nothing."""

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Say nothing."""

    def finished(self, record: Record) -> None:
        """Say nothing."""


def device_of(name: str) -> str:
    """Return the device that a name means here, as ``cpu`` or ``cuda:0``; raises UserError where it is absent."""
    if name == "cpu":
        return name
    error, device = probe_device(start_server(), name)
    if error:
        raise UserError(error)
    return device


class Session:
    """One run of a plan into a directory."""

    def __init__(
        self,
        plan: Plan,
        registry: Registry,
        directory: Path,
        *,
        jobs: int = 1,
        timeout: float | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.plan = plan
        self.registry = registry
        self.directory = directory
        self.jobs = jobs
        self.timeout = timeout
        self.observer: Observer = observer or Silent()
        self.interrupted = False
        self._records: dict[str, Record] = {}
        self._sampled: dict[str, Record] = {}  # what an earlier run trained: only its scores are missing
        self._fits: dict[str, Record] = {}  # what the fit of a cell gave, until it is scored
        self._floors: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._started: dict[str, str] = {}

    def run(self) -> list[Record]:
        """Run every cell that has no good record yet, and return the records of the plan in its order.

        Each cell is trained in one process and scored in another. What goes wrong in a cell is its record. Ctrl-C ends
        the running cells, records them as interrupted and returns what there is, with ``interrupted`` set.
        """
        self._open()
        todo = [cell for cell in self.plan.cells if cell.key not in self._records]
        self.observer.began(self.plan, len(self.plan.cells) - len(todo))
        if todo:
            self._run_all(todo)
        records = [self._records[cell.key] for cell in self.plan.cells if cell.key in self._records]
        self._tell("genbench_session_finished", records=records)
        return records

    def _open(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            before = read_records(self.directory) if (self.directory / "run.json").is_file() else []
            cells = list(dict.fromkeys([r["key"] for r in before] + [c.key for c in self.plan.cells]))
            write_json(self.directory / "run.json", {**self._about(), "cells": cells})
        except OSError as error:
            raise UserError(
                f"--out {self.directory}: cannot be written ({error.strerror}); choose another directory"
            ) from None
        planned = {cell.key: cell for cell in self.plan.cells}
        for record in before:
            cell = planned.get(record["key"])
            if cell is None or record.get("phase") != "score":
                continue
            if record["status"] == "ok" and _metrics(cell).items() <= record.get("metrics", {}).items():
                self._keep(record)
            elif (cell_folder(self.directory, cell.key) / "samples.npz").is_file():
                self._sampled[cell.key] = {name: record[name] for name in FITTED if name in record}

    def _about(self) -> Record:
        return {
            "schema_version": SCHEMA_VERSION,
            "created": _now(),
            "request": self.plan.request,
            "skipped": [skip.as_dict() for skip in self.plan.skips],
            "machine": machine(),
            "versions": versions(),
            "jobs": self.jobs,
        }

    # ------------------------------------------------------------------------------------------------------- the loop

    def _run_all(self, todo: list[Cell]) -> None:
        context = start_server()
        waiting = collections.deque(Task("fit", cell, self.directory) for cell in todo if cell.key not in self._sampled)
        # waits for the floors of its dataset and seed
        fitted = [(cell, self._sampled[cell.key]) for cell in todo if cell.key in self._sampled]
        running: list[Worker] = []
        try:
            while waiting or running or fitted:
                for cell, part in [pair for pair in fitted if self._floors_known(pair[0])]:
                    fitted.remove((cell, part))
                    floors = self._floors.get((cell.dataset.identity, cell.seed))
                    self._fits[cell.key] = part
                    waiting.appendleft(Task("score", cell, self.directory, part["timings"], floors))
                while waiting and len(running) < self.jobs:
                    running += self._start(context, waiting.popleft())
                handles = [handle for worker in running for handle in worker.handles]
                multiprocessing.connection.wait(handles, timeout=0.2)
                for worker in list(running):
                    ended = worker.listen()
                    self.observer.progressed(worker.task.cell, worker.progress)
                    if ended:
                        running.remove(worker)
                        self._ended(worker, fitted)
        except KeyboardInterrupt:
            self.interrupted = True
            for worker in running:
                worker.outcome = {"error": {"status": "interrupted", "reason": "stopped by the user"}}
                worker.end()
                self._ended(worker, fitted)
            trained = [*fitted, *((cell, self._fits[cell.key]) for cell in todo if cell.key in self._fits)]
            for cell, part in trained:
                why = "stopped by the user before it was scored"
                self._close(cell, {**part, "status": "interrupted", "phase": "score", "reason": why})

    def _start(self, context: Any, task: Task) -> list[Worker]:
        self._started.setdefault(task.cell.key, _now())
        try:
            return [Worker(context, task, self.plan.plugin_files, self.timeout)]
        except PluginError as error:
            self._close(task.cell, {"phase": "start", "reason": str(error)})
            return []

    def _floors_known(self, cell: Cell) -> bool:
        if cell.model.name == REAL or (cell.dataset.identity, cell.seed) in self._floors:
            return True
        return not any(
            c.model.name == REAL and c.dataset.identity == cell.dataset.identity and c.seed == cell.seed
            for c in self.plan.cells
        )

    def _ended(self, worker: Worker, fitted: list[tuple[Cell, Record]]) -> None:
        task, outcome = worker.task, worker.outcome or {}
        part = self._fits.pop(task.cell.key, None) or {**worker.known, "timings": worker.known.get("timings", {})}
        if "error" in outcome:
            self._close(task.cell, {**part, **outcome["error"], "phase": worker.progress.get("phase")})
        elif task.stage == "fit":
            fitted.append((task.cell, outcome["result"]))
        else:
            timings = {**part["timings"], "score_s": sum(score["seconds"] for score in outcome["result"])}
            self._close(
                task.cell, {**part, "timings": timings, "status": "ok", "phase": "score", "scores": outcome["result"]}
            )

    # ---------------------------------------------------------------------------------------------------- the records

    def _close(self, cell: Cell, what: Mapping[str, Any]) -> None:
        record: Record = {
            "schema_version": SCHEMA_VERSION,
            **cell.as_dict(),
            "metrics": _metrics(cell),
            "status": "failed",
            "phase": None,
            "reason": "",
            "timings": {},
            "scores": [],
            **what,
            "machine": machine(),
            "versions": versions(),
            "jobs": self.jobs,
            "started": self._started.get(cell.key),
            "ended": _now(),
        }
        try:
            write_record(self.directory, record)
        except OSError as error:
            raise UserError(
                f"{cell_folder(self.directory, cell.key)}: the record cannot be written ({error.strerror}); those "
                f"written so far are intact; make room and run the same command with --out {self.directory} to go on"
            ) from None
        self._keep(record)
        self.observer.finished(record)
        self._tell("genbench_cell_finished", record=record)

    def _keep(self, record: Record) -> None:
        self._records[record["key"]] = record
        if record["model"] == REAL:
            cell = next(cell for cell in self.plan.cells if cell.key == record["key"])
            scores = {score["metric"]: score for score in record["scores"]}
            self._floors[cell.dataset.identity, cell.seed] = scores

    def _tell(self, hook: str, **what: Any) -> None:
        for problem in self.registry.notify(hook, **what):
            with (self.directory / "observers.log").open("a", encoding="utf-8") as log:
                log.write(problem + "\n")


def _metrics(cell: Cell) -> dict[str, Any]:
    """Return what the scores of a cell depend on besides its samples."""
    return {
        choice.name: {"version": choice.spec.version, "config": canonical(choice.config)}
        for choice in cell.metrics
        if isinstance(choice.spec, MetricSpec)
    }


def machine() -> Record:
    """Return what of this machine a timing depends on."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "id": hashlib.sha256(f"genbench {uuid.getnode()}".encode()).hexdigest()[:12],
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of the libraries that a result depends on, read from metadata."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = getattr(genbench, "__version__", None) if name == "genbench" else None
    return found


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def default_directory(root: Path = Path("results")) -> Path:
    """Return a directory for a new run, named by the time and not there yet."""
    name = time.strftime("run-%Y%m%d-%H%M%S")
    names = (name, *(f"{name}-{i}" for i in range(2, 10_000)))
    return next(root / each for each in names if not (root / each).exists())
