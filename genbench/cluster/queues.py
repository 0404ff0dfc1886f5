"""Clusters that are started for a run: workers on this machine, or jobs of a batch system through dask-jobqueue.

What a batch system must know (queue, project, walltime, memory, GPUs) is read by dask-jobqueue from its own file,
``~/.config/dask/jobqueue.yaml``; a job has one core and 4 GB where that says nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from genbench.errors import UserError

__all__ = ["QUEUES", "start_cluster"]

CLASSES = {
    "slurm": "SLURMCluster",
    "htcondor": "HTCondorCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
}
QUEUES = ("local", *CLASSES)


def start_cluster(kind: str, workers: int, resource: str, folder: Path, stack: contextlib.ExitStack) -> Any:
    """Start a cluster whose workers offer one ``resource`` each, to be ended by ``stack``; None where no kind is given.

    Raises UserError where dask-jobqueue refuses what it was configured with.
    """
    if not kind:
        return None
    if kind == "local":
        import distributed

        start: Any = distributed.LocalCluster  # untyped
        local = start(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, resources={resource: 1}
        )
        return stack.enter_context(local)
    import dask_jobqueue

    try:
        queued = getattr(dask_jobqueue, CLASSES[kind])(**_options(kind, resource, folder, stack))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"--scheduler {kind}:{workers}: {told}; see ~/.config/dask/jobqueue.yaml") from None
    stack.enter_context(queued)
    queued.adapt(minimum=workers, maximum=workers)  # jobs that reach their walltime are submitted again
    return queued


def _options(kind: str, resource: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, Any]:
    """Return what genbench needs of a job: keys for TLS where all machines see them, and workers that are slots."""
    import dask.config
    import distributed.security

    def given(name: str) -> Any:
        return dask.config.get(f"jobqueue.{kind}.{name}", None)

    security: Any = distributed.security.Security  # untyped
    folder.mkdir(parents=True, exist_ok=True)
    keys = stack.enter_context(tempfile.TemporaryDirectory(prefix=".keys-", dir=folder))
    return {
        "cores": given("cores") or 1,
        "memory": given("memory") or "4GB",
        "security": security.temporary(),
        "shared_temp_directory": keys,
        "worker_extra_args": [*(given("worker-extra-args") or []), "--resources", f"{resource}=1"],
        "job_script_prologue": [
            *(given("job-script-prologue") or []),
            "export DASK_DISTRIBUTED__WORKER__DAEMON=False",
        ],
    }
