"""A run of before: the records of results/reference, as commit 523c656 holds them, are read by today's code."""

from __future__ import annotations

from pathlib import Path

import pytest

import genbench
from genbench.cli.main import main
from genbench.record.status import Status
from genbench.record.store import Damage, read_records, read_run
from genbench.record.validation import validate
from genbench.report import render
from genbench.report.html import render_report
from genbench.table.results import Results, load

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="not in this distribution")


@pytest.fixture(scope="module")
def results() -> Results:
    return load(REFERENCE)


def test_it_is_whole_and_each_status_is_known() -> None:
    damaged: list[Damage] = []
    records = read_records(REFERENCE, damaged=damaged)
    assert damaged == []
    assert [record["key"] for record in records] == read_run(REFERENCE)["cells"]
    assert len(records) > 80
    assert {Status(record["status"]) for record in records} == {Status.OK}
    verdict = validate(REFERENCE)
    assert verdict.problems == []


def test_its_tables_rank_every_model(results: Results) -> None:
    assert results.damaged == ()
    assert results.failures == results.lost == []
    frame = results.table(details=True)
    assert set(frame["dataset"]) == set(results.datasets) == {"grid", "magic", "digits"}
    assert (frame["n_ok"] == frame["n_seeds"]).all()
    models = frame[frame["role"] == "model"]
    for _, of_dataset in models.groupby("dataset"):
        assert of_dataset["energy"].notna().all()
        assert sorted(of_dataset["energy_rank"]) == list(range(1, len(of_dataset) + 1))
        assert of_dataset["energy_tied"].any()


def test_its_tables_are_shown(results: Results) -> None:
    shown = render(results.records, "markdown")
    assert [line for line in shown.splitlines() if line.startswith("### ")] == [
        f"### {name}" for name in results.datasets
    ]
    for label in ("gan", "vae", "kde"):
        assert label in shown


@pytest.mark.slow
def test_it_has_a_report(results: Results) -> None:
    page = render_report(results, [REFERENCE])
    assert page.startswith("<!DOCTYPE html>")
    for dataset in results.datasets:
        assert dataset in page


def test_it_is_no_worse_than_itself(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    found = genbench.compare(results, results)
    assert set(found.counts) == {"unchanged"}
    assert len(found.verdicts) > 300
    found.check(strict=True)
    assert main(["compare", str(REFERENCE), str(REFERENCE), "--strict"]) == 0
    assert capsys.readouterr().err == ""
