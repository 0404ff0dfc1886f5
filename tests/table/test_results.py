"""Results: the records of runs, as tables and in a notebook."""

import pytest
from synthetic import record, score, seeds

from genbench.errors import UserError
from genbench.record.store import write_json, write_record
from genbench.table.results import Results, load


def test_lost_cells_are_no_failures_and_are_named(tmp_path):
    results = Results((record("m", 0, status="lost"), record("m", 1, status="crashed"), record("m", 2)))
    assert [r["seed"] for r in results.lost] == [0]
    assert [r["seed"] for r in results.failures] == [1]


def test_results_show_a_table_a_dataset():
    evil = record("<b>x</b>", 0, status="failed", reason="<script>alert(1)</script>")
    results = Results((*seeds("a", [1.0, 2.0]), evil, *seeds("a", [3.0], dataset="moons")))
    assert results.datasets == ["ring", "moons"]
    assert [r["model"] for r in results.failures] == ["<b>x</b>"]
    table = results.table("ring")
    assert list(table.columns) == [
        "dataset",
        "model",
        "label",
        "status",
        "reason",
        "n_ok",
        "n_failed",
        "energy",
    ]
    assert "energy_tied" in results.table("ring", details=True)
    assert len(results.table(per="seed")) == 4
    with pytest.raises(ValueError, match=r"no dataset 'rings'.*ring, moons"):
        results.table("rings")


def test_load_reads_run_directories(tmp_path):
    for name in ("one", "two"):
        run = tmp_path / name
        run.mkdir()
        write_json(run / "run.json", {})
        write_record(run, record("m", 0, status="failed", key=f"{name}key"))
        write_record(run, record("m", 0, [score("energy", 1.0)], key=f"{name}key"))
    results = load(tmp_path / "one", tmp_path / "two")
    assert [(r["run"], r["status"], r["attempt"]) for r in results.records] == [("one", "ok", 2), ("two", "ok", 2)]
    assert list(results.table()["label"]) == ["m (one)", "m (two)"]


def test_the_text_of_results_is_two_lines(tmp_path):
    records = (*seeds("a", [1.0, 2.0]), record("b", 0, status="failed"), *seeds("real", [1.0], dataset="moons"))
    results = Results(records, runs=(tmp_path / "my\nrun",))
    first, second = repr(results).splitlines()
    assert first == f"4 cells in {tmp_path}/my run: 2 models on ring, moons, 1 failed"
    assert ".table()" in second
    assert repr(Results(())).startswith("0 cells: 0 models on no dataset\n")


def test_a_dataset_that_is_not_there_is_refused_with_those_that_are():
    results = Results((*seeds("a", [1.0]), *seeds("a", [3.0], dataset="moons")))
    with pytest.raises(ValueError, match="no dataset 'rign' in these results; there are: ring, moons"):
        results.table("rign")


def test_a_selection_keeps_reference_rows_unless_they_are_excluded():
    real = record("real", 0, baseline=True)
    results = Results(
        (real, record("vae", 0), record("vae", 0, label="vae[latent=8]"), record("gan", 0, dataset="moons"))
    )
    labels = lambda chosen: [r.get("label") or r["model"] for r in chosen.records]  # noqa: E731
    assert labels(results.select("vae")) == ["real", "vae", "vae[latent=8]"]
    assert labels(results.select("vae[latent=8]")) == ["real", "vae[latent=8]"]
    assert labels(results.select("-real,-gan")) == ["vae", "vae[latent=8]"]
    assert labels(results.select(datasets="moons")) == ["gan"]
    with pytest.raises(UserError, match="'real' selects no model"):
        results.select("real")
