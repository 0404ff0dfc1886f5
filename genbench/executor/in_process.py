"""A task in this process, for debuggers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genbench.process.child import do
from genbench.process.messages import explain
from genbench.process.task import Task

__all__ = ["InProcess"]


class InProcess:
    """A task in this process, as a worker, for debuggers: what it does wrong is not contained, its limits not kept."""

    def __init__(self, task: Task, tell: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.task = task
        self.outcome: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.progress: dict[str, Any] = {"phase": "start" if task.stage == "fit" else "score"}
        self.handles: tuple[Any, ...] = ()
        self.interrupted = False  # by Ctrl-C, or by a plugin that raises KeyboardInterrupt: here they are the same
        self._tell = tell

    def listen(self) -> bool:
        """Do the task; an exception is shown with its traceback and becomes the outcome."""
        try:
            self.outcome = {"result": do(self.task, self._report)}
        except (Exception, SystemExit) as error:
            import traceback

            traceback.print_exc()
            self.outcome = {"error": explain(error)}
        except KeyboardInterrupt:
            self.interrupted = True
            self.outcome = {"error": {"status": "interrupted", "reason": ""}}
        return True

    def _report(self, **news: Any) -> None:
        self.known.update(news.pop("known", {}))
        if "timings" in news:
            self.known["timings"] = dict(news.pop("timings"))
        self.progress = news
        self._tell(news)

    def stop(self, *, at_once: bool = False) -> None:
        """Do nothing: it runs only while it is listened to."""
