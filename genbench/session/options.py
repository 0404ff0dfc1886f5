"""Options of a run: where it is kept, how many cells run at a time, their limits, and which run again."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from genbench.errors import UserError
from genbench.executor.dask.address import parse_scheduler
from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.record.run_directory import default_directory

KEEP = ("best", "all", "none")  # trained models: of the best seed of each model, of all seeds, of none
MIN_MEMORY_BYTES = 400 * 10**6  # a little more than a cell holds once it has imported its libraries


@dataclass(frozen=True)
class RunOptions:
    """How a plan is run; ``genbench.run`` documents each option.

    ``timeout`` in seconds and ``memory`` in bytes are the limits of a cell. Its deadline counts training, sampling and
    scoring together, without the time between them; where samples exist already, scoring alone.
    """

    out: str | Path | None = None
    jobs: int | None = None
    timeout: float | None = None
    memory: int | None = None
    isolation: str = "process"
    force: bool = False
    retry: str | None = None
    scheduler: str | None = None
    insecure: bool = False
    progress: bool | None = None
    keep: str = "best"

    @property
    def limits(self) -> Limits:
        """Limits of each cell."""
        return Limits(self.timeout, self.memory)

    @property
    def retried(self) -> frozenset[str]:
        """Statuses of earlier records whose cells run again; raises UserError for an unknown one."""
        from genbench.plan.resume import parse_retry

        return frozenset() if self.retry is None else parse_retry(self.retry)

    def with_out(self) -> RunOptions:
        """Return the options with an ``out``, by default a new directory that is named by the time."""
        return replace(self, out=default_directory()) if self.out is None else self

    def check(self) -> None:
        """Raise UserError unless a plan can be run with these options and kept in ``out``; nothing is written."""
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"--jobs {self.jobs}: expected at least 1")
        if self.timeout is not None and not self.timeout > 0:
            raise UserError(f"timeout={self.timeout}: expected seconds, more than 0")
        if self.memory is not None and self.memory < MIN_MEMORY_BYTES:
            least = f"{MIN_MEMORY_BYTES // 10**6}MB"
            raise UserError(f"--memory {self.memory}: a cell needs at least {least} for its libraries alone")
        self._check_isolation()
        _ = self.retried
        if self.keep not in KEEP:
            raise UserError(f"--keep {self.keep}: expected {', '.join(KEEP[:-1])} or {KEEP[-1]}")
        if self.scheduler is not None:
            parse_scheduler(self.scheduler, insecure=self.insecure)
            if self.isolation == "none":
                raise UserError("--isolation none: all cells in this process, which --scheduler has run elsewhere")
        if self.out is not None:
            _check_folder(Path(self.out))

    def _check_isolation(self) -> None:
        if self.isolation not in ("process", "none"):
            raise UserError(f"--isolation {self.isolation}: expected process or none")
        limited = self.timeout is not None or self.memory is not None or (self.jobs or 1) > 1
        if self.isolation == "none" and limited:
            raise UserError(
                "--isolation none: one cell at a time in this process, which no --timeout or --memory can end"
            )


def _check_folder(out: Path) -> None:
    existing = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"--out {out}: {existing} is not a directory; choose another")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {existing} cannot be written; choose another directory")


def jobs_for(device: DeviceName) -> int:
    """Return how many cells run at a time by default: one on each core of the CPU, or on each accelerator."""
    from genbench.record.environment import cores

    return cores() if device.kind in ("auto", "cpu") else len(device.each)
