"""Models that turn against the processes and the files of the run itself: it goes on, ends them, and says so."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from faults.runs import Run, between_goods

pytestmark = pytest.mark.slow

MODELS = ["floods_descriptors", "starts_many", "leaves_an_orphan", "kills_the_server"]


def alive(run: Run, name: str) -> list[int]:
    pids = map(int, (run.folder / name).read_text().split())
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("against"), between_goods(MODELS), "--timeout=120s", "--memory=2GB", "--jobs=1")
    done = run.finish()
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    return run


def test_every_cell_has_its_row(played: Run) -> None:
    found = {label: record["status"] for label, record in played.records.items()}
    assert found.pop("floods_descriptors") in ("ok", "crashed"), "it may spoil its own messages"
    assert found.pop("leaves_an_orphan") == "lost"
    assert found.pop("kills_the_server") in ("ok", "lost")
    assert set(found.values()) == {"ok"}, found


@pytest.mark.parametrize("name", ["starts_many", "leaves_an_orphan"])
def test_nothing_that_a_cell_started_is_left(played: Run, name: str) -> None:
    assert alive(played, name) == []
    assert played.left() == []


def test_records_that_a_plugin_wrote_over_are_named(tmp_path: Path) -> None:
    run = Run(tmp_path, "overwrites_the_run", "--jobs=1")
    done = run.finish()
    assert done.returncode == 3
    [line] = [line for line in done.stderr.splitlines() if line.startswith("damaged: ")]
    assert "1.json: was changed or removed while the run went on" in line
    assert "gap" in done.stdout, "the tables are those of what was measured"
