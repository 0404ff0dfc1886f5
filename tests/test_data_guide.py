"""Each command of docs/data.md runs, on files that hold the same events."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genbench.cli.main import main
from genbench.files import read
from genbench.files.compression import COMPRESSIONS
from genbench.files.source import FORMATS, SUFFIX_OF
from genbench.files.writer import WRITERS

GUIDE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = re.findall(r"\| `(genbench [^`]+)` \|", GUIDE)
ROWS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the events in every format, and with images."""
    import uproot
    from astropy.table import Table

    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    events = pd.DataFrame({
        "pt": rng.lognormal(3, 1, ROWS), "phi": rng.uniform(-3, 3, ROWS), "njet": rng.poisson(3, ROWS).astype(np.int64)
    })  # fmt: skip
    events.to_csv(folder / "events.csv", index=False)
    (folder / "events.csv.gz").write_bytes(gzip.compress((folder / "events.csv").read_bytes()))
    events.assign(w=rng.normal(1, 0.5, ROWS)).to_csv(folder / "weighted.csv", index=False)
    events.where(rng.random(events.shape) > 0.05).to_csv(folder / "gaps.csv", index=False)
    text = [["Adelie", "Gentoo", "Chinstrap", None][i % 4] for i in range(ROWS)]
    pd.DataFrame({"species": text, "mass": events["pt"], "male": events["njet"] > 2}).to_csv(folder / "penguins.csv")
    events.to_parquet(folder / "events.parquet")
    events.to_feather(folder / "events.feather")
    events.to_json(folder / "events.jsonl", orient="records", lines=True)
    events.to_json(folder / "events.json")
    events.to_excel(folder / "events.xlsx", index=False)
    events.to_stata(folder / "events.dta", write_index=False)
    table = Table.from_pandas(events)
    table.write(folder / "events.fits")
    table.write(folder / "events.ecsv")
    table.write(folder / "events.vot", format="votable")
    with uproot.recreate(folder / "events.root") as file:
        file.mktree("events", {name: events[name].dtype for name in events}).extend(
            {n: events[n].to_numpy() for n in events}
        )
    with h5py.File(folder / "events.h5", "w") as file:
        for name in events:
            file[f"events/{name}"] = events[name].to_numpy()
    np.savez(folder / "events.npz", **{name: events[name].to_numpy() for name in events})
    np.save(folder / "events.npy", events.to_numpy())
    np.save(folder / "jets.npy", rng.normal(size=(ROWS, 10, 3)))
    np.save(folder / "deep.npy", rng.integers(0, 4096, (ROWS, 8, 8)).astype(np.uint16))
    pixels = rng.integers(0, 16, (ROWS, 8, 8)).astype(np.uint8)
    np.savez(folder / "labelled.npz", data=pixels, label=np.arange(ROWS) % 3)
    (folder / "images").mkdir()
    for i in range(ROWS):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / "images" / f"{i:03}.png")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(shlex.split(command)[1:]) == 0
    shown = capsys.readouterr().out
    if command.startswith("genbench score"):
        assert "60 samples against 60 real rows" in shown
        return
    assert "cells, about" in shown
    if "events." in command and ".npy" not in command and "--columns" not in command and "--labels" not in command:
        assert re.search(r"^njet +(integer|continuous|category of \d+)", shown, re.MULTILINE), shown


def test_the_example_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = [text for text in EXAMPLES if "genbench.score(" in text]
    found: dict[str, Any] = {}
    exec(example, found)
    assert {record["status"] for record in found["results"].records} == {"ok"}
    assert [score["metric"] for score in found["scores"]] == ["energy"]
    assert main(["score", "events", "--metrics", "w1_marginal"]) == 0


def test_samples_that_are_written_are_read_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [example] = [text for text in EXAMPLES if "write_samples" in text]
    (tmp_path / "events.parquet").write_bytes((folder / "events.parquet").read_bytes())
    exec(example, {})
    first, *others = [read(tmp_path / f"generated{suffix}") for suffix in (".parquet", ".csv.gz", ".h5")]
    assert first.types == read("events.parquet").types == {"pt": "float64", "phi": "float64", "njet": "int64"}
    assert all((other.rows == first.rows).all() and other.columns == first.columns for other in others)


def test_each_format_can_be_written() -> None:
    table = GUIDE.partition("## Samples written back")[2]
    assert all(suffix in table for suffix in (*COMPRESSIONS, *(SUFFIX_OF.get(k, f".{k}") for k in ("hdf5", "npz"))))
    assert set(WRITERS) == set(FORMATS.values())


def test_each_format_has_a_command() -> None:
    assert len(COMMANDS) > 25
    written = " ".join(COMMANDS)
    other = {
        ".tsv",
        ".txt",
        ".dat",
        ".pq",
        ".hdf5",
        ".hdf",
        ".arrow",
        ".ipc",
        ".ndjson",
        ".fit",
        ".fts",
        ".votable",
        ".xml",
    }
    assert [suffix for suffix in FORMATS if suffix not in other and f"events{suffix}" not in written] == []
