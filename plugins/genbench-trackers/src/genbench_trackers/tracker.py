"""When a record is exported: where an environment variable says so, until the first failure of a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from genbench.errors import GenbenchError, describe

Record = Mapping[str, Any]


class ExportFailed(GenbenchError):
    """A tracker did not take a record; genbench writes the reason to ``observers.log`` and goes on."""


class Tracker:
    """Exports records to where the environment ``variable`` says, by ``export(record, target)``.

    After a failure nothing more of the session is exported: a server that is gone costs a run one wait, not one for
    each cell.
    """

    def __init__(self, variable: str, extra: str, export: Callable[[Record, str], None]) -> None:
        self.variable = variable
        self.extra = extra
        self._export = export
        self._has_failed = False

    def cell_finished(self, record: Record) -> None:
        """Export the record of a cell; raises ExportFailed the first time that this is not possible."""
        target = os.environ.get(self.variable, "")
        if not target or self._has_failed:
            return
        try:
            self._export(record, target)
        except Exception as error:
            self._has_failed = True
            missing = isinstance(error, ImportError)
            remedy = f"; try: pip install 'genbench-trackers[{self.extra}]'" if missing else ""
            end = "nothing more of this run is exported there"
            raise ExportFailed(f"{self.variable}: {describe(error)}{remedy}; {end}") from error

    def session_finished(self) -> None:
        """Let the next session of this process try again."""
        self._has_failed = False
