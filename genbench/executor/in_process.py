"""Run tasks in this process, for debuggers: failures are not contained, and limits are not enforced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genbench.executor.base import Executor
from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.process.child import run_task
from genbench.process.messages import explain
from genbench.process.task import RunningTask, Task
from genbench.record.status import Status


class InProcessExecutor(Executor):
    """An executor with one slot, in this process; ``on_progress`` receives a cell and its progress."""

    def __init__(self, device: str, on_progress: Callable[[Cell, Mapping[str, Any]], object]) -> None:
        self.jobs: int | None = 1
        self._slot = Slot(device)
        self._free = True
        self._on_progress = on_progress

    def take(self, stage: str) -> Slot | None:
        """Return the slot; None while it is taken."""
        if not self._free:
            return None
        self._free, self._slot.stage = False, stage
        return self._slot

    def start(self, task: Task, slot: Slot) -> InProcessTask:  # noqa: ARG002
        """Return the task, which runs in ``listen``."""
        return InProcessTask(task, lambda progress: self._on_progress(task.cell, progress))

    def give(self, slot: Slot) -> None:  # noqa: ARG002
        """Take the slot back."""
        self._free = True


class InProcessTask(RunningTask):
    """A task that runs in ``listen``."""

    def __init__(self, task: Task, on_progress: Callable[[Mapping[str, Any]], object]) -> None:
        super().__init__(task)
        self._on_progress = on_progress

    def listen(self) -> bool:
        """Do the task; an exception is printed with its traceback and becomes the outcome."""
        try:
            self.outcome = {"result": run_task(self.task, self._report)}
        except (Exception, SystemExit) as error:
            import traceback

            traceback.print_exc()
            self.outcome = {"error": explain(error)}
        except KeyboardInterrupt:
            self.interrupted = True  # by Ctrl-C, or by a plugin that raises it: they cannot be distinguished here
            self.outcome = {"error": {"status": Status.INTERRUPTED, "reason": ""}}
        return True

    def _report(self, **progress: Any) -> None:
        self.known.update(progress.pop("known", {}))
        progress.pop("score", None)  # which comes with the others: a process that ends here is that of the session
        if "timings" in progress:
            self.known["timings"] = dict(progress.pop("timings"))
        self.progress = progress
        self._on_progress(progress)

    def stop(self, *, at_once: bool = False) -> None:
        """Do nothing: the task runs only in ``listen``."""
