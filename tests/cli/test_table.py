"""``genbench table``: what it prints, what it writes, what it says when it can't."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from synthetic import record, score, seeds, write_run

from genbench.cli.main import main
from genbench.record.store import write_json, write_record


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    write_json(path / "run.json", {})
    for r in [*seeds("a", [1.0, 1.1]), *seeds("b", [3.0, 3.1]), record("c", 0, status="failed", reason="boom")]:
        write_record(path, r)
    return path


def test_prints_plain_tables_where_there_is_no_terminal(run, capsys):
    assert main(["table", str(run)]) == 0
    out = capsys.readouterr().out
    assert "1.1 [0.4, 1.7]*" in out
    assert "Take `a`: " in out
    assert "boom" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_json_per_seed_is_one_object_a_cell(run, capsys):
    assert main(["table", str(run), "--format", "json", "--per", "seed"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sorted((r["model"], r["dataset"], r["seed"], r["status"]) for r in rows) == [
        ("a", "ring", 0, "ok"), ("a", "ring", 1, "ok"), ("b", "ring", 0, "ok"), ("b", "ring", 1, "ok"),
        ("c", "ring", 0, "failed")]  # fmt: skip


def test_the_suffix_of_the_file_chooses_the_format(run, tmp_path, capsys):
    starts = {"t.md": "### ring", "t.tex": "% Take ", "t.csv": "dataset,", "t.json": "[", "t.txt": "ring  "}
    for name, start in starts.items():
        assert main(["table", str(run), "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert main(["table", str(run), "-o", str(tmp_path / "t.parquet")]) == 0
    assert len(pd.read_parquet(tmp_path / "t.parquet")) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--metrics", "enrgy"], "no metric named 'enrgy', did you mean 'energy'?"),
        (["--sort", "x"], "no metric named 'x'; known: energy"),
        (["--format", "parquet"], "name the file to write"),
        (["-o", "/nowhere/at/all.csv"], "no folder /nowhere/at"),
        (["--format", "html"], "'html' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_exit_2(run, capsys, args, message):
    assert main(["table", str(run), *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_no_run_and_an_empty_run(tmp_path, capsys):
    assert main(["table", str(tmp_path / "nothing")]) == 2
    assert "no run here" in capsys.readouterr().err
    write_json(tmp_path / "run.json", {})
    assert main(["table", str(tmp_path)]) == 2
    assert "no cell has finished yet" in capsys.readouterr().err


def test_usage_errors_import_no_pandas():
    code = (
        "import sys; from genbench.cli.main import main; "
        "assert main(['table', 'x']) == 2; assert main(['table', 'x', '--format', 'parquet']) == 2; "
        "assert main(['table', 'x', '--per', 'y']) == 2; "
        "sys.exit(bool({'pandas', 'numpy', 'scipy', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_damaged_records_are_named_and_the_others_shown(run, capsys):
    files = sorted(run.glob("cells/*/*/1.json"))
    files[0].write_text(files[0].read_text()[:40])
    assert main(["table", str(run), "--format", "json", "--per", "seed"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == len(files) - 1
    assert captured.err.count("\n") == 1
    assert f"left out, damaged: {files[0]}: " in captured.err


@pytest.mark.parametrize("per", ["model", "seed"])
def test_json_holds_failures_with_their_reasons(run, capsys, per):
    assert main(["table", str(run), "--format", "json", "--per", per]) == 0
    failed = next(row for row in json.loads(capsys.readouterr().out) if row["model"] == "c")
    assert (failed["status"], failed["reason"], failed["energy"]) == ("failed", "boom", None)


def test_columns_with_options_and_spaces_can_be_asked_for(run, capsys):
    scores = [score("mmd", 0.5, label="mmd[bandwidth=2,blocks=3]"), score("frechet", 7.5, space="pca")]
    write_record(run, record("d", 0, scores))
    names = "mmd[bandwidth=2,blocks=3],frechet@pca"
    assert main(["table", str(run), "--metrics", names, "--sort", "frechet@pca"]) == 0
    first = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("d"))
    assert first.split()[1:] == ["1–3", "0.5", "7.5"]  # it has no core metric in common with the others
    assert main(["table", str(run), "--metrics", "frechet"]) == 2
    assert "did you mean 'frechet@pca'" in capsys.readouterr().err


def test_a_swept_option_has_a_row_for_each_value(tmp_path, capsys):
    cells = [
        record("kde", 0, [score("kl", 0.1 * dim)], dataset="gaussian", dataset_label=f"gaussian[dim={dim}]",
               dataset_config={"dim": dim})
        for dim in (2, 8)
    ]  # fmt: skip
    path = str(write_run(tmp_path / "sweep", cells))
    assert main(["table", path, "--per", "option"]) == 0
    assert "dim=8" in capsys.readouterr().out
    assert main(["table", path, "--per", "option", "--option", "dim", "-f", "markdown"]) == 0
    assert "| dim=2 | 0.2 |" in capsys.readouterr().out
    assert main(["table", path, "--per", "option", "-f", "json"]) == 2
    assert main(["table", path, "--per", "option", "--option", "width"]) == 2
    assert "no option with several values named 'width'; known: dim" in capsys.readouterr().err


def test_models_and_datasets_are_chosen_by_name_or_glob(run, capsys):
    assert main(["table", str(run), "-m", "-b", "-d", "r*", "--format", "json"]) == 0
    assert {row["model"] for row in json.loads(capsys.readouterr().out)} == {"a", "c"}
    assert main(["table", str(run), "-m", "b,a", "--format", "json"]) == 0
    assert {row["model"] for row in json.loads(capsys.readouterr().out)} == {"a", "b"}
    assert main(["table", str(run), "-m", "bb"]) == 2
    assert "no model named 'bb'" in capsys.readouterr().err
    assert main(["table", str(run), "-d", "moons"]) == 2
    assert "no dataset named 'moons'" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "code", "met"), [("energy<2", 0, "met by a"), ("energy<0.5", 4, "met by no model")])
def test_requirements_gate(run, capsys, limit, code, met):
    assert main(["table", str(run), "--require", limit]) == code
    err = capsys.readouterr().err
    assert met in err
    assert "c (energy: boom)" in err


def test_a_requirement_that_means_nothing_is_refused(run, capsys):
    assert main(["table", str(run), "--require", "energy"]) == 2
    assert "expected METRIC<NUMBER" in capsys.readouterr().err
    assert main(["table", str(run), "--require", "enrgy<1"]) == 2
    assert "did you mean 'energy'" in capsys.readouterr().err
