"""Run a plan: start its tasks, follow the state of each cell, write records, and notify observers."""

from __future__ import annotations

import contextlib
import multiprocessing.connection
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genbench.errors import PluginError
from genbench.executor.base import Executor
from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.plan.plan import Plan
from genbench.plan.resume import Reusable, select_reusable
from genbench.process.machine_load import is_busy
from genbench.process.task import RunningTask, Task
from genbench.record.status import Status
from genbench.record.store import Damage
from genbench.registry.registry import Registry
from genbench.session.cell_state import CellState, Record
from genbench.session.contradictions import KnownData, contradictory_clock
from genbench.session.executors import executor_for
from genbench.session.interrupts import Stop
from genbench.session.observers import Observer
from genbench.session.options import RunOptions
from genbench.session.recorder import Recorder, now
from genbench.session.task_queue import TaskQueue

STOP_TIMEOUT_S = 2.0  # for cells to end when the user stops the run
POLL_S = 0.2  # to wait for a message of a task


class Session:
    """One run of a plan into ``options.out``, by default a new directory; by default on this machine.

    Afterwards ``stopped`` is the signal that ended the run early, else 0; ``failure`` is why the executor could run no
    more tasks, else empty; ``damaged`` lists files of an earlier run that were set aside, and ``overwritten`` those of
    this run that something else has changed.
    """

    def __init__(
        self,
        plan: Plan,
        registry: Registry,
        options: RunOptions,
        *,
        executor: Executor | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.plan = plan
        self.options = options = options.with_out()
        directory = Path(str(options.out))
        self.observer = observer or Observer()
        self.executor = executor or executor_for(plan, options, self.observer)
        self.recorder = Recorder(directory, registry, options.limits, self.executor.jobs)
        self.states = {cell.key: CellState(cell) for cell in plan.cells}
        self.queue = TaskQueue(plan.cells, directory, keep=options.keep != "none")
        self.running: dict[RunningTask, Slot] = {}
        self.data = KnownData()
        self.stopped = 0
        self.failure = ""
        self.damaged: list[Damage] = []
        self.overwritten: list[Damage] = []

    def run(self, meanwhile: Callable[[], object] = lambda: None) -> list[Record]:
        """Run every cell without a record that can be reused, and return the records of the plan in its order.

        Each cell is trained in one process and scored in another; errors in a cell become its record. Ctrl-C, SIGTERM
        and SIGHUP end the running cells, record them as interrupted and set ``stopped``; cells that had not begun are
        returned as interrupted, too, without a file. The second signal raises KeyboardInterrupt. Where the executor
        fails, the running cells are recorded as lost. ``meanwhile`` is called once while the first process starts,
        which takes seconds.
        """
        earlier = self._open()
        for record in earlier.finished:
            self._keep(record)
        todo = [state for state in self.states.values() if state.record is None]
        self.observer.on_start(self.plan, earlier.finished, self.executor.jobs, self.recorder.directory)
        if todo:
            for state in todo:
                self.queue.put(state)
            self._run_all([state.cell for state in todo], meanwhile)
        records = [state.record or state.earlier or self._unstarted_record(state) for state in self.states.values()]
        self.recorder.notify("genbench_session_finished", records=records)
        self.overwritten = self.recorder.overwritten()
        return records

    def _open(self) -> Reusable:
        """Open the run and return which of its records are reused; mark cells that only lack scores as ``fitted``."""
        before = self.recorder.open(self.plan, self.damaged)
        for record in before:
            if (state := self.states.get(record["key"])) is not None:
                state.earlier = record
        options, folder = self.options, self.recorder.directory
        if options.force:
            return Reusable()
        earlier = select_reusable(before, self.plan.cells, folder, retry=options.retried, limits=options.limits)
        for key, fit in earlier.sampled.items():
            state = self.states[key]
            assert state.earlier is not None
            state.phase, state.fit, state.spent = "fitted", fit, state.cell.spent(state.earlier)
        return earlier

    def _run_all(self, cells: list[Cell], meanwhile: Callable[[], object]) -> None:
        with self._stoppable() as stop:
            with stop.interruptible():
                self.executor.open(cells)
            if not stop.number:
                meanwhile()  # not interruptible: a module whose import was interrupted may not be importable again
            while (self.queue or self.running) and not stop.number and not self.failure:
                while not stop.number and (taken := self.queue.take(self.executor.take)):
                    self._start(*taken, stop)
                self._listen(stop)
                self.failure = self.executor.failure()
            self.stopped = stop.number
            if self.stopped or self.failure:
                self._end_running(stop)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[Stop]:
        """Catch signals; however the session ends, leave no cell running."""
        stop = Stop(enabled=self.options.isolation == "process")
        try:
            with stop:
                yield stop
        except KeyboardInterrupt:
            self.stopped = self.stopped or stop.number or signal.SIGINT
            raise
        finally:
            for running in self.running:
                running.stop(at_once=True)
            self.executor.close(at_once=bool(self.stopped))

    def _start(self, task: Task, slot: Slot, stop: Stop) -> None:
        state = self.states[task.cell.key]
        state.started = state.started or now()
        running: RunningTask | None = None
        try:
            with stop.interruptible():  # the fork server may still be importing
                running = self.executor.start(task, slot)
        except PluginError as error:
            self._close(state, {"phase": "start", "reason": str(error)})
        except ChildProcessError as error:  # the machine has no process left for it
            self._close(state, {"phase": "start", "status": Status.LOST, "reason": str(error)})
        if running is None:
            self.executor.give(slot)
        else:
            self.running[running] = slot

    def _listen(self, stop: Stop) -> None:
        """Wait for messages of tasks or a signal, and handle them."""
        handles = [handle for running in self.running for handle in running.handles]
        if handles or not self.running:
            multiprocessing.connection.wait([*handles, stop.handle], timeout=POLL_S)
        for running in list(self.running):
            is_over = running.listen()
            self.observer.on_progress(running.task.cell, running.progress)
            if running.interrupted:
                stop.number = signal.SIGINT
            if is_over:
                self._finish_task(running)

    def _end_running(self, stop: Stop) -> None:
        """End the running tasks, and write records of the cells that had begun."""
        for running in self.running:
            running.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.running and time.monotonic() < deadline:
            self._listen(stop)
        for running in list(self.running):
            running.stop(at_once=True)
            running.outcome = {"error": {"status": Status.INTERRUPTED, "reason": ""}}
            self._finish_task(running)
        status, why = self._early_end()
        for state in self.states.values():
            if state.phase in ("fitted", "scoring"):
                end = {"status": status, "phase": "score", "reason": f"{why} before it was scored"}
                self._close(state, {**state.fit, **end})

    def _early_end(self) -> tuple[Status, str]:
        """Return the status of a cell that the session did not finish, and why."""
        if self.failure:
            return Status.LOST, self.failure
        by_user = self.stopped in (0, signal.SIGINT)
        return Status.INTERRUPTED, f"stopped by {'the user' if by_user else signal.Signals(self.stopped).name}"

    def _finish_task(self, running: RunningTask) -> None:
        """Give back the slot of a task, then queue its cell for scoring or write its record."""
        task, outcome, slot = running.task, running.outcome or {}, self.running.pop(running)
        state = self.states[task.cell.key]
        self.executor.give(slot)
        if running.rerun and not self.stopped:
            self.queue.put_fitted(state)
            return
        if task.stage == "fit":
            known = {**running.known, "timings": running.known.get("timings", {})}
            state.fit = {**known, **self.recorder.circumstances(slot)}
            if (busy := is_busy(running.usage)) is not None:
                state.fit["busy"] = busy
        state.fit["usage"] = {**state.fit.get("usage", {}), task.stage: running.usage}
        if task.stage == "fit" and "result" in outcome and (reason := self._contradiction(running, state)):
            self._close(state, {**state.fit, "status": Status.INVALID, "phase": "sample", "reason": reason})
        elif "error" in outcome and self._metric_ended_process(running, state):
            self.queue.put_fitted(state)
        elif "error" in outcome:
            end = {**self._error(running), "phase": running.progress.get("phase")}
            self._close(state, {**state.fit, **end, **self._finished_scores(running, state, end["reason"])})
        elif task.stage == "fit":
            state.fit |= outcome["result"]
            state.spent = running.usage.get("wall_s", 0.0)
            self.queue.put_fitted(state)
        else:
            scores = outcome["result"]
            timings = {**state.fit["timings"], "score_s": sum(score["seconds"] for score in scores)}
            end = {"timings": timings, "status": Status.OK, "phase": "score", "scores": scores}
            self._close(state, {**state.fit, **end})

    def _contradiction(self, running: RunningTask, state: CellState) -> str:
        """Return why what a training reports cannot be, empty if it can."""
        result, machine = (running.outcome or {})["result"], str(state.fit["machine"].get("id"))
        if result.get("samples_sha256") != running.known.get("samples_sha256", result.get("samples_sha256")):
            return "its samples changed after they were hashed, when held-out rows were there"
        if reason := contradictory_clock(result["timings"], running.usage) or running.clock_problem:
            return f"its clocks contradict each other: {reason}"
        return self.data.difference(state.cell, result["fingerprint"], machine)

    def _metric_ended_process(self, running: RunningTask, state: CellState) -> bool:
        """Return whether one metric ended the process, and the others are worth another: its score fails, no other."""
        error, step = (running.outcome or {})["error"], running.progress.get("step")
        metrics = running.task.cell.metrics
        if running.task.stage != "score" or error["status"] not in (Status.CRASHED, Status.OOM) or self.stopped:
            return False
        if (
            not isinstance(step, int)
            or not 1 <= step <= len(metrics)
            or isinstance(state.done.get(metrics[step - 1].label), str)
        ):
            return False
        state.done |= {str(score.get("label") or score["metric"]): score for score in running.scores}
        state.done[metrics[step - 1].label] = f"its process ended: {error['status']}, {error['reason']}"
        state.spent += running.usage.get("wall_s", 0.0)
        return True

    def _finished_scores(self, running: RunningTask, state: CellState, reason: str) -> Record:
        """Return the scores that were made before scoring ended early, if any, and why others are missing."""
        made = state.done | {str(score.get("label") or score["metric"]): score for score in running.scores}
        if running.task.stage != "score" or not made:
            return {}
        from genbench.scoring.evaluation import with_missing  # scipy, which few runs need

        return {"scores": state.cell.complete(with_missing(state.cell.metrics, made, reason))}

    def _error(self, running: RunningTask) -> Record:
        error = dict((running.outcome or {})["error"])
        step = running.progress.get("step")
        if error["status"] == Status.INTERRUPTED:
            error["status"], error["reason"] = self._early_end()
        elif running.task.stage == "score" and step:
            error["reason"] += f"; the last metric begun: {running.task.cell.metrics[step - 1].label}"
        return error

    def _close(self, state: CellState, fields: Mapping[str, Any]) -> None:
        record = self.recorder.record(state, fields)
        self.recorder.write(record)
        self._keep(record)
        self.executor.release(state.cell)
        self.observer.on_finish(record)
        self.recorder.notify("genbench_cell_finished", record=record)

    def _keep(self, record: Record) -> None:
        state = self.states[record["key"]]
        state.record, state.phase, state.fit = record, "done", {}
        self.queue.put_floor(record, state.cell)

    def _unstarted_record(self, state: CellState) -> Record:
        """Return the record of a cell that had not begun when the run ended."""
        status, why = self._early_end()
        return self.recorder.record(state, {"status": status, "reason": f"not begun: {why}", "attempt": 0})
