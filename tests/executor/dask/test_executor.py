"""Cells on the workers of a real Dask scheduler on 127.0.0.1: the same bits, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from sessions import DOTS, make, samples

from genbench.errors import UserError
from genbench.executor.dask import worker_side
from genbench.executor.dask.address import parse_scheduler
from genbench.plan.device_names import remote_device
from genbench.record.store import read_records
from genbench.session.options import RunOptions
from genbench.session.session import Session

distributed = pytest.importorskip("distributed")

SCRIPTS = Path(sys.executable).parent
PATIENCE = 240  # seconds that a busy machine may need; nothing waits so long for its own sake
MODELS = """
import os, pathlib, subprocess, time
import torch
from genbench import ModelSpec, hookimpl

class Base:
    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return torch.randn(n, *self.shape)

class Waits(Base):
    def fit(self, data, run):
        super().fit(data, run)
        here = pathlib.Path(__file__).parent
        (here / f"{os.getpid()}.at-work").touch()
        while not (here / "go").exists():
            time.sleep(0.05)

class Hangs(Base):
    def fit(self, data, run):
        time.sleep(1000)

class Dies(Base):
    def fit(self, data, run):
        os._exit(7)

@hookimpl
def genbench_register():
    return [
        ModelSpec("waits", Waits, None, "waits for a file", iterative=False),
        ModelSpec("hangs", Hangs, None, "never ends", iterative=False),
        ModelSpec("dies", Dies, None, "ends its process", iterative=False),
    ]
"""


class Site:
    """A scheduler and its workers as processes of their own, and command lines that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "dots.py").write_text(DOTS)
        (folder / "models.py").write_text(MODELS)
        self.environment = {
            **os.environ,
            "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "250",
        }

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"process-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [str(SCRIPTS / "dask"), *command], env={**self.environment, **environment}, cwd=self.folder, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        return self.start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        options = options or ("--resources", "CELL=1", "--no-nanny")
        where = ("--host", "127.0.0.1", "--local-directory", str(self.folder / f"scratch-{len(self.processes)}"))
        return self.start("worker", self.address, "--nthreads", "1", "--no-dashboard", *where, *options, **environment)

    def wait_for_workers(self, count: int) -> None:
        with distributed.Client(self.address, set_as_default=False, timeout=PATIENCE) as client:
            client.wait_for_workers(count, timeout=PATIENCE)

    def run(self, *options: str, models: str = "good,exact", **environment: str) -> subprocess.Popen[str]:
        plugins = [f"--plugin={self.folder / name}" for name in ("dots.py", "models.py")]
        return subprocess.Popen(
            [sys.executable, "-m", "genbench", "run", *plugins, "-d", "dots", "--metrics", "gap", "--preset", "smoke",
             "-m", f"{models},-gaussian,-memoriser", "--budget", "5steps", *options],
            env={**self.environment, **environment}, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip

    def finish(self, *options: str, **how: str) -> tuple[int, str]:
        """Run a command line to its end; return its exit code and its stderr."""
        return ended(self.run(*options, **how))

    def at_work(self) -> list[int]:
        return [int(path.name.partition(".")[0]) for path in self.folder.glob("*.at-work")]

    def wait_for_cells(self, run: subprocess.Popen[str], count: int) -> None:
        wait_until(lambda: len(self.at_work()) == count or run.poll() is not None)
        assert run.poll() is None, ended(run)

    def go(self) -> None:
        (self.folder / "go").touch()

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


# ------------------------------------------------------------------------------------------------------ real schedulers


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
    assert f"the scheduler of {site.address} is gone; when it is back: genbench run ... --out run" in said
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


SBATCH = """#!/bin/bash
cp "$1" "$JOBS/job.sh"
setsid bash "$JOBS/job.sh" > "$JOBS/job.log" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/bash
echo "$1" >> "$JOBS/cancelled"
kill -- -"$1"
"""


@pytest.mark.slow
def test_jobs_of_a_batch_system_are_submitted_used_and_cancelled(site: Site) -> None:
    pytest.importorskip("dask_jobqueue")
    commands = site.folder / "bin"
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    environment = {
        "JOBS": str(site.folder), "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "DASK_JOBQUEUE__SLURM__QUEUE": "short", "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "200s",
        "DASK_JOBQUEUE__SLURM__INTERFACE": "lo",
    }  # fmt: skip
    code, said = site.finish("--scheduler", "slurm:1", "--out", "run", **environment)
    assert code == 0, said
    assert "waiting for the first worker of slurm:1" in said
    assert "Traceback" not in said
    assert "Error" not in said
    assert {record["status"] for record in read_records(site.folder / "run")} == {"ok"}
    script = (site.folder / "job.sh").read_text()
    assert "#SBATCH -p short" in script
    assert "--resources CELL=1" in script
    assert "tls://127.0.0.1" in script
    assert (site.folder / "cancelled").exists()
    assert not list((site.folder / "run").glob(".keys-*")), "no key of TLS is left behind"

    (commands / "sbatch").write_text("#!/bin/bash\necho 'invalid partition' >&2\nexit 1\n")
    code, said = site.finish("--scheduler", "slurm:1", "--out", "refused", **environment)
    assert code == 2, said
    assert "--scheduler slurm:1: a job could not be submitted: " in said
    assert "invalid partition" in said
    assert "Traceback" not in said


# ------------------------------------------------------------------------------------------------------ without workers


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://10.0.0.5:8786", "tunnel it"),
        ("tcp://example.org:8786", "--insecure"),
        ("tcp://127.0.0.1", "expected an address"),
        ("http://127.0.0.1:8786", "expected an address"),
        ("slrum:3", "did you mean 'slurm'"),
        ("slurm", "slurm:N"),
        ("local:0", "local:N"),
        ("local:-1", "local:N"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        RunOptions(scheduler=text).check()


def test_places() -> None:
    for text in ("tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://10.0.0.5:8786"):
        assert parse_scheduler(text).kind == ""
    assert parse_scheduler("tcp://10.0.0.5:8786", insecure=True).text == "tcp://10.0.0.5:8786"
    assert (parse_scheduler("slurm:20").kind, parse_scheduler("slurm:20").workers) == ("slurm", 20)
    assert (remote_device("auto"), remote_device("cuda")) == ("cpu", "cuda:0")
    with pytest.raises(UserError, match="expected cpu or cuda"):
        remote_device("cuda:1")
    with pytest.raises(UserError, match="--isolation none"):
        RunOptions(isolation="none", scheduler="local:2").check()


def test_a_worker_that_differs_says_in_what(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    expected = worker_side.expectations(plan)
    (tmp_path / "token").touch()

    def problem(token: str = "token", **changed: dict) -> str:
        return worker_side.problem_of({**expected, **changed}, str(tmp_path), token, "cpu")

    assert problem() == ""
    assert problem("absent") == f"does not see {tmp_path}; give an --out that all machines share"
    assert problem(versions={"torch": "0.1"}).startswith("has torch 2")
    assert problem(versions={"genbench-absent": "1.0"}).startswith("has genbench-absent not at all")
    assert problem(sources={"genbench ": "0"}).startswith("has another source of genbench")
    assert problem(sources={"genbench_absent ": "0"}).startswith("has no genbench_absent")
    assert problem(data={str(tmp_path / "absent.csv"): 3}).startswith("does not see")
    (tmp_path / "dots.py").write_text("changed")
    assert "dots.py" in problem()


def _tell(folder: str, channel) -> None:
    channel.send(worker_side.problem_of({"versions": {}, "sources": {}, "files": {}, "data": {}}, folder, ".", "cpu"))


def test_a_worker_that_may_start_no_processes_says_how_it_could(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_tell, args=(str(tmp_path), theirs), daemon=True)
    process.start()
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in ours.recv()
    process.join()
