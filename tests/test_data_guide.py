"""Each command of docs/data.md runs, on files that hold the same events."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genbench.cli.main import main
from genbench.files.source import FORMATS

GUIDE = (Path(__file__).parent.parent / "docs" / "data.md").read_text(encoding="utf-8")
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
    assert "cells, about" in shown
    if "events." in command and ".npy" not in command and "--columns" not in command and "--labels" not in command:
        assert re.search(r"^njet +(integer|continuous|category of \d+)", shown, re.MULTILINE), shown


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
