"""Real command lines on the hostile plugin, and what they leave behind: records, samples, processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import psutil

from genbench.record.store import cell_folder, read_records

HOSTILE = Path(__file__).parent / "hostile.py"
MARK = "GENBENCH_FAULTS"


class Run:
    """A folder and a command line that runs models of the hostile plugin into it."""

    def __init__(self, folder: Path, models: str, *options: str, out: str = "run") -> None:
        self.folder, self.out = folder, folder / out
        self.mark = uuid.uuid4().hex
        (folder / "exits_at_import.py").write_text("import sys\nsys.exit('gone while imported')\n")
        self.command = [
            sys.executable, "-m", "genbench", "run", "--plugin", str(HOSTILE), "-d", "dots", "--metrics", "gap",
            "-m", f"{models},-gaussian,-memoriser", "--preset", "smoke", "--seeds", "1", "--budget", "5steps",
            "--device", "cpu", "--jobs", "2", "--out", str(self.out), *options,
        ]  # fmt: skip
        self.environment = {
            **os.environ,
            MARK: self.mark,
            "HOSTILE_FOLDER": str(folder),
            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "250",
        }

    def start(self, *options: str, as_job: bool = False) -> subprocess.Popen[str]:
        """Start it in a session of its own, or as a job of this one, which Ctrl-Z can halt."""
        how = {"process_group": 0} if as_job else {"start_new_session": True}
        return subprocess.Popen(
            [*self.command, *options], env=self.environment, cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **how,
        )  # fmt: skip

    def finish(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*self.command, *options], env=self.environment, cwd=self.folder, capture_output=True, text=True
        )

    @property
    def begun(self) -> bool:
        """Whether the run has a directory."""
        return (self.out / "run.json").exists()

    @property
    def records(self) -> dict[str, dict]:
        """The records on the disk, by the label of the model."""
        return {record["label"]: record for record in read_records(self.out)} if self.files else {}

    @property
    def files(self) -> list[Path]:
        """The files of whole records."""
        return sorted(self.out.glob("cells/*/*/[0-9]*.json"))

    def samples(self, label: str) -> np.ndarray:
        """The samples of a model."""
        path = cell_folder(self.out, self.records[label]["key"]) / "samples.npz"
        return np.load(path, allow_pickle=False)["samples"]

    def log(self, label: str) -> str:
        """What a model printed."""
        return (cell_folder(self.out, self.records[label]["key"]) / "log.txt").read_text(errors="replace")

    def left(self, patience: float = 30.0) -> list[str]:
        """Command lines of the processes that the run left behind; each is given the time that a busy machine needs."""
        until = time.monotonic() + patience
        while (found := self._processes()) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    def _processes(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {process.cmdline()}")
            except psutil.Error:
                continue
        return found

    def server(self) -> psutil.Process | None:
        """The process that cells are forked from, once it is ready for that."""
        for process in psutil.process_iter():
            try:
                mine = process.environ().get(MARK) == self.mark
                if mine and "multiprocessing.forkserver" in " ".join(process.cmdline()):
                    parent = process.parent()
                    if parent is not None and "genbench" in parent.cmdline():
                        return process
            except psutil.Error:
                continue
        return None


def goods(count: int) -> list[str]:
    """Names of good models, all different."""
    return [f"good[number={i}]" for i in range(1, count + 1)]


def between_goods(faults: list[str]) -> str:
    """Every fault with a good model before and after it."""
    first, *rest = goods(len(faults) + 1)
    return ",".join([first, *(name for pair in zip(faults, rest, strict=True) for name in pair)])


def scores(records: dict[str, dict]) -> dict[str, list]:
    """What a table says of the models, to the last bit: no time, and no name of a run."""
    names = ("metric", "value", "low", "high", "floor", "floor_sd", "z")
    return {
        label: [record["status"], *([score[name] for name in names] for score in record["scores"])]
        for label, record in sorted(records.items())
    }
