"""genbench merge: every attempt of all runs, identical ones once, and sources that are never changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from merged_runs import FAILED, SHARED, two_runs
from run_directories import files_of, folder_of

from genbench.cli.main import main
from genbench.errors import UserError
from genbench.record.merge import merge
from genbench.record.store import MODEL_FILE, Damage, read_record, read_records, read_run
from genbench.record.validation import validate
from genbench.table.results import load


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return two_runs(tmp_path)


def test_all_attempts_are_kept_and_identical_ones_once(two: tuple[Path, Path], tmp_path: Path) -> None:
    before = [files_of(run) for run in two]
    merged = merge(two, tmp_path / "out")
    assert [files_of(run) for run in two] == before, "the sources are only read"
    assert (merged.cells, merged.attempts, merged.identical, merged.renumbered, merged.samples) == (4, 5, 1, 1, 4)
    assert {r["label"]: r["status"] for r in read_records(tmp_path / "out")} == dict.fromkeys(
        ("vae", "gan", "kde", "ae"), "ok"
    )
    gan = folder_of(tmp_path / "out", FAILED)
    attempts = [read_record(gan / f"{n}.json") for n in (1, 2)]
    assert [(a["status"], a["source"]) for a in attempts] == [
        ("failed", {"run": "one", "attempt": 1}),
        ("ok", {"run": "two", "attempt": 1}),
    ]
    assert (gan / "log.txt").read_text() == "attempt 1 of two\n", "what lies beside is of the attempt that counts"
    assert validate(tmp_path / "out").problems == []
    assert len(load(tmp_path / "out").records) == 4


def test_the_order_of_the_runs_changes_no_result(two: tuple[Path, Path], tmp_path: Path) -> None:
    merge(two, tmp_path / "a")
    merge(two[::-1], tmp_path / "b")

    def told(run: Path) -> dict:
        own = ("sha256", "source")
        return {r["key"]: {k: v for k, v in r.items() if k not in own} for r in read_records(run)}

    assert told(tmp_path / "a") == told(tmp_path / "b")


def test_a_run_that_was_merged_is_merged_again(two: tuple[Path, Path], tmp_path: Path) -> None:
    merge(two, tmp_path / "a")
    merged = merge([tmp_path / "a", two[0]], tmp_path / "b")
    assert (merged.attempts, merged.identical) == (5, 3)
    sources = {r["source"]["run"] for r in read_records(tmp_path / "b")}
    assert sources == {"one", "two"}


def test_run_json_is_that_of_one_run_with_all_sessions(two: tuple[Path, Path], tmp_path: Path) -> None:
    merge(two, tmp_path / "out")
    about = read_run(tmp_path / "out")
    assert [source["run"] for source in about["sources"]] == ["one", "two"]
    assert [session["created"] for session in about["sessions"]] == ["later"]
    assert about["cells"][:3] == read_run(two[0])["cells"]
    assert len(about["cells"]) == 4


def test_samples_may_be_linked_or_left_out(two: tuple[Path, Path], tmp_path: Path) -> None:
    merge(two, tmp_path / "linked", "link")
    source, linked = (folder_of(run, SHARED) / "samples.npz" for run in (two[1], tmp_path / "linked"))
    assert linked.samefile(source) or linked.samefile(folder_of(two[0], SHARED) / "samples.npz")
    assert not (folder_of(tmp_path / "linked", SHARED) / "log.txt").samefile(folder_of(two[0], SHARED) / "log.txt")
    assert merge(two, tmp_path / "bare", "none").samples == 0
    assert np.load(linked)["samples"].shape == (5, 2)


def test_trained_models_are_copied_with_samples(two: tuple[Path, Path], tmp_path: Path) -> None:
    (folder_of(two[0], SHARED) / MODEL_FILE).write_bytes(b"weights")
    (folder_of(two[1], SHARED) / MODEL_FILE).write_bytes(b"weights")
    merge(two, tmp_path / "whole")
    merge(two, tmp_path / "bare", "none")
    assert (folder_of(tmp_path / "whole", SHARED) / MODEL_FILE).read_bytes() == b"weights"
    assert not (folder_of(tmp_path / "bare", SHARED) / MODEL_FILE).exists()


def test_what_is_damaged_is_left_out_and_told(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = folder_of(two[0], FAILED) / "1.json"
    bad.write_text("{")
    (two[0] / "run.json").write_text("torn")
    damaged = merge(two, tmp_path / "out").damaged
    assert {damage.path for damage in damaged} == {bad, two[0] / "run.json"}
    assert all(isinstance(damage, Damage) for damage in damaged)
    assert main(["merge", *map(str, two), "-o", str(tmp_path / "again")]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err.count(str(bad)) == 1


def test_runs_without_their_run_json_are_joined_to_a_whole_run(two: tuple[Path, Path], tmp_path: Path) -> None:
    for run in two:
        (run / "run.json").write_text("torn")
    merge(two, tmp_path / "out")
    assert validate(tmp_path / "out").problems == []
    assert {record["label"] for record in read_records(tmp_path / "out")} == {"vae", "gan", "kde", "ae"}


def test_links_in_a_source_are_not_followed(two: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (folder_of(two[0], FAILED) / "stolen.txt").symlink_to(tmp_path / "secret")
    merge([two[0]], tmp_path / "out")
    assert not (folder_of(tmp_path / "out", FAILED) / "stolen.txt").exists()


def test_a_merge_that_fails_in_the_middle_leaves_nothing(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", full)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="No space left on device"):
        merge(two, tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_records_are_compressed_and_read_alike(two: tuple[Path, Path], tmp_path: Path) -> None:
    merge(two, tmp_path / "plain")
    assert main(["merge", *map(str, two), "-o", str(tmp_path / "small"), "--compress"]) == 0
    assert not list((tmp_path / "small").glob("cells/*/*/*.json"))
    assert read_records(tmp_path / "small") == read_records(tmp_path / "plain")
    assert validate(tmp_path / "small").problems == []
    again = merge([tmp_path / "small"], tmp_path / "again")
    assert (again.attempts, again.renumbered) == (5, 0)


@pytest.mark.parametrize("content", [b"", b"not by gzip", b"\x1f\x8b\x08\x00" + bytes(20)])
def test_a_damaged_compressed_record_is_told(two: tuple[Path, Path], tmp_path: Path, content: bytes) -> None:
    merge(two, tmp_path / "small", compress=True)
    file = folder_of(tmp_path / "small", SHARED) / "1.json.gz"
    whole = file.read_bytes()
    for each in (content, whole[: len(whole) // 2]):
        file.write_bytes(each)
        damaged: list[Damage] = []
        assert len(read_records(tmp_path / "small", damaged=damaged)) == 3
        assert [damage.path for damage in damaged] == [file]
