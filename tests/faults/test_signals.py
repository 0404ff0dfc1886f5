"""A run that is stopped or killed, at any moment: what was finished stays, nothing is left alive, and it goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.runs import Run, goods, scores

pytestmark = pytest.mark.slow

PATIENCE = 120.0  # seconds, for a busy machine
PROMPT = 3.0  # seconds that a run may take to stop; asserted with as much again


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def stop(run: Run, *numbers: int, begun: str) -> tuple[float, int, str, str]:
    """Send signals once a model has begun; return the seconds until the end, the exit code and what was printed."""
    process = run.start()
    try:
        wait_for(lambda: (run.folder / begun).exists() and any(f for f in run.files), process)
        at = time.monotonic()
        for i, number in enumerate(numbers):
            time.sleep(0.2 if i else 0)
            if number == signal.SIGINT:
                os.killpg(process.pid, number)  # a terminal tells all that is in the foreground
            else:
                process.send_signal(number)
        process.wait(timeout=60)  # what it says fits a pipe
        seconds = time.monotonic() - at
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return seconds, process.returncode, out, err


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["ctrl_c", "sigterm", "sighup"],
)
def test_a_run_that_is_stopped_writes_down_what_there_is(number: int, code: int, tmp_path: Path) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("these tests run under nohup, and so would the run")
    run = Run(tmp_path, "good[number=1],ignores_sigterm,good[number=2],sleeps,good[number=3],good[number=4]")
    seconds, returned, out, err = stop(run, number, begun="ignores_sigterm")
    assert returned == code, err
    assert seconds < 2 * PROMPT
    assert "Traceback" not in err
    assert "stopped; to resume: genbench run" in err
    assert run.left() == []
    records = run.records
    assert records["real"]["status"] == "ok"
    assert (records["ignores_sigterm"]["status"], records["ignores_sigterm"]["phase"]) == ("interrupted", "fit")
    by = "by the user" if number == signal.SIGINT else f"by {signal.Signals(number).name}"
    assert records["ignores_sigterm"]["reason"] == f"stopped {by}"
    rows = {line.split(" ")[0]: line for line in out.splitlines()}
    assert "interrupted" in rows["ignores_sigterm"]
    waiting = {"sleeps", *(f"good[number={i}]" for i in range(1, 5))} - set(records)
    assert waiting, "some had not begun"
    for name in waiting:
        assert "interrupted" in rows[name], "a row, and no claim that it ran"

    if number == signal.SIGINT:
        done = Run(tmp_path, "good[number=1],good[number=2],good[number=3],good[number=4]").finish()
        assert done.returncode == 0, done.stderr
        assert f"{sum(r['status'] == 'ok' for r in records.values())} of 5 cells were finished before" in done.stderr


def test_a_second_signal_stops_a_run_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path, "good[number=1],ignores_sigterm,sleeps")
    seconds, returned, _, err = stop(run, signal.SIGINT, signal.SIGINT, begun="ignores_sigterm")
    assert returned == 130
    assert seconds < 2 * PROMPT
    assert "Traceback" not in err
    assert run.left() == []
    assert run.records["real"]["status"] == "ok", "every file is a whole record"


def test_a_run_that_is_killed_leaves_nothing_alive(tmp_path: Path) -> None:
    run = Run(tmp_path, "holds_the_gil,ignores_sigterm,good[number=1]")
    process = run.start()
    wait_for(lambda: all((tmp_path / name).exists() for name in ("holds_the_gil", "ignores_sigterm")), process)
    process.kill()
    process.communicate()
    assert run.left() == []


def test_a_run_outlives_the_server_that_its_cells_are_forked_from(tmp_path: Path) -> None:
    names = goods(6)
    run = Run(tmp_path, ",".join(names))
    process = run.start()
    for at in (1, 3):
        wait_for(lambda at=at: len(run.files) >= at, process)
        server = run.server()
        if server is not None:
            server.kill()
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert {record["status"] for record in run.records.values()} == {"ok"}
    assert set(run.records) == {"real", *names}
    assert run.left() == []


def test_a_run_killed_at_ten_random_moments_ends_as_if_it_never_was(tmp_path: Path) -> None:
    names = ",".join([*goods(24), "raises", "not_finite", "leaves"])
    straight = Run(tmp_path, names, out="straight")
    assert straight.finish().returncode == 3
    run, rng = Run(tmp_path, names, out="killed"), random.Random(0)
    for _ in range(10):
        more = rng.choice((-1, -1, 0, 1, 2))  # at once, once it has begun, or after so many more records
        enough, process = len(run.files) + more, run.start()
        wait_for(lambda n=enough, at_once=more < 0: at_once or (run.begun and len(run.files) >= n), process)
        time.sleep(rng.random() * 0.5)
        there = {path: path.read_bytes() for path in run.files}
        process.kill()
        process.communicate()
        assert run.left() == []
        assert {path: path.read_bytes() for path in there} == there, "nothing that was written is lost or changed"
    assert len(run.files) < len(straight.files), "it was killed before its end"
    assert run.finish().returncode == 3
    assert scores(run.records) == scores(straight.records)
    assert len(run.records) == len(straight.records) == 28
    finished = [path for path in run.files if '"interrupted"' not in path.read_text()]
    assert len(finished) == 28, "none was run twice"


def test_two_hundred_cells_with_a_random_tenth_hostile_end_with_two_hundred_records(tmp_path: Path) -> None:
    hostile = ["raises", "leaves", "segfaults", "kills_itself", "exits", "not_finite", "evil_samples", "flat", "rude",
               "raises_oddly", "leaves_a_daemon", "empty", "cannot_be_sent", "asks_for_much", "aborts", "interrupts",
               "closes_everything", "leaves_threads", "forks"]  # fmt: skip
    names = [*goods(180), *hostile]
    random.Random(1).shuffle(names)
    run = Run(tmp_path, ",".join(names))
    assert run.finish().returncode == 3
    records = run.records
    assert len(records) == len(run.files) == 200
    assert {records[name]["status"] for name in ("real", *goods(180))} == {"ok"}
    assert {records[name]["status"] for name in hostile} == {"ok", "failed", "crashed", "invalid", "oom"}
    assert run.left() == []
