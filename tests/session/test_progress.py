"""What is printed while a run goes on, where there is no terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from sessions import make

from genbench.plan.plan import Plan
from genbench.session.progress import LineProgress, PlainProgress


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
    for kind in (PlainProgress, LineProgress):
        shown = console()
        kind(shown).on_start(plan, [record_of(plan, 0), record_of(plan, 1, "failed")])
        assert f"2 of {len(plan.cells)} cells were finished before and are reused; 1 of them had failed" in text_of(
            shown
        )
        assert "--retry failed" in text_of(shown)
        shown = console()
        kind(shown).on_start(plan, [])
        assert "reused" not in text_of(shown)


def test_plain_progress_shows_nothing_else(plan: Plan) -> None:
    shown = console()
    with PlainProgress(shown) as progress:
        progress.on_start(plan, [])
        progress.on_progress(plan.cells[0], {"phase": "fit", "step": 1, "steps": 5})
        progress.on_finish(record_of(plan, 0, "failed", "no luck"))
    assert text_of(shown) == ""


def test_the_plan_comes_first_with_its_estimate_and_folder(plan: Plan) -> None:
    shown = console()
    LineProgress(shown).on_start(plan, [], 2, Path("results/a\x1b[2Jrun"))
    first, second = text_of(shown).splitlines()
    assert re.fullmatch(r"2 cells: 2 models, 1 dataset, 1 seed; 2 at a time, about \d+ s", first)
    assert second == "folder: results/a[2Jrun"
    shown = console()
    LineProgress(shown).on_start(plan, [], None)
    assert "on all workers" in text_of(shown)


def test_a_plan_without_a_cell_to_run_is_only_counted(plan: Plan) -> None:
    shown = console()
    LineProgress(shown).on_start(plan, [record_of(plan, at) for at in range(len(plan.cells))], 2, Path("run"))
    assert text_of(shown) == "2 of 2 cells were finished before and are reused\n"


def test_each_cell_that_ends_is_a_line_with_the_time_left(plan: Plan) -> None:
    shown = console()
    progress = LineProgress(shown)
    progress.on_start(plan, [], 1)
    progress.on_progress(plan.cells[0], {"phase": "fit", "step": 1, "steps": 5})
    progress.on_finish(record_of(plan, 0))
    progress.on_finish(record_of(plan, 1, "diverged", "loss is \x1b[2Jnan\nat step 3"))
    first, second = text_of(shown).splitlines()[1:]
    assert re.fullmatch(r"\[1/2\] ok  real x dots seed 0, 0 s, about \d+ s left", first)
    assert second == "[2/2] diverged  good x dots seed 0: loss is [2Jnan at step 3", "it did not begin"
