"""The executor that ``--scheduler`` names: another engine is a folder beside ``dask`` and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genbench.executor.base import Executor
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan


def check_scheduler(text: str, *, insecure: bool) -> None:
    """Raise UserError unless ``text`` names a scheduler whose engine is installed; ``insecure`` needs no TLS."""
    from genbench.executor.dask.address import parse_scheduler

    parse_scheduler(text, insecure=insecure)


def connect_scheduler(
    text: str,
    plan: Plan,
    folder: Path,
    *,
    insecure: bool,
    limits: Limits,
    jobs: int | None,
    say: Callable[[str], None],
) -> Executor:
    """Return the executor of a scheduler; connect to one that runs already. Raises UserError if none answers."""
    from genbench.executor.dask.address import parse_scheduler
    from genbench.executor.dask.executor import DaskExecutor

    address = parse_scheduler(text, insecure=insecure)
    executor = DaskExecutor(address, plan, folder, limits=limits, jobs=jobs, say=say)
    if not address.kind:
        executor.open(plan.cells)
    return executor
