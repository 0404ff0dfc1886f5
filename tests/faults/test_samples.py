"""Samples that were replaced or swapped on the disk: named as damaged by every command, and never scored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from run_directories import files_of, folder_of
from sessions import play, write_plugin

from genbench.cli.main import main
from genbench.record.store import read_records
from genbench.record.validation import validate

MEAN = """
def mean(evidence):
    return Score(float(evidence.fake.mean()))

@hookimpl
def genbench_register():
    return [MetricSpec("mean", mean, None, "of all samples")]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    play(folder, metrics="gap", budget="10steps")
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def records(run: Path) -> dict[str, dict]:
    return {record["label"]: record for record in read_records(run)}


def swap(run: Path) -> list[Path]:
    """Exchange the samples of two models, which have one shape and one type."""
    found = records(run)
    files = [folder_of(run, found[label]) / "samples.npz" for label in ("good", "exact")]
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, reversed(contents), strict=True):
        file.write_bytes(content)
    return files


def plugins(folder: Path) -> list[str]:
    return ["--plugin", str(folder / "dots.py"), "--plugin", str(write_plugin(folder / "mean.py", MEAN))]


@pytest.mark.slow
def test_swapped_samples_are_damaged_named_and_never_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    files = swap(run)
    problems = {problem.path: problem.kind for problem in validate(run).problems}
    assert problems == {file.relative_to(run).as_posix(): "damaged" for file in files}
    before = {name: content for name, content in files_of(run).items() if name.endswith(".json") and "cells" in name}

    assert main(["score", str(run), *plugins(folder), "--metrics", "mean"]) == 3
    err = capsys.readouterr().err
    assert "2 cells are not scored: their samples.npz is damaged" in err
    assert "good x dots seed 0" in err
    found = records(run)
    assert {label for label, record in found.items() if any(s["metric"] == "mean" for s in record["scores"])} == {
        "real"
    }
    assert {name: files_of(run)[name] for name in before} == before


def test_a_run_of_damaged_samples_alone_is_refused_with_exit_code_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "run"
    for record in read_records(run):
        file = folder_of(run, record) / "samples.npz"
        file.write_bytes(file.read_bytes()[:-30])
    assert main(["score", str(run), *plugins(folder), "--metrics", "mean"]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "nothing can be scored: their samples.npz is damaged" in err


@pytest.mark.slow
def test_the_same_run_again_draws_damaged_samples_anew(folder: Path) -> None:
    run = folder / "run"
    before = {label: record["attempt"] for label, record in records(run).items()}
    sound = {file: file.read_bytes() for file in sorted(run.glob("cells/*/*/samples.npz"))}
    swap(run)
    play(folder, metrics="gap", budget="10steps")
    after = {label: record["attempt"] for label, record in records(run).items()}
    assert after == {**before, "good": 2, "exact": 2}
    assert validate(run).problems == []
    assert {file: file.read_bytes() for file in sound} == sound, "the same samples, to the last bit"


def test_samples_replaced_between_training_and_scoring_are_lost_and_not_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiny_cells import Reports, Truth, cell_of

    from genbench.errors import Damaged
    from genbench.scoring.cell_scores import score_cell
    from genbench.training.cell import fit_cell

    cell, other = cell_of(Truth), cell_of(Truth, seed=1)
    fitted, _ = fit_cell(cell, tmp_path, Reports()), fit_cell(other, tmp_path, Reports())
    digests = {name: fitted[name] for name in ("samples_sha256", "evidence_sha256")}
    assert score_cell(cell, tmp_path, {}, None, Reports(), digests=digests) == []
    shutil.copy(folder_of(tmp_path, {"key": other.key}) / "samples.npz", folder_of(tmp_path, {"key": cell.key}))
    with pytest.raises(Damaged, match=r"samples\.npz is damaged") as caught:
        score_cell(cell, tmp_path, {}, None, Reports(), digests=digests)
    assert caught.value.status == "lost"


def test_figures_leave_out_damaged_samples_and_say_so(folder: Path) -> None:
    from genbench.errors import Damaged
    from genbench.report.figures.dataset_results import RunFolders

    run = folder / "run"
    swap(run)
    record = {**records(run)["good"], "run": "run"}
    with pytest.raises(Damaged, match="damaged"):
        RunFolders({"run": run}, [folder / "dots.py"]).samples(record, None)


@pytest.mark.slow
def test_a_report_of_damaged_samples_says_so(folder: Path) -> None:
    run = folder / "run"
    swap(run)
    assert main(["report", str(run), "--plugin", str(folder / "dots.py"), "-o", str(folder / "r.html")]) == 0
    assert (folder / "r.html").read_text().count("samples.npz is damaged, and is not shown") == 2


@pytest.mark.slow
def test_a_figure_of_damaged_samples_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    swap(run)
    plugin = ["--plugin", str(folder / "dots.py")]
    assert main(["plot", str(run), "--figure", "marginals", *plugin, "-o", str(folder / "m.png")]) == 0
    assert "good x dots seed 0 is not drawn: samples.npz is damaged" in capsys.readouterr().err


def test_a_record_keeps_the_digest_of_its_evidence(folder: Path) -> None:
    for file in (folder / "run").glob("cells/*/*/1.json"):
        assert len(json.loads(file.read_text())["evidence_sha256"]) == 64
