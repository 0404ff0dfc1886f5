"""What may befall a run's directory, against the real command line: nothing that was finished is lost or damaged."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from run_directories import files_of

from genbench.cli.main import main
from genbench.record.integrity import add_digest
from genbench.record.store import read_records, read_run
from genbench.record.validation import validate

TINY = ["-m", "gaussian,memoriser", "-d", "ring", "--metrics", "energy", "--preset", "smoke", "--jobs", "1"]
FULL = '''
"""From the second record on the disk is full."""

import os

from genbench import hookimpl

link = os.link


@hookimpl
def genbench_register():
    return []


@hookimpl
def genbench_cell_finished(record):
    def full(*_):
        raise OSError(28, "No space left on device")

    os.link = full
'''


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "genbench", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three cells."""
    run = tmp_path_factory.mktemp("finished") / "run"
    done = command("run", *TINY, "--out", run)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(finished, tmp_path / "run"))


def first_file(run: Path) -> Path:
    return min(run.glob("cells/*/*/1.json"))


def statuses(run: Path) -> list[str]:
    return [record["status"] for record in read_records(run)]


# ------------------------------------------------------------------------------------------------------------ damage


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[content.index(b'"seed"') + 8] ^= 1
    file.write_bytes(content)


def foreign(file: Path) -> None:
    file.write_bytes(max(file.parents[3].glob("cells/*/*/1.json")).read_bytes())


def emptied(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.slow
@pytest.mark.parametrize("damage", [torn, flipped, foreign, emptied])
def test_a_damaged_record_is_told_once_by_every_command_and_its_cell_run_again(
    run: Path, damage, capfd: pytest.CaptureFixture[str]
) -> None:
    file = first_file(run)
    good = {name: content for name, content in files_of(run).items() if name.endswith(".json") and name != "run.json"}
    del good[file.relative_to(run).as_posix()]
    damage(file)
    bad = file.read_bytes()

    assert main(["table", str(run)]) == 0
    assert capfd.readouterr().err.count(str(file)) == 1
    assert main(["validate", str(run)]) == 3
    assert capfd.readouterr().out.count(file.name) == 1
    assert file.read_bytes() == bad, "neither changes anything"

    assert main(["run", *TINY, "--out", str(run)]) == 0
    aside = file.with_name("1.json.damaged")
    assert capfd.readouterr().err.count(str(aside)) == 1
    assert aside.read_bytes() == bad
    assert statuses(run) == ["ok"] * 3
    assert {name: files_of(run)[name] for name in good} == good
    assert validate(run).problems == []
    assert main(["table", str(run)]) == 0
    assert capfd.readouterr().err == "", "its cell has run again"


def test_a_record_of_a_newer_genbench_is_refused_and_left_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = first_file(run)
    file.write_text(json.dumps(add_digest(json.loads(file.read_text()) | {"schema_version": 99})))
    before = files_of(run)
    for arguments in (["table", str(run)], ["run", *TINY, "--out", str(run)], ["validate", str(run)],
                      ["merge", str(run), "-o", str(run.parent / "merged")], ["score", str(run)]):  # fmt: skip
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "schema 99 is newer than this genbench" in err
        assert "pip install -U genbench" in err
    assert {name: content for name, content in files_of(run).items() if name != ".lock"} == {
        name: content for name, content in before.items() if name != ".lock"
    }


def test_records_of_schema_1_stand_beside_todays(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in run.glob("cells/*/*/1.json"):
        old = {
            name: value for name, value in json.loads(file.read_text()).items() if name not in ("sha256", "identity")
        }
        file.write_text(json.dumps(old | {"schema_version": 1}))
    before = files_of(run)
    assert main(["run", *TINY, "--out", str(run)]) == 0
    assert "3 of 3 cells were finished before" in capsys.readouterr().err
    now = files_of(run)
    assert {name: now[name] for name in before if name != "run.json"} == {
        name: content for name, content in before.items() if name != "run.json"
    }
    assert main(["table", str(run), "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 4


# --------------------------------------------------------------------------------------------------- full and shared


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_middle_costs_no_finished_record(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text(textwrap.dedent(FULL))
    run = tmp_path / "run"
    done = command("run", *TINY, "--out", run, "--plugin", tmp_path / "full.py")
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("genbench: ")
    assert "the record cannot be written (No space left on device); those written so far are intact" in last
    assert f"--out {run}" in last
    assert "Traceback" not in done.stderr
    assert statuses(run) == ["ok"]
    assert validate(run).problems == []
    assert not list(run.glob("cells/*/*/.*json*")), "nothing half written"
    [kept] = run.glob("cells/*/*/1.json")
    before = kept.read_bytes()
    done = command("run", *TINY, "--out", run)
    assert done.returncode == 0, done.stderr
    assert statuses(run) == ["ok"] * 3
    assert kept.read_bytes() == before


def test_a_disk_that_is_full_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genbench.record.store.os.fsync", full)
    run = tmp_path / "run"
    assert main(["run", *TINY, "--out", str(run)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"genbench: --out {run}: cannot be written (No space left on device); choose another directory\n"
    assert not list(run.glob("**/*.json*"))


@pytest.mark.parametrize("out", ["a_file", "a_file/below"])
def test_results_that_are_a_file(out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a_file").write_text("mine")
    assert main(["run", *TINY, "--out", str(tmp_path / out)]) == 2
    assert "is not a directory; choose another" in capsys.readouterr().err
    assert (tmp_path / "a_file").read_text() == "mine"


@pytest.mark.slow
def test_two_runs_may_share_a_directory(tmp_path: Path) -> None:
    run = tmp_path / "run"
    rest = ["-d", "ring", "--metrics", "energy", "--preset", "smoke", "--jobs", "1", "--out", str(run)]
    runs = [
        subprocess.Popen([sys.executable, "-m", "genbench", "run", "-m", models, *rest], stderr=subprocess.PIPE)
        for models in ("gaussian,-memoriser", "memoriser,-gaussian", "kde,-gaussian,-memoriser")
    ]
    assert [process.wait(300) for process in runs] == [0, 0, 0]
    assert sorted(record["label"] for record in read_records(run)) == ["gaussian", "kde", "memoriser", "real"]
    assert set(statuses(run)) == {"ok"}
    assert len(read_run(run)["sessions"]) == 2
    assert set(read_run(run)["cells"]) == {record["key"] for record in read_records(run)}
    assert validate(run).problems == []
