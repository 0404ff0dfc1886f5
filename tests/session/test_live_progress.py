"""What a terminal shows while a run goes on, in a pseudo-terminal too."""

from __future__ import annotations

import dataclasses
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from sessions import make

from genbench.plan.plan import Plan
from genbench.session.live_progress import LiveProgress

TESTS = Path(__file__).parent.parent
SCRIPT = """
import sys
from pathlib import Path
from rich.console import Console
from sessions import make
from genbench.session.live_progress import LiveProgress

plan, _ = make(Path(sys.argv[1]), models="good")
with LiveProgress(Console(stderr=True)) as progress:
    progress.on_start(plan, [], 2, Path("results/of_this_run"))
    for cell in plan.cells:
        progress.on_progress(cell, {"phase": "fit", "step": 10, "steps": 50, "values": {"loss": 0.25}})
    progress._live.refresh()
    progress.on_finish({**plan.cells[0].as_dict(), "status": "ok", "reason": ""})
    progress._live.refresh()
    progress.on_finish({**plan.cells[1].as_dict(), "status": "failed", "reason": "no luck " * 12})
print("THE END", file=sys.stderr)
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    plan, _ = make(tmp_path, models="good")
    seeds = (dataclasses.replace(cell, seed=seed) for seed in range(6) for cell in plan.cells)
    return dataclasses.replace(plan, cells=tuple(seeds))


def drawn(progress: LiveProgress, width: int, height: int = 25) -> list[str]:
    shown = Console(file=io.StringIO(), width=width, height=height)
    shown.print(progress)
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue().splitlines()


def running(plan: Plan, n: int) -> LiveProgress:
    progress = LiveProgress(Console(file=io.StringIO(), width=100))
    progress.on_start(plan, [], n)
    for cell in plan.cells[:n]:
        values = {"loss": 0.123456, "kl": None, "third": 3.0}
        progress.on_progress(cell, {"phase": "fit", "step": 1200, "steps": 4000, "values": values})
    return progress


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_each_names_its_cell(plan: Plan, width: int) -> None:
    progress = running(plan, 4)
    progress.on_finish({**plan.cells[0].as_dict(), "status": "ok", "reason": ""})
    *lines, bar = drawn(progress, width)
    assert all(cell_len(line) <= width for line in [*lines, bar])
    assert len(lines) == 3
    assert all(line.startswith("good x dots" if width > 30 else "good") or "real" in line for line in lines)
    assert all("training" in line for line in lines)
    assert bar.startswith("1/12 cells")
    if width >= 60:
        assert re.search(r"about \d+ s left", bar)
        assert "━" in bar
        assert all("1200/4000" in line for line in lines)


def test_a_wide_terminal_shows_losses_and_a_narrow_one_leaves_them_out(plan: Plan) -> None:
    progress = running(plan, 1)
    assert "loss 0.1235" in drawn(progress, 120)[0]
    assert "third" not in drawn(progress, 120)[0], "two values at most"
    assert "loss" not in drawn(progress, 50)[0]


def test_more_cells_than_lines_are_counted(plan: Plan) -> None:
    lines = drawn(running(plan, 9), 80, height=8)
    assert len(lines) <= 8
    assert "and 4 more" in lines
    assert lines[-1].startswith("0/12 cells")


def test_the_time_left_is_shown_from_the_second_cell_on(plan: Plan) -> None:
    progress = running(plan, 2)
    assert "left" not in "".join(drawn(progress, 80))
    progress.on_finish({**plan.cells[0].as_dict(), "status": "ok", "reason": ""})
    assert "left" in "".join(drawn(progress, 80))


def test_a_failure_is_printed_at_once_and_counted(plan: Plan) -> None:
    shown = Console(file=io.StringIO(), width=100)
    progress = LiveProgress(shown)
    progress.on_start(plan, [])
    progress.on_finish({**plan.cells[1].as_dict(), "status": "diverged", "reason": "loss is \x1b[2Jnan\nat step 3"})
    assert isinstance(shown.file, io.StringIO)
    assert "diverged  good x dots seed 0: loss is [2Jnan at step 3" in shown.file.getvalue()
    assert "1 failed" in drawn(progress, 80)[-1]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_in_a_terminal_of_its_own(width: int, tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        # the environment is named: the library readline sets COLUMNS in the one that is inherited
        known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        os.execve(sys.executable, command, known | {"TERM": "xterm", "PYTHONPATH": str(TESTS)})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    output = b""
    try:
        while chunk := os.read(terminal, 4096):
            output += chunk
    except OSError:  # Linux reports the end of a terminal as an error
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, output.decode()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode()))
    assert [line for line in lines if cell_len(line) > width] == []
    joined = " ".join(" ".join(lines).split())
    assert re.search(r"2 cells: 2 models, 1 dataset, 1 seed; 2 at a time, about \d+ s", joined)
    assert "folder: results/of_this_run" in joined
    assert re.search(r"1/2 cells .*about \d+ s left", joined)
    assert "failed good x dots seed 0: no luck no luck" in joined
    assert "lu\r" not in output.decode(), "broken between words"
    after = output.decode().rpartition("THE END")[0]
    assert after.rstrip().endswith("\x1b[2K"), "what is drawn is removed at the end"
