"""Write the files of a session: ``run.json``, a record for each cell, and errors of observing plugins."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genbench.errors import PluginError, UserError
from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.process.task import THREADS
from genbench.record.environment import commit, machine, versions
from genbench.record.integrity import SCHEMA_VERSION
from genbench.record.run_directory import open_run
from genbench.record.status import Status
from genbench.record.store import Damage, cell_folder, read_run, write_record
from genbench.registry.registry import Registry
from genbench.session.cell_state import CellState, Record


def now() -> str:
    """Return the current time as records hold it: UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


OVERWRITTEN = "was changed or removed while the run went on, by something other than this session"


def _state_of(file: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content; None where there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Recorder:
    """Makes and writes the records of one session in the folder of its run."""

    def __init__(self, directory: Path, registry: Registry, limits: Limits, jobs: int | None) -> None:
        self.directory = directory
        self._registry = registry
        self._limits = limits
        self._session = uuid.uuid4().hex[:12]
        self._written: dict[Path, tuple[int, int, int] | None] = {}  # each file, and what it was then
        self._session_fields = {"versions": versions(), "commit": commit(), "jobs": jobs}

    def open(self, plan: Plan, damaged: list[Damage]) -> list[Record]:
        """Create or continue the run and return its latest records; raises UserError where it cannot be written.

        Damaged files are set aside and listed in ``damaged``.
        """
        about = {
            "schema_version": SCHEMA_VERSION,
            "created": now(),
            "session": self._session,
            "request": plan.request,
            "skipped": [skip.as_dict() for skip in plan.skips],
            "machine": machine(),
            **self._session_fields,
            **({"suite": plan.suite} if plan.suite else {}),
        }
        try:
            return open_run(self.directory, about, [cell.key for cell in plan.cells], damaged)
        except OSError as error:
            raise UserError(
                f"--out {self.directory}: cannot be written ({error.strerror}); choose another directory"
            ) from None

    def circumstances(self, slot: Slot) -> Record:
        """Return the fields that decide whether timings are comparable: same session and machine, nothing contended."""
        return {
            "session": self._session,
            "machine": slot.machine or machine(),
            "device": slot.device,
            "shared": slot.shared,
            "threads": THREADS,
        }

    def record(self, state: CellState, fields: Mapping[str, Any]) -> Record:
        """Return the record of a cell, with ``fields`` beside those that follow from its state."""
        return {
            "schema_version": SCHEMA_VERSION,
            **state.cell.as_dict(),
            "metrics": state.cell.measures,
            "status": Status.FAILED,
            "phase": None,
            "reason": "",
            "timings": {},
            "scores": [],
            "session": self._session,
            "machine": machine(),
            "limits": self._limits.as_dict(),
            **fields,
            **_length(state.cell, fields),
            **self._session_fields,
            "started": state.started,
            "ended": now(),
        }

    def write(self, record: Record) -> None:
        """Write the record of a cell; raises UserError where the disk refuses it."""
        try:
            path = write_record(self.directory, record)
            self._written[path] = _state_of(path)
        except OSError as error:
            raise UserError(
                f"{cell_folder(self.directory, record['key'])}: the record cannot be written ({error.strerror}); those "
                f"written so far are intact; make room and run the same command with --out {self.directory} to go on"
            ) from None

    def overwritten(self) -> list[Damage]:
        """Return the files of this session that something else has changed or removed meanwhile."""
        found = [Damage(path, OVERWRITTEN) for path, state in self._written.items() if _state_of(path) != state]
        try:
            read_run(self.directory, found)
        except UserError:
            found.append(Damage(self.directory / "run.json", OVERWRITTEN))
        return found

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call an observing hook of all plugins; their exceptions go to ``observers.log``."""
        for problem in self._registry.notify(hook, **arguments):
            with (self.directory / "observers.log").open("a", encoding="utf-8") as log:
                log.write(problem + "\n")


def _length(cell: Cell, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the budget of a cell, and the steps of its recipe, where they depend on the data that it has loaded."""
    rows, shape = (fields.get("sizes") or {}).get("train"), fields.get("shape")
    if rows is None or shape is None:
        return {}
    try:
        return cell.length(rows, math.prod(shape))
    except (PluginError, TypeError):  # which has ended the cell, or a shape that a plugin has written
        return {}
