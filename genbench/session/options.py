"""How a plan is run, not what: where it is kept, how many cells at a time, their limits, and what is run again."""

from __future__ import annotations

import os
from pathlib import Path

from genbench.errors import UserError

__all__ = ["MIN_MEMORY_BYTES", "check_options", "jobs_for"]

MIN_MEMORY_BYTES = 400 * 10**6  # bytes: what a cell holds that has only imported its libraries, and some


def check_options(
    out: str | Path | None,
    jobs: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    isolation: str = "process",
    retry: str | None = None,
    scheduler: str | None = None,
    insecure: bool = False,
) -> None:
    """Raise UserError unless a run could be kept in ``out`` and done so; nothing is written."""
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs}: expected at least 1")
    if timeout is not None and not timeout > 0:
        raise UserError(f"timeout={timeout}: expected seconds, more than 0")
    if memory is not None and memory < MIN_MEMORY_BYTES:
        raise UserError(
            f"--memory {memory}: a cell needs at least {MIN_MEMORY_BYTES // 10**6}MB for its libraries alone"
        )
    if isolation not in ("process", "none"):
        raise UserError(f"--isolation {isolation}: expected process or none")
    if isolation == "none" and (timeout is not None or memory is not None or (jobs or 1) > 1):
        raise UserError("--isolation none: one cell at a time in this process, which no --timeout or --memory can end")
    if retry is not None:
        from genbench.plan.resume import parse_retry

        parse_retry(retry)
    if scheduler is not None:
        from genbench.executor.dask.address import parse_scheduler

        parse_scheduler(scheduler, insecure=insecure)
        if isolation == "none":
            raise UserError("--isolation none: all cells in this process, which --scheduler has run elsewhere")
    if out is None:
        return
    there = next(path for path in (Path(out).absolute(), *Path(out).absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"--out {out}: {there} is no directory; choose another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {there} cannot be written; choose another directory")


def jobs_for(device: str) -> int:
    """Return how many cells run at a time: one a core on the processor, one on each accelerator."""
    from genbench.record.environment import cores

    return cores() if device in ("auto", "cpu") else len(device.split(","))
