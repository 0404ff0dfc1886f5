"""What the machine gives a command, streams, encodings, paths: never a traceback, never a wrong exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_directories import whole_record, whole_run
from sessions import DOTS

PROGRAM = [sys.executable, "-m", "genbench"]
TINY = ["-m", "exact,-gaussian,-memoriser", "-d", "dots", "--metrics", "gap", "--preset", "smoke", "--seeds", "1",
        "--jobs", "1", "--device", "cpu"]  # fmt: skip


@pytest.fixture
def plugin(tmp_path: Path) -> list[str]:
    (tmp_path / "dots.py").write_text(DOTS)
    return ["--plugin", str(tmp_path / "dots.py")]


@pytest.mark.slow
def test_sockets_lie_elsewhere_where_the_temporary_folder_has_a_long_name(tmp_path: Path, plugin: list[str]) -> None:
    long = tmp_path / ("x" * (133 - len(str(tmp_path)) - 1)) if len(str(tmp_path)) < 130 else tmp_path
    long.mkdir(exist_ok=True)
    assert len(str(long)) >= 130
    program = [*PROGRAM, "run", *TINY, *plugin, "--out", str(tmp_path / "run")]
    environment = {**os.environ, "TMPDIR": str(long)}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(long.glob("pymp-*"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_table_is_written_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    run = whole_run(tmp_path / "run", whole_record(), whole_record("kde"))
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*PROGRAM, "table", str(run)], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "gap" in done.stdout.decode(encoding)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_run_is_told_in_any_encoding(tmp_path: Path, plugin: list[str], encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    program = [*PROGRAM, "run", *TINY, *plugin, "--out", str(tmp_path / "run")]
    done = subprocess.run(program, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-", "<&-"])
def test_streams_may_be_closed(tmp_path: Path, closed: str) -> None:
    run = whole_run(tmp_path / "run", whole_record(), whole_record("kde"))
    command = f'"{sys.executable}" -m genbench table "{run}" {closed}'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if ">&-" not in closed.replace("2>&-", ""):
        assert "gap" in done.stdout
    assert subprocess.run(["/bin/sh", "-c", command.replace(str(run), "absent")], check=False).returncode == 2
