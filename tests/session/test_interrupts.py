"""How a run hears that it is to stop, and what counts as evidence that memory ran out."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from sessions import make

from genbench.cli.main import main
from genbench.session import interrupts
from genbench.session.interrupts import Stop
from genbench.session.options import RunOptions
from genbench.session.session import Session


def test_the_first_signal_is_noted_and_the_second_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.number == signal.SIGTERM
        assert os.read(stop.handle, 1), "who waits hears of it"
        monkeypatch.setattr(interrupts, "DUPLICATE_SIGNAL_S", 1e9)
        os.kill(os.getpid(), signal.SIGTERM)  # a wrapper may pass the first one on
        assert not stop.repeated
        monkeypatch.setattr(interrupts, "DUPLICATE_SIGNAL_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (stop.number, stop.repeated) == (signal.SIGTERM, True)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_signal_interrupts_what_may_wait_for_long() -> None:
    reached = []
    with Stop() as stop:
        with stop.interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("the end of the long call")
        assert (reached, stop.number, stop.repeated) == ([], signal.SIGINT, False)
        time.sleep(2 * interrupts.DUPLICATE_SIGNAL_S)
        with pytest.raises(KeyboardInterrupt), stop.interruptible():
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_that_is_no_signal_of_the_run_is_raised_by_what_may_wait() -> None:
    with Stop() as stop, pytest.raises(KeyboardInterrupt), stop.interruptible():
        raise KeyboardInterrupt


def test_a_run_that_was_told_to_outlive_its_terminal_does() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.number == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_is_no_fault_of_the_plugin_that_is_being_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "slow.py"
    plugin.write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(1)\n")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--plugin", str(plugin), "--out", str(tmp_path / "run")])
    assert ended.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == ""


def test_what_is_imported_while_a_run_begins_is_imported_whole(tmp_path: Path) -> None:
    whole = []

    def meanwhile() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        whole.append("imported")

    plan, registry = make(tmp_path, models="good")
    session = Session(plan, registry, RunOptions(tmp_path / "run", jobs=1))
    records = session.run(meanwhile)
    assert whole == ["imported"]
    assert session.stopped == signal.SIGINT
    assert {record["status"] for record in records} == {"interrupted"}
