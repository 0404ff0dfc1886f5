"""Many real cells, a tenth of them hostile, in a run that is killed and resumed again and again: what is left of it.

    PYTHONPATH=tests python -m faults.thousand_cells --cells 1000 --jobs 2

prints a line for each session and the sums, which stand in ``tests/README.md``.
"""

from __future__ import annotations

import argparse
import collections
import random
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from faults.runs import Run, goods

from genbench.record.store import read_records
from genbench.record.validation import validate

HOSTILE = {  # each and how it ends; "lost" cells run again in each session
    "raises": "failed", "exits": "failed", "interrupts": "failed", "diverges": "diverged", "leaves": "crashed",
    "segfaults": "crashed", "aborts": "crashed", "kills_itself": "crashed", "closes_everything": "crashed",
    "sleeps": "timeout", "ignores_sigterm": "timeout", "grows_in_python": "oom", "grows_in_a_child": "oom",
    "asks_for_much": "oom", "not_finite": "invalid", "wrong_shape": "invalid", "too_few": "invalid",
    "evil_samples": "invalid", "slows_the_clock": "invalid", "forks": "ok", "leaves_a_daemon": "ok", "rude": "ok",
    "starts_many": "ok", "leaves_an_orphan": "lost", "kills_its_parent": "lost",
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
PAUSE_S = 0.5  # between two looks at the session


@dataclass
class SessionLog:
    """One session: what ended it, the records on the disk at its end, and what its own process took."""

    ended_by: str = "its end"
    code: int = 0
    records: int = 0
    cpu_s: float = 0.0
    memory: list[tuple[int, float]] = field(default_factory=list)  # records on the disk, resident MiB

    def __str__(self) -> str:
        first, last = self.memory[len(self.memory) // 4], self.memory[-1]
        held = [held for _, held in self.memory]
        return (
            f"ended by {self.ended_by}, exit code {self.code}: {self.records} records; its process took "
            f"{self.cpu_s:.1f} CPU s and held {first[1]:.0f} MiB at {first[0]} records, {last[1]:.0f} at {last[0]}, "
            f"at most {max(held):.0f}"
        )


class ManyCells:
    """A run of many cells that is stopped by each of ``SIGNALS`` in turn, and goes on until it has all records."""

    def __init__(self, folder: Path, cells: int, *options: str, timeout_s: float = 20.0) -> None:
        self.seeds = -(-cells // (10 * len(HOSTILE)))
        each = cells // self.seeds  # of them one of real rows
        self.hostile = dict(list(HOSTILE.items())[:: max(1, 10 * len(HOSTILE) // each)][: each // 10])
        self.cells = each * self.seeds
        names = [*goods(each - 1 - len(self.hostile)), *self.hostile]
        random.Random(1).shuffle(names)
        limits = (f"--timeout={timeout_s:g}s", "--memory=1GB", "--keep=none", "--budget=2steps")
        self.run = Run(folder, ",".join(names), f"--seeds={self.seeds}", *limits, *options)
        self.sessions: list[SessionLog] = []
        self.left: list[str] = []

    def play(self) -> None:
        """Run all sessions, each until it has written its part of the records, the last one to its end."""
        for number, stop in enumerate((*SIGNALS, None), 1):
            until = self.cells if stop is None else self.cells * number // (len(SIGNALS) + 1)
            self.sessions.append(self._session(stop, until))
            self.left += self.run.left()

    def _session(self, stop: signal.Signals | None, until: int) -> SessionLog:
        log = SessionLog() if stop is None else SessionLog(stop.name)
        with tempfile.TemporaryFile("w+") as output:  # a pipe would fill up
            process = psutil.Popen([*self.run.command], env=self.run.environment, cwd=self.run.folder,
                                   stdout=output, stderr=output, start_new_session=True)  # fmt: skip
            while process.poll() is None:
                try:
                    held, cpu = process.memory_info().rss / 2**20, process.cpu_times()
                except psutil.Error:
                    break
                records = self._count()
                if held:  # else it has just ended
                    log.memory.append((records, held))
                log.cpu_s = cpu.user + cpu.system
                if stop is not None and records >= until:
                    process.send_signal(stop)
                    break
                time.sleep(PAUSE_S)
            log.code, log.records = process.wait(), self._count()
            output.seek(0)
            assert "Traceback" not in output.read()
        return log

    def _count(self) -> int:
        """Return how many cells have a record."""
        return len({path.parent for path in self.run.files})

    @property
    def records(self) -> list[dict[str, Any]]:
        """The latest record of each cell."""
        return read_records(self.run.out)

    def check(self) -> None:
        """Raise AssertionError unless all cells have the record that they should, whole, and nothing is left alive."""
        records = self.records
        assert len(records) == self.cells, len(records)
        for record in records:
            expected = self.hostile.get(record["label"], "ok")
            assert record["status"] == expected, (record["label"], record["status"], record["reason"])
        assert validate(self.run.out).problems == []
        assert self.left == []
        codes = [-signal.SIGKILL if s is signal.SIGKILL else 128 + s for s in SIGNALS]
        assert [log.code for log in self.sessions] == [*codes, 3]

    def summary(self) -> str:
        """Return what it took, in a few lines."""
        records = self.records
        statuses = collections.Counter(record["status"] for record in records)
        took = [sum(stage.get("cpu_s", 0.0) for stage in r["usage"].values()) for r in records if r["status"] == "ok"]
        attempts = len(self.run.files)
        own = sum(log.cpu_s for log in self.sessions)
        lines = [
            *(f"session {number} {log}" for number, log in enumerate(self.sessions, 1)),
            f"{len(records)} records of {self.cells} cells in {attempts} attempts: {dict(statuses)}",
            f"CPU s of a good cell, median: {sorted(took)[len(took) // 2]:.3f} in its processes",
            f"CPU s of an attempt, mean: {own / attempts:.3f} in the process of the session",
            f"left alive: {self.left or 'nothing'}",
        ]
        return "\n".join(lines)


def main() -> None:
    """Run the cells that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds, of a cell")
    parser.add_argument("--folder", type=Path, help="that keeps the run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        played = ManyCells(given.folder or Path(folder), given.cells, f"--jobs={given.jobs}", timeout_s=given.timeout)
        played.play()
        print(played.summary(), flush=True)
        played.check()


if __name__ == "__main__":
    main()
