"""Runs a plan: which cell goes where and when, what is kept of each, and who hears of it."""

from __future__ import annotations

import collections
import contextlib
import datetime
import multiprocessing.connection
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genbench.errors import PluginError, UserError
from genbench.executor.base import Executor, Places, Running
from genbench.executor.in_process import InProcess
from genbench.executor.slots import Slot, Slots
from genbench.executor.zygote_pool import ZygotePool
from genbench.plan.cell import REAL, Cell, data_of
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.plan.resume import Earlier, Record, sort_out
from genbench.process.launch import context_for, stop_server
from genbench.process.task import THREADS, Task
from genbench.record.environment import commit, cores, machine, versions
from genbench.record.integrity import SCHEMA_VERSION
from genbench.record.run_directory import open_run
from genbench.record.score import column_of
from genbench.record.store import Damage, cell_folder, write_record
from genbench.registry.registry import Registry
from genbench.session.interrupts import Stop
from genbench.session.observers import Observer, Silent

__all__ = ["Observer", "Session", "Silent"]

PATIENCE = 2.0  # seconds for cells to end when the user stops the run


class Session:
    """One run of a plan into a directory.

    ``limits`` hold for a cell: its deadline is one for training, sampling and scoring together, the time between them
    left out; of samples that a finished cell has, only for the scoring. ``isolation`` is ``process`` or ``none``, which
    runs all in this process, for debuggers. ``force`` runs everything again, ``retry`` the cells that
    ended in one of these statuses. ``method`` starts the processes: by default ``forkserver`` on the processor, else
    ``spawn``. ``meanwhile`` is called once while the first of them starts, which takes seconds.
    ``executor`` runs the cells on other machines; what this one has of jobs, isolation and devices is not used then.
    """

    def __init__(
        self,
        plan: Plan,
        registry: Registry,
        directory: Path,
        *,
        jobs: int = 1,
        limits: Limits | None = None,
        isolation: str = "process",
        force: bool = False,
        retry: frozenset[str] = frozenset(),
        method: str | None = None,
        observer: Observer | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        executor: Executor | None = None,
    ) -> None:
        self.plan = plan
        self.registry = registry
        self.directory = directory
        self.jobs = executor.jobs if executor is not None else jobs if isolation == "process" else 1
        self.limits = limits or Limits()
        self.isolation = isolation
        self.force = force
        self.retry = retry
        self.method = method
        self.meanwhile = meanwhile
        self.observer: Observer = observer or Silent()
        self.name = uuid.uuid4().hex[:12]
        self.executor = executor
        self.stopped = 0  # the signal that stopped it
        self.gone = ""  # why other machines could run no more cells
        self.damaged: list[Damage] = []  # files of an earlier run that were set aside
        self._devices = plan.cells[0].device.split(",") if plan.cells else ["cpu"]
        self._floored = {data_of(cell) for cell in plan.cells if cell.model.name == REAL}
        self._cells = {cell.key: cell for cell in plan.cells}
        self._records: dict[str, Record] = {}
        self._before: dict[str, Record] = {}
        self._fits: dict[str, Record] = {}  # what the fit of a cell gave, until it is scored
        self._spent: dict[str, float] = {}  # seconds of the deadline of a cell that its fit took
        self._floors: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._started: dict[str, str] = {}
        self._running: dict[Running, Slot] = {}
        self._hosts = ZygotePool(plan.plugin_files, self.limits)

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its end."""
        return self.stopped != 0

    def run(self) -> list[Record]:
        """Run every cell that has no record that stands, and return the records of the plan in its order.

        Each cell is trained in one process and scored in another. What goes wrong in a cell is its record. Ctrl-C,
        SIGTERM and SIGHUP end the running cells, record them as interrupted and return what there is, with ``stopped``
        set; cells that had not begun are returned as interrupted, too, and nothing is written of them. The second
        signal raises KeyboardInterrupt. Where the executor is ``gone``, the running cells are recorded as lost.
        """
        earlier = self._open()
        for record in earlier.finished:
            self._keep(record)
        todo = [cell for cell in self.plan.cells if cell.key not in self._records]
        self.observer.began(self.plan, earlier.finished)
        if todo:
            self._run_all(todo, earlier)
        records = [self._records.get(cell.key) or self._not_run(cell) for cell in self.plan.cells]
        self._tell("genbench_session_finished", records=records)
        return records

    def _open(self) -> Earlier:
        try:
            before = open_run(self.directory, self._about(), [cell.key for cell in self.plan.cells], self.damaged)
        except OSError as error:
            raise UserError(
                f"--out {self.directory}: cannot be written ({error.strerror}); choose another directory"
            ) from None
        self._before = {record["key"]: record for record in before}
        if self.force:
            return Earlier()
        return sort_out(before, self.plan.cells, self.directory, retry=self.retry, limits=self.limits)

    def _about(self) -> Record:
        return {
            "schema_version": SCHEMA_VERSION,
            "created": _now(),
            "session": self.name,
            "request": self.plan.request,
            "skipped": [skip.as_dict() for skip in self.plan.skips],
            "machine": machine(),
            "versions": versions(),
            "commit": commit(),
            "jobs": self.jobs,
        }

    # ------------------------------------------------------------------------------------------------------- the loop

    def _run_all(self, todo: list[Cell], earlier: Earlier) -> None:
        slots: Places = self.executor or Slots(self._devices, self.jobs or 1, cores())
        fits = collections.deque(cell for cell in todo if cell.key not in earlier.sampled)
        scores = [cell for cell in todo if cell.key in earlier.sampled]
        self._fits.update(earlier.sampled)
        self._spent = {key: self._cells[key].spent(self._before[key]) for key in earlier.sampled}
        self._hosts.expect(todo)
        with self._stoppable() as stop:
            self._warm_up(stop)
            while (fits or scores or self._running) and not stop.number and not self.gone:
                while (task := self._next(fits, scores, slots)) and not stop.number:
                    self._start(*task, stop, slots)
                self._listen(stop, slots, scores)
                self.gone = "" if self.executor is None else self.executor.gone()
            self.stopped = stop.number
            if stop.number or self.gone:
                self._wind_up(stop, slots, scores)

    def _warm_up(self, stop: Stop) -> None:
        try:
            with stop.impatient():
                if self.executor is not None:
                    self.executor.open()
                elif self.isolation == "process":
                    context_for(self._devices[0], self.method)  # the fork server begins to import
        except KeyboardInterrupt:
            if stop.again or not stop.number:
                raise
        if not stop.number:
            self.meanwhile()  # to its end: a module whose import was interrupted may never be importable again

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[Stop]:
        """Hear of signals; whatever ends the session, leave no cell behind."""
        stop = Stop(listening=self.isolation == "process")
        try:
            with stop:
                yield stop
        except KeyboardInterrupt:
            self.stopped = self.stopped or stop.number or signal.SIGINT
            raise
        finally:
            for worker in self._running:
                worker.stop(at_once=True)
            self._hosts.close()
            if self.executor is not None:
                self.executor.close()
            elif self.stopped:
                stop_server()

    def _next(self, fits: collections.deque[Cell], scores: list[Cell], slots: Places) -> tuple[Task, Slot] | None:
        """Return what can begin now and where: scores before trainings, floors before what stands beside them."""
        cell = next((cell for cell in scores if self._floor_known(cell)), None)
        if cell is not None and (slot := slots.take("score")):
            scores.remove(cell)
            timings, floors = self._fits[cell.key].get("timings", {}), self._floors.get(data_of(cell))
            return Task("score", cell, self.directory, timings, floors, "cpu", self._spent.get(cell.key, 0.0)), slot
        if fits and (slot := slots.take("fit")):
            return Task("fit", fits.popleft(), self.directory, device=slot.device), slot
        return None

    def _floor_known(self, cell: Cell) -> bool:
        data = data_of(cell)
        return cell.model.name == REAL or data in self._floors or data not in self._floored

    def _start(self, task: Task, slot: Slot, stop: Stop, slots: Places) -> None:
        self._started.setdefault(task.cell.key, _now())
        try:
            if self.isolation == "none":
                self._running[InProcess(task, lambda news: self.observer.progressed(task.cell, news))] = slot
                return
            with stop.impatient():  # the fork server may still be importing
                self._running[self._begin(task, slot)] = slot
        except KeyboardInterrupt:
            slots.give(slot)
            if stop.again or not stop.number:
                raise
        except PluginError as error:
            slots.give(slot)
            self._close(task.cell, {"phase": "start", "reason": str(error)})

    def _begin(self, task: Task, slot: Slot) -> Running:
        if self.executor is not None:
            return self.executor.start(task, slot)
        return self._hosts.start(context_for(task.device, self.method), task)

    def _listen(self, stop: Stop, slots: Places, scores: list[Cell]) -> None:
        """Wait until something is said, and take in what was."""
        handles = [handle for worker in self._running for handle in worker.handles]
        if handles or not self._running:
            multiprocessing.connection.wait([*handles, stop.handle], timeout=0.2)
        for worker in list(self._running):
            ended = worker.listen()
            self.observer.progressed(worker.task.cell, worker.progress)
            if ended:
                slot = self._running.pop(worker)
                slots.give(slot)
                self._ended(worker, slot, scores)
            if isinstance(worker, InProcess) and worker.interrupted:
                stop.number = signal.SIGINT

    def _wind_up(self, stop: Stop, slots: Places, scores: list[Cell]) -> None:
        """End what is running and write down how far it came."""
        for worker in self._running:
            worker.stop()
        until = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < until:
            multiprocessing.connection.wait([handle for worker in self._running for handle in worker.handles], 0.2)
            self._listen(stop, slots, scores)
        for worker, slot in list(self._running.items()):
            worker.stop(at_once=True)
            worker.outcome = {"error": {"status": "interrupted", "reason": ""}}
            del self._running[worker]
            self._ended(worker, slot, scores)
        status, why = self._why_not()
        for key, part in list(self._fits.items()):
            end = {"status": status, "phase": "score", "reason": f"{why} before it was scored"}
            self._close(self._cells[key], {**part, **end})

    def _why_not(self) -> tuple[str, str]:
        """Return the status of a cell that the session left before its end, and why."""
        return ("lost", self.gone) if self.gone else ("interrupted", _stopped_by(self.stopped))

    def _ended(self, worker: Running, slot: Slot, scores: list[Cell]) -> None:
        task, outcome = worker.task, worker.outcome or {}
        cell = task.cell
        if self._hosts.ended(worker) and not self.stopped:
            scores.append(cell)  # again, in a process that begins afresh
            return
        if task.stage == "fit":
            part = {**worker.known, "timings": worker.known.get("timings", {}), **self._circumstances(slot)}
        else:
            part = self._fits.pop(cell.key)
        part["usage"] = {**part.get("usage", {}), task.stage: worker.usage}
        if "error" in outcome:
            error = dict(outcome["error"])
            if error["status"] == "interrupted":
                error["status"], error["reason"] = self._why_not()
            elif task.stage == "score":
                error["reason"] += _last_metric(cell, worker.progress.get("step"))
            self._close(cell, {**part, **error, "phase": worker.progress.get("phase")})
        elif task.stage == "fit":
            self._fits[cell.key] = {**part, **outcome["result"]}
            self._spent[cell.key] = worker.usage.get("wall_s", 0.0)
            scores.append(cell)
        else:
            timings = {**part["timings"], "score_s": sum(score["seconds"] for score in outcome["result"])}
            scored = {"status": "ok", "phase": "score", "scores": outcome["result"]}
            self._close(cell, {**part, "timings": timings, **scored})

    def _circumstances(self, slot: Slot) -> Record:
        """Return what a reader of the timings must know: they compare within one session, one machine, and unshared."""
        return {
            "session": self.name,
            "machine": slot.machine or machine(),
            "device": slot.device,
            "shared": slot.shared,
            "threads": THREADS,
        }

    # ---------------------------------------------------------------------------------------------------- the records

    def _close(self, cell: Cell, what: Mapping[str, Any]) -> None:
        record = self._record(cell, what)
        try:
            write_record(self.directory, record)
        except OSError as error:
            raise UserError(
                f"{cell_folder(self.directory, cell.key)}: the record cannot be written ({error.strerror}); those "
                f"written so far are intact; make room and run the same command with --out {self.directory} to go on"
            ) from None
        self._keep(record)
        self._hosts.done(cell)
        self.observer.finished(record)
        self._tell("genbench_cell_finished", record=record)

    def _record(self, cell: Cell, what: Mapping[str, Any]) -> Record:
        return {
            "schema_version": SCHEMA_VERSION,
            **cell.as_dict(),
            "metrics": cell.measures,
            "status": "failed",
            "phase": None,
            "reason": "",
            "timings": {},
            "scores": [],
            "session": self.name,
            "machine": machine(),
            "limits": self.limits.as_dict(),
            **what,
            "versions": versions(),
            "commit": commit(),
            "jobs": self.jobs,
            "started": self._started.get(cell.key),
            "ended": _now(),
        }

    def _not_run(self, cell: Cell) -> Record:
        """Return the row of a cell that the stopped run had not reached, or what an earlier run made of it."""
        status, why = self._why_not()
        not_begun = {"status": status, "reason": f"not begun: {why}", "attempt": 0}
        return self._before.get(cell.key) or self._record(cell, not_begun)

    def _keep(self, record: Record) -> None:
        self._records[record["key"]] = record
        if record["model"] == REAL:
            scores = {column_of(score): score for score in record["scores"]}
            self._floors[data_of(self._cells[record["key"]])] = scores

    def _tell(self, hook: str, **what: Any) -> None:
        for problem in self.registry.notify(hook, **what):
            with (self.directory / "observers.log").open("a", encoding="utf-8") as log:
                log.write(problem + "\n")


def _last_metric(cell: Cell, step: int | None) -> str:
    """Return which metric had begun last when a score went wrong, the ``step``-th; nothing where none had."""
    return f"; the last metric begun: {cell.metrics[step - 1].label}" if step else ""


def _stopped_by(number: int) -> str:
    return "stopped by the user" if number in (0, signal.SIGINT) else f"stopped by {signal.Signals(number).name}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
