"""What a dry run shows: the rows and their splits, columns, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from user_files import save_images

from genbench.cli.main import main
from genbench.files import source


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "id": np.arange(204), "pt": rng.lognormal(3, 1, 204), "kind": ["a", "b"] * 102, "flat": 3.0,
        "tagged": rng.random(204) > 0.5, "weight": 1.5,
    })  # fmt: skip
    frame.loc[[3, 7, 9, 11], "pt"] = np.nan
    frame.to_csv("events.csv", index=False)
    return "--data=events.csv --columns=-id,-weight --labels=kind --na=drop --units=pt=GeV"


def described(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["run", "-m", "kde", *arguments, "--dry-run", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["data"].values()
    return dict(found)


def test_rows_splits_columns_and_what_is_left_out(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = described(capsys, *table.split())
    assert found["rows"] == 200
    assert found["splits"] == {"train": 140, "test": 30, "reference": 30}
    assert {column["column"]: (column["kind"], column["unit"]) for column in found["columns"]} == {
        "pt": ("continuous", "GeV"), "flat": ("constant", ""), "tagged": ("category of 2: False, True", ""),
    }  # fmt: skip
    assert found["dropped"] == 4
    assert found["left_out"] == {
        "id": "not chosen", "weight": "not chosen", "kind": "labels", "flat": "constant",
    }  # fmt: skip
    assert any("dropped 4 of 204 rows" in note for note in found["notes"])
    assert main(["run", "-m", "kde", *table.split(), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "200 rows: 140 train, 30 test, 30 reference" in shown
    assert "dropped  4 rows" in shown
    assert "left out, not chosen: id, weight" in shown
    assert "left out, constant: flat" in shown


def test_the_splits_are_those_of_the_run(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    import genbench
    from genbench.api import prepare
    from genbench.plan.plan import Request
    from genbench.training.load import load

    assert genbench
    options = {"columns": "pt,tagged", "na": "drop"}
    plan, _ = prepare(Request(models="kde"), ["events.csv"], options, resolve_device=False, describe=True)
    data = load(plan.cells[0])
    assert plan.data[0]["splits"] == {name: len(getattr(data, name)) for name in ("train", "test", "reference")}


def test_images_have_a_shape_and_levels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_images(tmp_path / "images", n=40)
    found = described(capsys, "--data=images")
    assert (found["rows"], found["shape"], found["levels"], found["columns"]) == (40, [1, 6, 8], 256, [])
    assert main(["run", "-m", "kde", "--data=images", "--dry-run"]) == 0
    assert "40 images 1 x 6 x 8, 256 levels: 28 train, 6 test, 6 reference" in capsys.readouterr().out


def test_a_file_is_read_once(table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened = []
    read_bytes = source.Source.read_bytes
    monkeypatch.setattr(
        source.Source, "read_bytes", lambda self, *given, **more: opened.append(1) or read_bytes(self, *given, **more)
    )
    assert main(["run", "-m", "kde", *table.split(), "--dry-run"]) == 0
    capsys.readouterr()
    assert len(opened) == 1


def test_a_recipe_by_size_is_shown_for_the_rows_of_the_file(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sized.py").write_text(
        "import genbench\n\ndef by_size(rows, dimensions):\n    return 10 * rows / dimensions\n\n"
        "@genbench.hookimpl\ndef genbench_register():\n"
        "    return [genbench.ModelSpec('sized', object, None, 'by size', steps=by_size)]\n"
    )
    run = ["run", "-m", "sized,-gaussian,-memoriser", "--plugin", "sized.py", *table.split(), "--dry-run"]
    assert main([*run, "--seeds", "1", "--json"]) == 0
    cell = next(c for c in json.loads(capsys.readouterr().out)["cells"] if c["model"] == "sized")
    assert (cell["budget"], cell["recipe_steps"]) == ("467steps", 467)  # of 140 rows in three columns
    assert main(run) == 0
    assert "467steps" in capsys.readouterr().out
