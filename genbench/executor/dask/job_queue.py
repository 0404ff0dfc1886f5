"""Start a cluster for a run: workers on this machine, or jobs of a batch system through dask-jobqueue.

Options of a batch system (queue, project, walltime, memory, GPUs) are read by dask-jobqueue from its own file,
``~/.config/dask/jobqueue.yaml``; by default a job has one core and 4 GB.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from genbench.errors import UserError

CLUSTER_CLASSES = {
    "slurm": "SLURMCluster",
    "htcondor": "HTCondorCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
}
QUEUES = ("local", *CLUSTER_CLASSES)


def start_cluster(
    kind: str, workers: int, resource: str, folder: Path, stack: contextlib.ExitStack, problems: list[Exception]
) -> Any:
    """Start a cluster whose workers offer one ``resource`` each, to be closed by ``stack``; None without a ``kind``.

    Raises UserError where dask-jobqueue refuses its configuration. Errors of jobs that could not be submitted are added
    to ``problems`` later.
    """
    if not kind:
        return None
    if kind == "local":
        import distributed
        import distributed.security

        start: Any = distributed.LocalCluster  # untyped
        keys: Any = distributed.security.Security  # for this session, in memory: other users reach 127.0.0.1, too
        local = start(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, resources={resource: 1},
            protocol="tls://", security=keys.temporary(),
        )  # fmt: skip
        stack.callback(_close, local)
        return local
    import dask_jobqueue

    make = getattr(dask_jobqueue, CLUSTER_CLASSES[kind])
    try:
        queued = make(job_cls=_reporting(make.job_cls, problems), **_options(kind, resource, folder, stack))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        message = " ".join(str(error).split())
        raise UserError(f"--scheduler {kind}:{workers}: {message}; see ~/.config/dask/jobqueue.yaml") from None
    stack.callback(_close, queued)
    queued.adapt(minimum=workers, maximum=workers)  # jobs that reach their walltime are submitted again
    return queued


def _close(cluster: Any) -> None:
    with contextlib.suppress(Exception):  # Dask raises where jobs could not be submitted
        cluster.close(timeout=10)


def _reporting(job: Any, problems: list[Exception]) -> Any:
    """Return a class of jobs that add errors of submission to ``problems``: Dask would only log them, and wait."""

    class ReportingJob(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except Exception as error:
                problems.append(error)
                raise

    return ReportingJob


def _options(kind: str, resource: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, Any]:
    """Return the options of a job: keys for TLS where all machines see them, and workers that offer one slot."""
    import dask.config

    def configured(name: str) -> Any:
        return dask.config.get(f"jobqueue.{kind}.{name}", None)

    folder.mkdir(parents=True, exist_ok=True)
    keys = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".keys-", dir=folder)))  # for this user alone
    return {
        "cores": configured("cores") or 1,
        "memory": configured("memory") or "4GB",
        "security": _security(keys),
        "worker_extra_args": [*(configured("worker-extra-args") or []), "--resources", f"{resource}=1"],
        "job_script_prologue": [
            *(configured("job-script-prologue") or []),
            "export DASK_DISTRIBUTED__WORKER__DAEMON=False",
        ],
    }


def _security(keys: Path) -> Any:
    """Return new keys for TLS, as files that the workers of this run can read."""
    import distributed.security

    security: Any = distributed.security.Security  # untyped
    made = security.temporary()
    (keys / "certificate.pem").write_text(made.tls_ca_file)
    (keys / "key.pem").write_text(made.tls_client_key)
    roles = ("client", "scheduler", "worker")
    return security(
        require_encryption=True,
        tls_ca_file=str(keys / "certificate.pem"),
        **{f"tls_{role}_cert": str(keys / "certificate.pem") for role in roles},
        **{f"tls_{role}_key": str(keys / "key.pem") for role in roles},
    )
