"""What a notebook shows while a run goes on."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from sessions import make

from genbench.plan.plan import Plan
from genbench.session.notebook_progress import NotebookProgress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What IPython would show in one output, the last at the end."""
    states: list[str] = []
    handle = SimpleNamespace(update=states.append)

    def display(html: str, *, display_id: bool) -> Any:
        assert display_id
        states.append(html)
        return handle

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display, HTML=str))
    return states


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make(tmp_path, models="good")[0]


def test_a_bar_advances_in_one_output(plan: Plan, shown: list[str]) -> None:
    with NotebookProgress(Console(file=io.StringIO())) as progress:
        progress.on_start(plan, [], 2, Path("results/run"))
        assert '<progress value="0" max="2"' in shown[0]
        assert "2 cells: 2 models" in shown[0]
        assert "folder: results/run" in shown[0]
        progress.on_progress(plan.cells[0], {"phase": "fit", "step": 3, "steps": 5})
        progress.on_progress(plan.cells[0], {"phase": "fit", "step": 4, "steps": 5})
        assert "seed 0: training 3/5" in shown[-1]
        assert len(shown) == 2, "at most once a second"
        progress.on_finish({**plan.cells[0].as_dict(), "status": "ok", "reason": ""})
        assert "1/2 cells" in shown[-1]
        assert "left" in shown[-1]
        progress.on_finish({**plan.cells[1].as_dict(), "status": "failed", "reason": "<script>no luck</script>"})
    assert '<progress value="2" max="2"' in shown[-1]
    assert "failed: good x dots seed 0: &lt;script&gt;no luck" in shown[-1]
    assert "<script" not in "".join(shown)


def test_a_run_that_is_finished_shows_no_bar(plan: Plan, shown: list[str]) -> None:
    done = [{**cell.as_dict(), "status": "ok", "reason": ""} for cell in plan.cells]
    with NotebookProgress(Console(file=io.StringIO())) as progress:
        progress.on_start(plan, done, 2, Path("results/run"))
    assert shown == []
