"""Suites of stored runs: published values as rows that take part in nothing, and notes beside the tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from synthetic import record, score, seeds, write_run

from genbench.report import render
from genbench.report.html.tables import leaderboard
from genbench.report.notebook import NotebookResults
from genbench.table.frame import to_frame
from genbench.table.results import load
from genbench.table.suites import metrics_of, published_records, suite_names, suite_notes, suites_of
from genbench.table.summary import summarise

SUITE: dict[str, Any] = {
    "name": "tiny",
    "summary": "a tiny suite",
    "paper": "",
    "scaled": True,
    "datasets": ["ring"],
    "metrics": ["energy", "modes"],
    "published": [
        {"model": "GAN", "metric": "energy", "value": 0.001, "error": 0.0001, "source": "A. Author, table 1",
         "dataset": "", "better": "lower"},
        {"model": "GAN", "metric": "modes", "value": 3.3, "error": None, "source": "A. Author, table 1",
         "dataset": "ring", "better": "higher"},
        {"model": "GAN", "metric": "energy", "value": 7.0, "error": None, "source": "B. Other", "dataset": "ring"},
        {"model": "ALI", "metric": "energy", "value": 5.0, "error": None, "source": "B. Other", "dataset": "moons"},
    ],
    "missing": [
        {"kind": "model", "term": "nsf", "reason": "no model named 'nsf' is installed"},
        {"kind": "model", "term": "maf", "reason": "no model named 'maf' is installed"},
        {"kind": "dataset", "term": "x[a=1]", "reason": "dataset 'x' has no option 'a'"},
    ],
}  # fmt: skip
RECORDS = [*seeds("vae", [1.0, 1.1, 0.9]), *seeds("gan", [4.0, 4.1, 3.9]), *seeds("real", [0.1, 0.2, 0.3])]


def test_published_values_are_rows_without_rank_or_mark() -> None:
    [summary] = summarise(RECORDS, suites=[SUITE])
    published = [row for row in summary.rows if row.role == "published"]
    assert [row.label for row in published] == ["GAN (published)", "GAN (published 2)"]
    for row in published:
        assert row.ranks is None
        assert not any(entry.best or entry.rank or entry.suspect for entry in row.entries.values())
    best, low = published[0].entries["energy"].estimate, published[0].entries["energy"].interval
    assert best is not None
    assert best.mean == 0.001
    assert low is not None
    assert math.isclose(low[0], 0.001 - 1.96 * 0.0001)
    assert published[1].entries["modes"].estimate is None


def test_published_values_change_nothing_of_the_models() -> None:
    [without], [summary] = summarise(RECORDS), summarise(RECORDS, suites=[SUITE])
    rows = {row.label: row for row in summary.rows}
    for row in without.rows:
        assert rows[row.label].ranks == row.ranks
        assert rows[row.label].entries["energy"] == row.entries["energy"]
    assert summary.core == without.core
    assert summary.one_clock == without.one_clock


def test_a_suite_stands_only_beside_its_datasets() -> None:
    [moons] = summarise(seeds("vae", [1.0], dataset="moons"), suites=[SUITE])
    assert not moons.suites
    assert {row.role for row in moons.rows} == {"model"}
    assert summarise(RECORDS, "seed", [SUITE])[0].rows[0].role != "published"
    assert not any(row.role == "published" for row in summarise(RECORDS, "seed", [SUITE])[0].rows)


@pytest.mark.parametrize("form", ["rich", "markdown", "latex"])
def test_the_printed_table_has_them_with_their_source(form: str) -> None:
    text = str(render(RECORDS, form, suites=[SUITE]))
    row = next(line for line in text.splitlines() if "GAN (published)" in line)
    assert "*" not in row.replace("*GAN (published)*", "")  # no mark of the best
    assert "textbf" not in row
    assert "mathbf" not in row
    flat = " ".join(text.split())
    assert "published, not ranked: GAN: A. Author, table 1" in flat
    assert "suite tiny, scaled down" in flat
    assert "these are not the numbers of its protocol" in flat
    assert "nsf, maf: no such model is installed" in flat
    assert "version" not in row


def test_the_files_for_programs_have_them_with_their_source() -> None:
    frame = to_frame(RECORDS, suites=[SUITE])
    rows = frame[frame["role"] == "published"]
    assert list(rows["source"]) == ["A. Author, table 1", "B. Other"]
    assert list(rows["energy"]) == [0.001, 7.0]
    assert rows["energy_rank"].isna().all()
    assert frame[frame["role"] != "published"]["source"].isna().all()
    found = json.loads(str(render(RECORDS, "json", suites=[SUITE])))
    assert [row["modes"] for row in found if row["role"] == "published"] == [3.3, None]
    assert "GAN (published)" in str(render(RECORDS, "csv", suites=[SUITE]))


def test_the_report_has_them_as_a_group_of_their_own() -> None:
    [board] = leaderboard(RECORDS, [SUITE])
    groups = dict(board.groups)
    assert [row.label for row in groups["published"]] == ["GAN (published)", "GAN (published 2)"]
    assert not any(field.best for row in groups["published"] for field in row.fields)
    assert all(row.ranks == "" for row in groups["published"])


def test_a_stored_run_holds_its_suites(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", RECORDS, suite=SUITE, sessions=[{"suite": SUITE}, {"suite": {"name": "other"}}])
    results = load(run)
    assert [suite["name"] for suite in results.suites] == ["tiny", "other"]
    assert "GAN (published)" in list(results.table()["label"])
    assert "GAN (published)" in NotebookResults.of(results)._repr_html_()
    assert "published" not in str(results.verdict())


def test_parts_of_a_suite_that_another_program_wrote_are_left_out() -> None:
    odd = {"name": 3, "datasets": ["ring"], "published": [7, {"metric": "energy"}, {"value": "x"}], "missing": [None]}
    assert suites_of({"suite": 7, "sessions": [None, {"suite": odd}]}) == (odd,)
    assert published_records([odd], RECORDS) == []
    assert suite_notes([odd]) == []
    assert suite_names([odd]) == ["suite 3"]
    assert metrics_of([odd]) == []


def test_the_metrics_of_a_suite_are_shown_unasked() -> None:
    records = [record("vae", 0, [score("energy", 1.0), score("odd_one", 2.0)])]
    assert "odd_one" not in str(render([*records, record("vae", 1, [score(f"m{i}", 1.0) for i in range(9)])], "rich"))
    suite = {"name": "s", "datasets": ["ring"], "metrics": ["odd_one"], "published": [], "missing": []}
    assert "odd_one" in str(render(records, "rich", suites=[suite]))


# ------------------------------------------------------------------------------------------------------- training rows


def with_rows(model: str, values: list[float], rows: int) -> list[dict[str, Any]]:
    identity = {"sizes": {"train": rows, "test": 1000, "reference": 1000}}
    return seeds(model, values, identity=identity)


def test_cells_of_different_training_rows_are_rows_that_say_so() -> None:
    [summary] = summarise([*with_rows("vae", [1.0, 1.1], 1000), *with_rows("vae", [0.5, 0.6], 3000)])
    assert [row.label for row in summary.rows] == ["vae (1000 training rows)", "vae (3000 training rows)"]
    [summary] = summarise(with_rows("vae", [1.0, 1.1], 1000))
    assert [row.label for row in summary.rows] == ["vae"]
