"""What is shown while a run goes on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from sessions import make

from genbench.plan.plan import Plan
from genbench.session.progress import LiveProgress, PlainProgress


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make(tmp_path, models="good")[0]


def console(**options) -> Console:
    return Console(file=io.StringIO(), width=160, **options)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def record_of(plan: Plan, at: int, status: str = "ok", reason: str = "") -> dict:
    return {**plan.cells[at].as_dict(), "status": status, "reason": reason}


def test_reused_cells_are_counted_and_failures_among_them_named(plan: Plan) -> None:
    for kind in (PlainProgress, LiveProgress):
        shown = console()
        kind(shown).on_start(plan, [record_of(plan, 0), record_of(plan, 1, "failed")])
        assert f"2 of {len(plan.cells)} cells were finished before and are reused; 1 of them had failed" in text_of(
            shown
        )
        assert "--retry failed" in text_of(shown)
        shown = console()
        kind(shown).on_start(plan, [])
        assert text_of(shown) == ""


def test_without_a_terminal_nothing_is_drawn_while_cells_run(plan: Plan) -> None:
    shown = console(force_terminal=False)
    with LiveProgress(shown) as progress:
        progress.on_start(plan, [])
        progress.on_progress(plan.cells[0], {"phase": "fit", "step": 1, "steps": 5})
        progress.on_finish(record_of(plan, 0))
    assert text_of(shown) == ""


def test_a_failure_is_said_at_once_and_moves_no_cursor(plan: Plan) -> None:
    shown = console(force_terminal=False)
    progress = LiveProgress(shown)
    progress.on_start(plan, [])
    progress.on_finish(record_of(plan, 1, "diverged", "loss is \x1b[2Jnan\nat step 3"))
    assert text_of(shown).strip() == "diverged  good x dots seed 0: loss is [2Jnan at step 3"


def test_a_line_shows_phase_step_and_losses_of_a_cell_that_runs(plan: Plan) -> None:
    progress = LiveProgress(console())
    progress.on_start(plan, [])
    values = {"loss": 0.123456, "kl": None, "third": 3.0}
    progress.on_progress(plan.cells[1], {"phase": "fit", "step": 2, "steps": 5, "values": values})
    shown = console()
    shown.print(progress)
    line = next(line for line in text_of(shown).splitlines() if "good x dots" in line)
    assert "training" in line
    assert "2/5" in line
    assert "loss 0.1235" in line
    assert "third" not in line, "two values at most"
    progress.on_finish(record_of(plan, 1))
    shown = console()
    shown.print(progress)
    assert "good x dots" not in text_of(shown)
    assert f"1/{len(plan.cells)}" in text_of(shown)
