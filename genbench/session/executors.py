"""Choose the executor of a plan: processes of this machine, this process, or the workers of a Dask scheduler.

Another engine is a folder beside ``genbench/executor/dask``, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genbench.executor.base import Executor
from genbench.executor.dask.address import parse_scheduler
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
        from genbench.executor.dask.executor import DaskExecutor

        address = parse_scheduler(options.scheduler, insecure=options.insecure)
        folder = Path(options.out or ".")
        executor = DaskExecutor(address, plan, folder, limits=options.limits, jobs=options.jobs, say=say)
        if not address.kind:
            executor.open(plan.cells)
        return executor
    if options.isolation == "none":
        from genbench.executor.in_process import InProcessExecutor

        return InProcessExecutor(str(device), observer.on_progress)
    from genbench.executor.local import LocalExecutor

    jobs = options.jobs or jobs_for(device)
    return LocalExecutor(device.each, jobs, options.limits, plan.plugin_files)
