"""Cells on the workers of a real Dask scheduler on 127.0.0.1: the same bits, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from dask_runs import Site, ended, wait_until
from sessions import DOTS, make, samples

from genbench.record.store import read_records
from genbench.session.options import RunOptions
from genbench.session.session import Session


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def by_cell(run: Path) -> dict[tuple[str, int], dict]:
    return {(record["label"], record["seed"]): record for record in read_records(run)}


def assert_same(run: Path, other: Path) -> None:
    """Check that two runs have the same cells with the same bits."""
    ours, theirs = by_cell(run), by_cell(other)
    assert ours.keys() == theirs.keys()
    for cell, record in ours.items():
        assert record["status"] == theirs[cell]["status"] == "ok", (record["reason"], theirs[cell]["reason"])
        assert record["key"] == theirs[cell]["key"]
        assert np.array_equal(samples(run, record), samples(other, theirs[cell]))
        assert [(s["value"], s["floor"]) for s in record["scores"]] == [
            (s["value"], s["floor"]) for s in theirs[cell]["scores"]
        ]


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_costs_nothing_and_the_bits_are_those_of_a_local_run(site: Site) -> None:
    site.scheduler()
    doomed, _ = site.worker(), site.worker()
    site.wait_for_workers(2)
    run = site.run("--seeds", "2", "--scheduler", site.address, "--out", "far", models="waits,good,exact")
    site.wait_for_cells(run, 2)
    inside = {pid: [parent.pid for parent in psutil.Process(pid).parents()] for pid in site.at_work()}
    [cell] = [pid for pid, parents in inside.items() if doomed.pid in parents]
    os.kill(doomed.pid, signal.SIGKILL)
    wait_until(lambda: not alive(cell))
    site.go()
    code, said = ended(run)
    assert code == 0, said
    assert len(list((site.folder / "far").glob("cells/*/*/*.json"))) == len(by_cell(site.folder / "far")) == 8
    plan, registry = make(site.folder, site.folder / "models.py", models="waits,good,exact", seeds=2)
    Session(plan, registry, RunOptions(site.folder / "near", jobs=1)).run()
    assert_same(site.folder / "far", site.folder / "near")
    assert subprocess.run([sys.executable, "-m", "genbench", "validate", "far"], cwd=site.folder).returncode == 0


@pytest.mark.slow
def test_a_run_that_is_stopped_or_loses_its_scheduler_is_finished_anywhere(site: Site) -> None:
    scheduler = site.scheduler()
    site.worker()
    site.wait_for_workers(1)
    far = ("--scheduler", site.address, "--out", "run")
    run = site.run(*far, models="waits,exact")
    site.wait_for_cells(run, 1)
    [cell] = site.at_work()
    run.send_signal(signal.SIGINT)
    code, said = ended(run)
    assert code == 130, said
    assert by_cell(site.folder / "run")["waits", 0]["status"] == "interrupted"
    wait_until(lambda: not alive(cell))  # though its worker lives on

    run = site.run(*far, models="waits,exact")
    site.wait_for_cells(run, 2)
    scheduler.kill()
    code, said = ended(run)
    assert code == 3, said
    assert f"the scheduler of {site.address} is gone; when it is back, the same run with --out run goes on" in said
    lost = by_cell(site.folder / "run")["waits", 0]
    assert (lost["status"], lost["attempt"]) == ("lost", 2)
    wait_until(lambda: not any(map(alive, site.at_work())))

    site.go()
    code, said = site.finish("--out", "run", models="waits,exact")  # on this machine
    assert code == 0, said
    assert {record["status"] for record in by_cell(site.folder / "run").values()} == {"ok"}


@pytest.mark.slow
def test_a_hanging_and_a_dying_cell_cost_no_worker(site: Site) -> None:
    code, said = site.finish("--scheduler=local:1", "--timeout=4s", "--out=run", models="hangs,dies,good")
    assert code == 3, said
    ends = {record["label"]: (record["status"], record["phase"]) for record in read_records(site.folder / "run")}
    assert ends == {
        "real": ("ok", "score"), "good": ("ok", "score"), "hangs": ("timeout", "fit"), "dies": ("crashed", "fit"),
    }  # fmt: skip
    usage = {record["label"]: record["usage"] for record in read_records(site.folder / "run")}
    assert usage["hangs"]["fit"]["left"] == 0


MINE = DOTS.replace('"dots"', '"mydots"')


for name in ("good", "exact", "gap"):
    MINE = MINE.replace(f'Spec("{name}"', f'Spec("my{name}"')


@pytest.mark.slow
def test_what_can_not_work_is_refused_before_the_first_cell(site: Site) -> None:
    for version in ("1.0", "2.0"):  # of one plugin, on this machine and on the worker
        info = site.folder / version / f"genbench_mine-{version}.dist-info"
        info.mkdir(parents=True)
        (site.folder / version / "genbench_mine.py").write_text(MINE)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: genbench-mine\nVersion: {version}\nRequires-Dist: genbench\n"
        )
        (info / "entry_points.txt").write_text("[genbench]\nmine = genbench_mine\n")
    site.scheduler()
    wait = {"DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "2s"}
    far = ("--scheduler", site.address, "--out", "run", "-d", "mydots")
    code, said = site.finish(*far, **wait, PYTHONPATH=str(site.folder / "1.0"), models="mygood")
    assert code == 2, said
    assert "it has no workers; start some: dask worker" in said

    site.worker(PYTHONPATH=str(site.folder / "2.0"))
    site.wait_for_workers(1)
    code, said = site.finish(*far, **wait, PYTHONPATH=str(site.folder / "1.0"), models="mygood")
    assert code == 2, said
    line = said.strip().splitlines()[-1]
    assert f"genbench: --scheduler {site.address}: worker tcp://127.0.0.1:" in line
    assert "has genbench-mine 2.0, this session 1.0" in line
    code, said = site.finish(*far, "--device=cuda", **wait, PYTHONPATH=str(site.folder / "2.0"), models="mygood")
    assert code == 2, said
    assert "its 1 workers offer no GPU" in said
    site.worker("--resources", "GPU=1", "--no-nanny", PYTHONPATH=str(site.folder / "2.0"), CUDA_VISIBLE_DEVICES="")
    site.wait_for_workers(2)
    code, said = site.finish(*far, "--device=cuda", **wait, PYTHONPATH=str(site.folder / "2.0"), models="mygood")
    assert code == 2, said
    assert "offers a GPU, but: --device cuda:0" in said
    assert not (site.folder / "run").exists()
