"""``genbench run``: plans without torch, real runs on the user's own data, resume, exit codes."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from genbench.cli.main import main
from genbench.record.store import read_records, read_run
from genbench.table.results import load

PLUGIN = """
import torch
from genbench import ModelSpec, hookimpl

class Raises:
    def fit(self, data, run):
        raise ValueError("no luck")
    def sample(self, n): ...

class Slow:
    def fit(self, data, run):
        import time
        for batch in run.batches(data.train, 16):
            run.log(loss=batch.mean())
            time.sleep(0.02)
    def sample(self, n): ...

@hookimpl
def genbench_register():
    return [ModelSpec("raises", Raises, None, "raises in fit"), ModelSpec("slow", Slow, None, "takes its time")]
"""
WITHOUT = """
import sys
from genbench.cli.main import main
code = main(sys.argv[1:])
found = {"torch", "numpy", "scipy", "pandas", "ot", "rich", "multiprocessing"} & set(sys.modules)
assert not found, found
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def events(folder: Path) -> str:
    """A table with a column of each kind: heavy-tailed, an angle, a label, one to leave out."""
    rng = np.random.default_rng(0)
    pt, phi = rng.lognormal(3, 1, 400), rng.uniform(-math.pi, math.pi, 400)
    lines = [f"{i},{p},{f},{'sb'[i % 2]}" for i, (p, f) in enumerate(zip(pt.tolist(), phi.tolist(), strict=True))]
    (folder / "events.csv").write_text("\n".join(["id,pt,phi,kind", *lines]) + "\n")
    return "--data=events.csv --columns=-id --labels=kind --log=pt --periodic=phi"


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["run", *arguments, "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert not Path("results").exists()
    found: dict[str, Any] = json.loads(out)
    return found


def labels(found: dict[str, Any]) -> set[str]:
    return {cell["label"] for cell in found["cells"]} - {"real", "gaussian", "memoriser"}


# ----------------------------------------------------------------------------------------------------------- the plan


def test_a_dry_run_imports_nothing_heavy_and_writes_nothing(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", WITHOUT, "run", "--dry-run"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "cells, about" in done.stdout
    assert not list(folder.iterdir())


def test_a_sweep_has_a_row_for_each_point(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "-m", "vae[latent=2|8]", "-d", "ring", "--seeds", "2", "--set", "vae.beta=4")
    assert labels(found) == {"vae[latent=2,beta=4]", "vae[latent=8,beta=4]"}
    assert len(found["cells"]) == 2 * 5  # with the baselines and real data
    assert {cell["seed"] for cell in found["cells"]} == {0, 1}
    assert len({cell["key"] for cell in found["cells"]}) == 10
    assert found["seconds"] > 0


def test_a_sweep_needs_no_quotes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_sweep = plan(capsys, "-m", "vae", "-d", "ring", "--sweep", "vae.latent=2,8", "--train-rows", "1000,3000")
    assert labels(by_sweep) == {"vae[latent=2]", "vae[latent=8]"}
    by_brackets = plan(capsys, "-m", "vae[latent=2|8]", "-d", "ring", "--train-rows", "1000|3000")
    assert by_sweep["cells"] == by_brackets["cells"]
    (folder / "run.toml").write_text('[run]\nsweeps = ["vae.latent=3,4"]\n')
    assert labels(plan(capsys, "-m", "vae", "-d", "ring", "--config", "run.toml")) == {"vae[latent=3]", "vae[latent=4]"}
    assert main(["run", "-m", "vae[latent=2,8]", "--dry-run"]) == 2
    assert "or without quotes --sweep vae.latent=2,8" in capsys.readouterr().err
    assert main(["run", "-m", "gaussian", "-d", "digits", "--metrics", "kid@pca", "--sweep", "pca.dimensions=2,4"]) == 2
    assert "a space takes no sweep" in capsys.readouterr().err


def test_a_device_that_is_named_must_be_there_also_for_a_dry_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genbench.process.probe_device.probe_device", lambda name: (f"--device {name}: none here", ""))
    assert main(["run", "-m", "kde", "-d", "ring", "--device", "cuda", "--dry-run"]) == 2
    assert capsys.readouterr().err == "genbench: --device cuda: none here\n"
    assert main(["run", "-m", "kde", "-d", "ring", "--dry-run"]) == 0, "auto asks no driver"


def test_skips_have_reasons(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "flat.py").write_text(PLUGIN.replace('"raises in fit")', '"vectors only", data=("vector",))'))
    given = ("-m", "raises", "-d", "ring,digits", "--plugin", "flat.py")
    found = plan(capsys, *given)
    [skip] = found["skipped"]
    assert skip == {"model": "raises", "dataset": "digits", "reason": "needs vector data, digits is image"}
    assert main(["run", *given, "--dry-run"]) == 0
    assert "skip  raises x digits: needs vector data, digits is image" in capsys.readouterr().out


def test_a_plan_is_fitted_to_a_time_and_says_how(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["run", "-m", "vae", "-d", "ring", "--budget", "100000steps", "--dry-run"]
    assert main([*given, "--within", "5min"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("genbench: within 5min: 1/")
    assert "the whole plan takes about" in err
    assert "100000steps" not in out
    assert main([*given, "--within", "5s"]) == 0
    assert "within 5s: not possible: the smallest plan, 1/32 of each budget and 2 of 3 seeds" in capsys.readouterr().err
    assert main([*given, "--within", "5steps"]) == 2
    assert "--within 5steps: expected a time, as 90s or 10min" in capsys.readouterr().err
    assert main(["run", "--suite", "veegan-ring", "--within", "5min", "--dry-run"]) == 2
    assert "--within: suite 'veegan-ring' has its own protocol" in capsys.readouterr().err


def test_a_run_within_a_time_probes_keeps_what_it_chose_and_goes_on_with_it(
    events: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["run", "-m", "vae,-gaussian,-memoriser", *events.split(), "--budget=300steps", "--preset=smoke"]
    given += ["--metrics=energy", "--seeds=2", "--device=cpu", "--out=run", "--within"]
    assert main([*given, "8s"]) == 0
    first = capfd.readouterr().err
    assert "genbench: within 8s: " in first
    assert "(from 1 short trainings here)" in first
    kept = read_run("run")["request"]["within"]
    assert kept["asked"] == {"preset": "smoke", "seeds": 2, "budget": "300steps", "train_rows": ""}
    records = {record["key"] for record in read_records("run")}
    assert main([*given, "8s"]) == 0
    assert "goes on as before" in capfd.readouterr().err
    assert {record["key"] for record in read_records("run")} == records
    assert read_run("run")["sessions"][0]["request"]["within"] == kept


def test_a_model_of_unknown_cost_is_named_as_a_guess(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "slow.py").write_text(PLUGIN)
    given = ["-m", "slow,vae", "-d", "ring", "--plugin", "slow.py"]
    assert plan(capsys, *given)["guessed"] == ["slow"]
    assert main(["run", *given, "--dry-run"]) == 0
    assert "a guess, as no record shows what they cost: slow\n" in capsys.readouterr().out


def test_the_plan_shows_what_each_model_gets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-m", "vae,kde", "-d", "ring", "--budget", "1234567steps", "--dry-run"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ring", "vae", "1234567steps", "bound", "3"] in lines
    assert ["ring", "kde", "none", "exact", "3"] in lines


def test_a_file_of_the_users_is_planned_like_any_dataset(events: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "-m", "kde", *events.split())
    [label] = {cell["dataset_label"] for cell in found["cells"]}
    assert label.startswith("events.csv[")
    assert "path" not in label
    assert "sha256" not in label
    data = found["data"][label]
    assert [set(column) for column in data["columns"]] == [{"column", "kind", "unit", "low", "high"}] * 2
    assert data["splits"] == {"train": 280, "test": 60, "reference": 60}
    assert data["left_out"] == {"id": "not chosen", "kind": "labels"}


def test_a_moved_file_gives_the_same_cells(events: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {cell["key"] for cell in plan(capsys, *events.split())["cells"]}
    (folder / "below").mkdir()
    (folder / "events.csv").rename(folder / "below" / "events.csv")
    moved = events.replace("events.csv", "below/events.csv").split()
    assert {cell["key"] for cell in plan(capsys, *moved)["cells"]} == before


def test_config_and_the_command_line_wins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "run.toml").write_text(
        '[run]\nmodels = ["vae", "ae"]\ndatasets = "ring"\nseeds = 2\nbudget = "7steps"\nfirst-seed = 5\n'
        "[set.vae]\nbeta = 2\nlatent = 3\n"
    )
    found = plan(capsys, "--config", "run.toml")
    assert labels(found) == {"vae[latent=3,beta=2]", "ae"}
    assert {cell["seed"] for cell in found["cells"]} == {5, 6}
    assert {cell["budget"] for cell in found["cells"]} == {"7steps", "none"}
    found = plan(capsys, "--config", "run.toml", "-m", "vae", "--seeds", "1", "--set", "vae.beta=4")
    assert labels(found) == {"vae[latent=3,beta=4]"}
    assert {cell["seed"] for cell in found["cells"]} == {5}


# ----------------------------------------------------------------------------------------------------------- real runs


def test_a_table_of_the_users_runs_and_resumes(events: str, capfd: pytest.CaptureFixture[str]) -> None:
    given = ["run", "-m", "vae", *events.split(), "--budget=3steps", "--preset=smoke", "--metrics=energy,nll,fit_s"]
    given = [*given[:-1], "--metrics=energy,nll", "--device=cpu", "--out=mine"]
    assert main(given) == 0
    out, err = capfd.readouterr()
    plan, folder, *cells = err.splitlines()
    assert plan.startswith("4 cells: 4 models, 1 dataset, 1 seed; "), "progress without a terminal"
    assert folder == "folder: mine"
    assert [line[:10] for line in cells] == [f"[{i}/4] ok  " for i in range(1, 5)]
    assert "left" in cells[0]
    assert out.startswith("events.csv[")
    assert {"vae", "real", "gaussian", "memoriser"} <= {line.split(" ")[0] for line in out.splitlines()}
    assert "The run is in mine" in out
    records = read_records("mine")
    assert {record["status"] for record in records} == {"ok"}
    assert records[0]["shape"] == [2]

    assert main([*given, "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == "4 of 4 cells were finished before and are reused\n"
    found = json.loads(out)
    assert found["directory"] == "mine"
    assert {row["label"] for row in found["per_model"]} >= {"vae", "real"}
    [verdict] = found["verdict"]
    assert verdict == load("mine").verdict().as_dict()
    assert out.count('"sentence": "Take ') == 1
    assert [record["attempt"] for record in read_records("mine")] == [1] * 4

    assert main([*given, "--seeds=2"]) == 0
    assert "4 of 8 cells were finished before and are reused" in capfd.readouterr().err


def test_arrays_and_folders_of_images_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    np.save("rows.npy", rng.normal(size=(200, 1)))
    (folder / "pictures").mkdir()
    for i in range(40):
        Image.fromarray(rng.integers(0, 256, size=(8, 8), dtype=np.uint8)).save(folder / "pictures" / f"{i}.png")
    given = [
        "--data=rows.npy",
        "--data=pictures",
        "--preset=smoke",
        "--metrics=energy,nll,bits_per_dim",
        "--device=cpu",
    ]
    assert main(["run", "-m", "gaussian", *given, "--out=both"]) == 0
    out, _ = capfd.readouterr()
    assert {line.split(" ")[0] for line in out.splitlines()} >= {"rows.npy", "pictures", "real", "gaussian"}
    shapes = {record["dataset"]: record["shape"] for record in read_records("both")}
    assert shapes == {"rows.npy": [1], "pictures": [1, 8, 8]}


def test_a_model_that_raises_is_a_row_and_exit_3(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text(PLUGIN)
    given = ["--datasets=ring", "--plugin=bad.py", "--preset=smoke", "--metrics=energy", "--device=cpu", "--out=bad"]
    assert main(["run", "--models=raises", *given]) == 3
    out, err = capfd.readouterr()
    assert "failed" in next(line for line in out.splitlines() if line.startswith("raises "))
    assert err.splitlines()[-1] == "failed  raises x ring seed 0, during fit: ValueError: no luck"
    assert "] failed  raises x ring seed 0" in err, "also when it ends"
    statuses = {record["model"]: record["status"] for record in read_records("bad")}
    assert statuses == {"raises": "failed", "real": "ok", "gaussian": "ok", "memoriser": "ok"}


METRICS = """
from genbench import MetricSpec, hookimpl
from genbench.protocol import Score

def breaks(evidence):
    raise ValueError("no score")

def number(evidence):
    return 1.5

@hookimpl
def genbench_register():
    return [MetricSpec("breaks", breaks, None, "raises"), MetricSpec("number", number, None, "returns no Score")]
"""


def test_a_metric_that_raises_costs_no_other_score_and_is_told_with_exit_3(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "metrics.py").write_text(METRICS)
    given = [
        "--datasets=ring",
        "--models=gaussian,-memoriser",
        "--plugin=metrics.py",
        "--preset=smoke",
        "--device=cpu",
        "--out=a b",
    ]
    assert main(["run", "--metrics=energy,breaks,number", *given]) == 3
    out, err = capfd.readouterr()
    assert [line for line in err.splitlines() if line.startswith("failed")] == [
        "failed  metric breaks, in 2 cells: ValueError: no score",
        "failed  metric number, in 2 cells: the metric returned float, expected Score",
    ]
    assert "gaussian, breaks: failed: ValueError: no score" in out, "also where the column is not shown"
    assert "genbench table 'a b' --metrics all" in out
    assert {record["status"] for record in read_records("a b")} == {"ok"}

    assert main(["table", "a b", "--metrics=energy"]) == 0
    assert "gaussian, breaks: failed: ValueError: no score" in capfd.readouterr().out
    assert main(["score", "a b", "--plugin=metrics.py", "--metrics=breaks"]) == 3
    assert "failed  metric breaks, in 2 cells: ValueError: no score" in capfd.readouterr().err
    assert main(["run", "--metrics=energy", *given]) == 0, "what failed is not asked for"
    assert "breaks, in" not in capfd.readouterr().err


def _listen(process: subprocess.Popen[str], until: float) -> list[psutil.Process]:
    """Wait until the slow model trains; return all processes of the run."""
    while time.monotonic() < until and process.poll() is None:
        logs = list(Path("stopped").glob("cells/*/*/log.txt"))
        done = Path("stopped/run.json").is_file() and any(r["status"] == "ok" for r in read_records("stopped"))
        if logs and done:
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.2)
    raise AssertionError(f"the run did not begin: {process.communicate()}")


def test_ctrl_c_ends_the_run_with_what_there_is(folder: Path) -> None:
    (folder / "slow.py").write_text(PLUGIN)
    given = [
        "run",
        "-m",
        "slow",
        "-d",
        "ring",
        "--plugin",
        "slow.py",
        "--budget",
        "100000steps",
        "--preset",
        "smoke",
        "--metrics",
        "energy",
    ]
    command = [sys.executable, "-m", "genbench", *given, "--device", "cpu", "--jobs", "2", "--out", "stopped"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )  # fmt: skip
    try:
        family = _listen(process, time.monotonic() + 90)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    resume = "genbench run --models slow --datasets ring --plugin slow.py --budget 100000steps"
    assert "stopped; to resume: " in err
    command = err.rpartition("to resume: ")[2].splitlines()[0]
    assert set(resume.split()) <= set(command.split())
    assert command.endswith("--out stopped")
    assert "interrupted" in out
    statuses = {record["model"]: record["status"] for record in read_records("stopped")}
    assert statuses["slow"] == "interrupted"
    assert statuses["real"] == "ok"
    assert len(read_run("stopped")["cells"]) == 4
    gone, left = psutil.wait_procs(family, timeout=10)
    assert not left
    assert gone


def test_a_dry_run_says_that_categories_have_no_likelihood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{kind}" for x, kind in zip(rng.normal(size=60), rng.choice(["a", "b"], 60), strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["x,kind", *lines]))
    given = ["run", "-m", "kde,gaussian", "--data", str(tmp_path / "data.csv"), "--dry-run"]
    assert main(given) == 0
    shown = capsys.readouterr().out
    assert "exact" not in shown
    assert "category of 2: a, b" in shown
    assert main([*given, "--columns", "x"]) == 0
    assert "exact" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------------------- suites

SUITE = """
from genbench import Published, SuiteSpec, hookimpl
from genbench.budget import Sizes

@hookimpl
def genbench_register():
    return [SuiteSpec(
        "tiny", models="kde,zoo_of_tomorrow,-memoriser", datasets="gaussian[dim=2|4]", metrics="energy,kl", seeds=1,
        sizes=Sizes(200, 100, 100), summary="a tiny suite",
        published=[Published("their flow", "kl", 0.03, 0.004, "A. Author 2020, table 1", dataset="gaussian[dim=4]")],
    )]
"""


@pytest.mark.slow
def test_a_suite_runs_and_its_run_is_read_without_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tiny.py").write_text(SUITE)
    assert main(["run", "--suite", "tiny", "--plugin", "tiny.py", "--device", "cpu", "--out", "s"]) == 0
    out = capsys.readouterr().out
    assert "skip  zoo_of_tomorrow: no model named 'zoo_of_tomorrow' is installed" in out
    assert "dim, gaussian" in out  # the sweep
    (folder / "tiny.py").unlink()
    for command in ("table s", "table s --per option", "validate s", "compare s s", "report s -o s.html --no-pictures"):
        assert main(command.split()) == 0, command
    out = capsys.readouterr().out
    assert out.count("their flow (published)") == 1
    assert "published, not ranked: their flow: A. Author 2020, table 1" in out
    assert "their flow (published)" in (folder / "s.html").read_text()
    run_info = read_run(folder / "s")
    assert run_info["suite"]["name"] == "tiny"
    assert {"model": "zoo_of_tomorrow", "dataset": ""}.items() <= run_info["skipped"][0].items()
    assert main(["plot", "s", "--figure", "sweep", "--metrics", "kl", "-o", "s.png"]) == 0
    assert (folder / "s.png").stat().st_size > 1000


def test_a_suite_of_which_nothing_is_installed_can_be_planned_and_not_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.py").write_text(SUITE.replace("gaussian[dim=2|4]", "data_of_tomorrow").replace("tiny", "empty"))
    given = ["run", "--suite", "empty", "--plugin", "empty.py"]
    assert main([*given, "--dry-run"]) == 0
    assert "skip  data_of_tomorrow: no dataset named 'data_of_tomorrow' is installed" in capsys.readouterr().out
    assert main(given) == 2
    assert "nothing to run: zoo_of_tomorrow: no model named" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------- conditions


def test_given_makes_datasets_conditional(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-m", "gaussian,kde", "-d", "digits", "--given", "label", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "digits[given=label]" in shown
    assert "skip  kde x digits[given=label]: takes no conditions" in shown


@pytest.mark.parametrize(
    ("datasets", "reason"),
    [(["-d", "moons"], "the rows of moons cannot be drawn given anything"), ([], "name the datasets with -d")],
)
def test_given_needs_a_dataset_that_has_it(
    datasets: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-m", "gaussian", *datasets, "--given", "label", "--dry-run"]) == 2
    assert reason in capsys.readouterr().err
