"""Choose the executor of a plan: processes of this machine, this process, or the workers of a Dask scheduler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genbench.executor.base import Executor
from genbench.executor.scheduler import connect_scheduler
from genbench.plan.device_names import DeviceName
from genbench.plan.plan import Plan
from genbench.session.observers import Observer
from genbench.session.options import RunOptions, jobs_for


def executor_for(
    plan: Plan, options: RunOptions, observer: Observer, say: Callable[[str], None] = lambda _: None
) -> Executor:
    """Return the executor that the options select; ``say`` is called with lines for the user.

    A running scheduler is connected to before anything is written. Raises UserError where it does not answer.
    """
    device = DeviceName.parse(plan.cells[0].device if plan.cells else "cpu")
    if options.scheduler is not None:
        return connect_scheduler(
            options.scheduler, plan, Path(options.out or "."), insecure=options.insecure, limits=options.limits,
            jobs=options.jobs, say=say,
        )  # fmt: skip
    if options.isolation == "none":
        from genbench.executor.in_process import InProcessExecutor

        return InProcessExecutor(str(device), observer.on_progress)
    from genbench.executor.local import LocalExecutor

    jobs = options.jobs or jobs_for(device)
    return LocalExecutor(device.each, jobs, options.limits, plan.plugin_files)
