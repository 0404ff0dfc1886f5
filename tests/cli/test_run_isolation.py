"""``genbench run`` for debuggers, and how cells are limited and run again: what is refused, before anything is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sessions import samples

from genbench.cli.main import main
from genbench.record.store import read_records

PLUGIN = """
import os
import torch
from genbench import ModelSpec, hookimpl

class Stops:
    def fit(self, data, run):
        self.shape = data.shape
        if "DEBUGGED" in os.environ:
            breakpoint()
    def sample(self, n):
        return torch.randn(n, *self.shape)

class Raises(Stops):
    def fit(self, data, run):
        raise ValueError("no luck")

@hookimpl
def genbench_register():
    return [ModelSpec("stops", Stops, None, "asks for a debugger"), ModelSpec("raises", Raises, None, "raises")]
"""
GIVEN = ["--datasets=ring", "--plugin=mine.py", "--preset=smoke", "--metrics=energy", "--device=cpu"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genbench", "run", *GIVEN, *arguments], capture_output=True, text=True,
        input="p 6 * 7, self\nc\n", env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.slow
def test_without_isolation_a_debugger_has_the_terminal_and_the_numbers_are_the_same() -> None:
    debugged = run("-m", "stops,raises", "--isolation=none", "--out=none", DEBUGGED="yes")
    assert debugged.returncode == 3, debugged.stderr
    assert "(Pdb) (42, <" in debugged.stdout
    assert "ValueError: no luck" in debugged.stderr
    assert "mine.py" in debugged.stderr, "the traceback is kept"
    isolated = run("-m", "stops,raises", "--out=process")
    assert isolated.returncode == 3, isolated.stderr
    one, two = ({r["model"]: r for r in read_records(out)} for out in ("none", "process"))
    assert one.keys() == two.keys()
    for name, record in one.items():
        assert record["status"] == two[name]["status"] == ("failed" if name == "raises" else "ok")
        assert [s["value"] for s in record["scores"]] == [s["value"] for s in two[name]["scores"]]
        if record["status"] == "ok":
            assert np.array_equal(samples(Path("none"), record), samples(Path("process"), two[name]))


REFUSED = {
    "--isolation=none --timeout=3s": "--isolation none: one cell at a time in this process",
    "--isolation=none --memory=4GB": "--isolation none: one cell at a time in this process",
    "--isolation=none --jobs=2": "--isolation none: one cell at a time in this process",
    "--memory=10MB": "--memory 10000000: a cell needs at least 400MB for its libraries alone",
    "--memory=much": "expected a size, as 500MB or 4GiB, got 'much'",
    "--retry=timeuot": "--retry timeuot: no status 'timeuot', did you mean 'timeout'?",
    "--retry=ok": "--retry ok: no status 'ok'",
    "--device=cuda:0,cuda:0": "--device cuda:0,cuda:0: several devices must be different GPUs",
    "--device=cpu,cuda:1": "--device cpu,cuda:1: several devices must be different GPUs",
    "--jobs=0": "--jobs 0: expected at least 1",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_cannot_be_meant_is_refused_before_anything_is_run(
    arguments: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-m", "stops", *GIVEN, "--out=never", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert REFUSED[arguments] in err
    assert err.count("\n") == 1
    assert not (folder / "never").exists()
