"""``genbench audit``: what it prints and writes, what it refuses, and when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from genbench.cli.main import main

PLUGIN = """
from genbench import MetricSpec, hookimpl
from genbench.protocol import Score

def mean(evidence):
    return Score(float(evidence.fake[:, 0].mean()))

def blind(evidence):
    return Score(float(evidence.rng(str(evidence.fake[0])).normal()))

@hookimpl
def genbench_register():
    return [
        MetricSpec("t_mean", mean, None, "mean of the first column", detects=("shift",)),
        MetricSpec("t_blind", blind, None, "a random number", detects=("shift", "outliers")),
    ]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of logarithmic numbers, a plugin, and an array, to be in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(size=800), np.exp(rng.normal(size=800))], 1)
    lines = [",".join(map(repr, row)) + f",{'ab'[i % 2]}" for i, row in enumerate(rows.tolist())]
    (tmp_path / "events.csv").write_text("\n".join(["x,pt,kind", *lines]) + "\n")
    np.save(tmp_path / "few.npy", rows[:120])
    (tmp_path / "seers.py").write_text(PLUGIN)
    return tmp_path


GIVEN = ["audit", "--data", "events.csv", "--labels", "kind", "--log", "pt", "--plugin", "seers.py"]


def test_a_file_is_audited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GIVEN, "--metrics", "t_mean", "--faults", "shift,outliers"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "events.csv" in out
    assert "200 samples against 200 test rows" in " ".join(out.split())
    assert out.count("shift") >= 2


def test_a_metric_that_misses_what_it_advertises_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GIVEN, "--metrics", "t_mean,t_blind", "--faults", "shift"]) == 3
    out, err = capsys.readouterr()
    assert "✗" in out
    assert err.count("\n") == 1
    assert err.startswith("genbench: metric 't_blind' advertises shift and misses it: z = ")
    assert main([*GIVEN, "--metrics", "t_mean,t_blind", "--faults", "ridges"]) == 0, "ridges are not advertised"


def test_real_and_data_are_one_option(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for option in ("--data", "--real"):
        given = ["audit", option, "events.csv", "--columns", "x", "--plugin", "seers.py", "--faults", "shift"]
        assert main([*given, "--metrics", "t_mean", "-f", "csv"]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


@pytest.mark.parametrize(("name", "begins"), [("a.json", "{"), ("a.md", "**events.csv**"), ("a.csv", "fault,metric")])
def test_the_suffix_of_a_file_is_its_format(
    folder: Path, name: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*GIVEN, "--metrics", "t_mean", "--faults", "shift", "-o", name]) == 0
    assert capsys.readouterr().out == ""
    text = Path(name).read_text()
    assert text.startswith(begins)
    assert (
        main([*GIVEN, "--metrics", "t_mean", "--faults", "shift", "-f", {"a.md": "markdown"}.get(name, name[2:])]) == 0
    )
    assert capsys.readouterr().out == text


def test_options_of_metrics_and_sweeps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [*GIVEN, "--faults", "shift", "--rows", "100", "-f", "json"]
    assert main([*given, "--metrics", "mmd[bandwidth=0.5|2]"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == ["mmd[bandwidth=0.5]", "mmd[bandwidth=2]"]
    assert main([*given, "--metrics", "mmd", "--set", "mmd.bandwidth=2"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == ["mmd[bandwidth=2]"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((), ("--data FILE", "-d NAME")),
        (("-d", "ring", "--data", "events.csv"), ("--data FILE", "-d NAME")),
        (("-d", "rign"), ("did you mean 'ring'?",)),
        (("-d", "ring,grid"), ("-d ring,grid", "got 2: ring, grid")),
        (("-d", "ring[mods=3]"), ("has no option 'mods'", "'modes'")),
        (("-d", "ring", "--log", "x"), ("--log", "--data FILE")),
        (("-d", "ring", "--metrics", "enrgy"), ("did you mean 'energy'?",)),
        (("-d", "ring", "--metrics", "nll"), ("nll needs density of a model",)),
        (("-d", "ring", "--faults", "shfit"), ("no fault named 'shfit', did you mean 'shift'?",)),
        (("-d", "ring", "--rows", "5"), ("--rows 5: expected at least 50",)),
        (("-d", "ring", "--rows", "many"), ("'--rows'", "many")),
        (("-d", "ring", "--seed", "-1"), ("--seed -1: expected at least 0",)),
        (("-d", "ring", "-f", "latex"), ("latex",)),
        (("-d", "ring", "-o", "nowhere/a.md"), ("nowhere/a.md: there is no folder nowhere",)),
        (("-d", "ring", "--plugin", "none.py"), ("none.py",)),
        (("--data", "absent.csv"), ("absent.csv: no such file",)),
        (("--data", "events.csv", "--log", "kind"), ("column 'kind' holds categories", "--log")),
        (("--data", "few.npy", "--metrics", "energy"), ("few.npy: 120 distinct rows are too few", "at least 200")),
        (("--data", "events.csv", "--labels", "kind", "-n", "300", "--metrics", "energy"), ("at most 200",)),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, arguments: tuple[str, ...], parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("genbench: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


def test_torch_stays_out(folder: Path) -> None:
    program = (
        "import sys; from genbench.cli.main import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    given = ["audit", "-d", "ring", "--metrics", "energy,coverage,duplicates", "--faults", "shift", "-n", "50"]
    done = subprocess.run([sys.executable, "-c", program, *given], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
