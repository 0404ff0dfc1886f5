"""A command that is killed while it writes its file: the file that was there is whole, the old one or the new one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from run_directories import whole_record, whole_run

KILLED = """
import os, signal, sys
from pathlib import Path
from genbench.cli.main import main

at, *arguments = sys.argv[1:]
write, replace = Path.write_bytes, Path.replace

def half(self, content):
    write(self, content[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

def before(self, target):
    os.kill(os.getpid(), signal.SIGKILL)

def after(self, target):
    replace(self, target)
    os.kill(os.getpid(), signal.SIGKILL)

if at == "half":
    Path.write_bytes = half
else:
    Path.replace = {"before": before, "after": after}[at]
main(arguments)
"""


@pytest.mark.parametrize(
    ("command", "file", "end"),
    [
        pytest.param(("report", "--no-pictures"), "report.html", "</html>", marks=pytest.mark.slow),
        (("table", "--format", "csv"), "table.csv", "\n"),
    ],
    ids=["report", "table"],
)
@pytest.mark.parametrize("at", ["half", "before", "after"])
def test_a_command_that_is_killed_leaves_no_half_file(
    tmp_path: Path, command: tuple[str, ...], file: str, end: str, at: str
) -> None:
    run = whole_run(tmp_path / "run", whole_record(), whole_record("kde"))
    output = tmp_path / file
    output.write_text("the old one")
    name, *options = command
    arguments = [name, str(run), *options, "-o", str(output)]
    done = subprocess.run([sys.executable, "-c", KILLED, at, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if at == "after":
        assert output.read_text().endswith(end)
        assert "gap" in output.read_text()
    else:
        assert output.read_text() == "the old one"
