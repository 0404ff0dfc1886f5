"""What a user gets wrong: one clear line, exit code 2, nothing written, and torch never imported.

All cases run in one process of their own, so that what it imported can be seen, and so that the tests stay quick.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from faults.command_lines import check, outcomes

from genbench.cli.main import main

# what is asked for -> what the one line on stderr must hold; these need no file and import nothing heavy
REQUESTS: dict[str, tuple[str, ...]] = {
    "-m vea": ("no model named 'vea', did you mean 'vae'?",),
    "-m zzz": ("no model named 'zzz'; known:", "kde"),
    "-m vae,-vae": ("'vae,-vae' selects nothing",),
    "-m q*": ("'q*' matches nothing",),
    "-m vae[bta=1]": ("vae[bta=1]: model 'vae' has no option 'bta', did you mean 'beta'?",),
    "-m vae[beta=1": ("brackets do not match",),
    "-m vae[latent=2|x]": ("vae[latent=x]", "expected int", "'x'"),
    "-d rign": ("no dataset named 'rign', did you mean 'ring'?",),
    "--metrics enrgy": ("no metric named 'enrgy', did you mean 'energy'?",),
    "--preset smok": ("no preset named 'smok', did you mean 'smoke'?",),
    "--device gpu": ("--device gpu: expected auto, cpu, cuda, mps, cuda:0 or cuda:0,cuda:1; got 'gpu'",),
    "--device cuda:x": ("--device cuda:x",),
    "--device cpu:1": ("--device cpu:1",),
    "--modles vae": ("no such option '--modles'", "--models"),
    "extra": ("unexpected extra argument", "extra"),
    "--set vae.bta=4": ("--set vae.bta=4: model 'vae' has no option 'bta', did you mean 'beta'?",),
    "--set vae.latent=two": ("--set vae.latent=two: expected int", "'two'"),
    "--set vea.beta=4": ("--set vea.beta=4", "did you mean 'vae'?"),
    "--set beta=4": ("--set beta=4: expected NAME.OPTION=VALUE",),
    "--set vae.beta": ("--set vae.beta: expected NAME.OPTION=VALUE",),
    "--set vae.beta=-1": ("--set vae.beta=-1: beta must be in", "-1.0"),
    "--set vae.beta=nan": ("--set vae.beta=nan", "float"),
    "-m gan --set vae.beta=2": ("model 'vae' is not part of this run",),
    "--budget 0steps": ("--budget 0steps: expected a positive number and a unit",),
    "--budget 5": ("--budget 5: expected a positive number and a unit",),
    "--budget -5steps": ("--budget -5steps",),
    "--budget 1.5epochs": ("epochs are whole numbers",),
    "--budget nan": ("--budget nan",),
    "--budget 99999999999999999999steps": ("at most",),
    f"--budget {'9' * 400}steps": ("--budget 999",),
    "--seeds 0": ("--seeds 0: expected the number of seeds, 1 to 10000",),
    "--seeds -1": ("--seeds -1",),
    "--seeds 1000000": ("--seeds 1000000",),
    "--seeds x": ("'--seeds'", "'x'"),
    "--first-seed -1": ("--first-seed -1",),
    "--first-seed 99999999999": ("--first-seed 99999999999",),
    "--timeout 0s": ("--timeout 0s: expected a time",),
    "--timeout 5": ("--timeout 5: expected a time",),
    "--timeout 5steps": ("--timeout 5steps: expected a time",),
    "--timeout 5 --dry-run": ("--timeout 5: expected a time",),
    "--jobs 0": ("--jobs 0: expected at least 1",),
    "--jobs 0 --dry-run": ("--jobs 0: expected at least 1",),
    "--jobs -3": ("--jobs -3",),
    "--out a_file": ("--out a_file", "is not a directory"),
    "--out a_file/below": ("--out a_file/below", "is not a directory"),
    "--columns a": ("--columns describes your own file; name it with --data FILE",),
    "--log a": ("--log", "--data FILE"),
    "--plugin absent.py": ("--plugin absent.py: no such file",),
    "--plugin a_folder": ("--plugin a_folder", "expected a Python file"),
    "--config absent.toml": ("--config absent.toml", "No such file"),
    "--config option.toml": ("--config option.toml: [run]: no option 'modles', did you mean 'models'?",),
    "--config table.toml": ("--config table.toml: no table 'rnu', did you mean 'run'?",),
    "--config set.toml": ("--config set.toml: [set.vae] bta = 1", "did you mean 'beta'?"),
    "--config type.toml": ("--config type.toml: [run] seeds = 'x'", "not a valid integer"),
    "--config true.toml": ("--config true.toml: [run] seeds = true",),
    "--config code.toml": ("--config code.toml: [run] plugins: ", "a configuration cannot load code", "--plugin FILE"),
    "--config syntax.toml": ("--config syntax.toml: not valid TOML", "line 1"),
}
FILES: dict[str, tuple[str, ...]] = {
    "--data absent.csv": ("absent.csv: no such file",),
    "--data nan.csv": ("nan.csv: 1 missing (NaN) value", "'b'", "line 6", "--na drop"),
    "--data gap.csv": ("gap.csv: 1 missing (NaN) value", "'b'"),
    "--data inf.csv": ("inf.csv: 1 infinite value", "'b'"),
    "--data text.csv": ("text.csv: column 'b'", "line 6", "'hello'"),
    "--data one.csv": ("one.csv: 1 row is too few", "at least 20"),
    "--data constant.csv": ("constant.csv: only 1 of 60 rows are distinct",),
    "--data header.csv": ("header.csv: has a header but no rows",),
    "--data empty.csv": ("empty.csv: is empty",),
    "--data empty.npy": ("empty.npy: is empty",),
    "--data few.npy": ("few.npy: 3 rows are too few",),
    "--data deep.npy": ("deep.npy: has the shape (2, 3, 4, 5, 6), expected",),
    "--data scalar.npy": ("scalar.npy: has the shape ()",),
    "--data complex.npy": ("complex.npy", "is complex"),
    "--data objects.npy": ("objects.npy: holds Python objects",),
    "--data nan.npy": ("nan.npy: 1 missing (NaN) value",),
    "--data cut.parquet": ("cut.parquet: cannot be read as parquet", "cut short"),
    "--data a_folder": ("a_folder: is a folder without images",),
    "--data good.csv --columns zz": ("--columns: no column 'zz'; it has 3: a, b, c",),
    "--data good.csv --labels q": ("--labels: no column 'q'",),
    "--data good.csv --log a": ("--log 'a'", "expected values above 0"),
    "--data good.csv --periodic a=0": ("--periodic a=0", "a period above 0"),
    "--data good.csv --na maybe": ("'--na'", "'maybe'"),
    "--data good.csv --max-bytes 10": ("good.csv", "limit is 10 bytes", "--max-bytes"),
    "--data good.csv --encoding klingon": ("--encoding 'klingon' is unknown",),
    "--data good.csv --data a_folder/good.csv": ("two files are called 'good.csv'",),
}


def write_files(folder: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))

    def table(name: str, values: Any, second: object = None) -> None:
        lines = [[str(value) for value in row] for row in values]
        if second is not None:
            lines[4][1] = str(second)
        (folder / name).write_text("\n".join(["a,b,c", *(",".join(line) for line in lines)]) + "\n")

    for name, second in (("good", None), ("nan", "nan"), ("gap", ""), ("inf", "inf"), ("text", "hello")):
        table(f"{name}.csv", rows, second)
    table("one.csv", rows[:1])
    table("constant.csv", np.ones((60, 3)))
    table("header.csv", [])
    (folder / "a_folder").mkdir()
    (folder / "a_folder" / "good.csv").write_bytes((folder / "good.csv").read_bytes())
    arrays = {
        "few": np.ones((3, 5, 5)),
        "deep": np.ones((2, 3, 4, 5, 6)),
        "scalar": np.float64(3),
        "complex": rows + 1j,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    np.save(folder / "objects.npy", np.array([{}, 1], dtype=object))
    np.save(folder / "nan.npy", np.where(rows == rows.max(), np.nan, rows))
    pd.DataFrame(rows, columns=list("abc")).to_parquet(folder / "cut.parquet")
    whole = (folder / "cut.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    texts = {
        "empty.csv": "", "empty.npy": "", "a_file": "x",
        "raises.py": "1 / 0\n", "no_hook.py": "x = 1\n", "syntax.py": "def (:\n",
        "option.toml": "[run]\nmodles = 'vae'\n", "table.toml": "[rnu]\nx = 1\n", "set.toml": "[set.vae]\nbta = 1\n",
        "type.toml": "[run]\nseeds = 'x'\n", "true.toml": "[run]\nseeds = true\n",
        "code.toml": "[run]\nplugins = ['plugin.py']\n", "syntax.toml": "not toml",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("bad")
    write_files(folder)
    given = [*REQUESTS, *FILES]
    return dict(zip(given, outcomes(folder, [["run", *text.split()] for text in given]), strict=True))


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_that_cannot_be_meant(request_: str, said: dict[str, dict[str, Any]]) -> None:
    check(said[request_], REQUESTS[request_])
    assert said[request_]["imported"] == []


@pytest.mark.parametrize("request_", FILES)
def test_a_file_that_cannot_be_used(request_: str, said: dict[str, dict[str, Any]]) -> None:
    check(said[request_], FILES[request_])
    assert "torch" not in said[request_]["imported"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("raises.py", "ZeroDivisionError"), ("no_hook.py", "genbench_register"), ("syntax.py", "SyntaxError")],
)
def test_a_broken_plugin_is_its_own_fault(name: str, reason: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    [outcome] = outcomes(tmp_path, [["run", "--plugin", name]])
    assert outcome["code"] == 3
    last = outcome["err"].splitlines()[-1]
    assert last.startswith("genbench: --plugin ")
    assert name in last
    assert reason in last
    assert not outcome["written"]
    assert outcome["imported"] == []


def test_a_device_that_is_absent_ends_before_the_first_cell(tmp_path: Path) -> None:
    [outcome] = outcomes(tmp_path, [["run", "-m", "kde", "-d", "ring", "--preset", "smoke", "--device", "cuda:63"]])
    check(outcome, ("--device cuda:63: this machine has", "try --device cpu"))
    assert "torch" not in outcome["imported"]


def test_a_directory_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert main(["run", "--preset", "smoke", "--out", "closed/below"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"genbench: --out closed/below: {tmp_path} cannot be written; choose another directory\n"
    assert not list(tmp_path.iterdir())


def test_a_constant_column_is_no_mistake(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    rows[:, 1] = 3
    np.save(tmp_path / "a.npy", rows)
    [outcome] = outcomes(tmp_path, [["run", "--data", "a.npy", "--dry-run"]])
    assert outcome["code"] == 0
    assert "a.npy" in outcome["out"]
