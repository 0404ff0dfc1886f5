"""Trees of ROOT files."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from user_files import RNG, TABLE, refusal, says, write

from genbench.files import read

uproot = pytest.importorskip("uproot")
awkward = pytest.importorskip("awkward")

KINDS = ["signal", "background"] * 25
COLUMNS = {name: TABLE[name].to_numpy() for name in TABLE}
HITS = awkward.Array([[1.0] * (i % 3) for i in range(50)])


def write_tree(file, name, columns):
    types = {
        key: "var * float64" if isinstance(values, awkward.Array) else np.dtype((values.dtype, values.shape[1:]))
        for key, values in columns.items()
    }
    file.mktree(name, types).extend(columns)


def write_ntuple(file, name, columns):
    file.mkrntuple(name, columns)


WRITERS = pytest.mark.parametrize("save", [write_tree, write_ntuple])


@WRITERS
def test_the_only_tree_is_a_table_of_its_plain_branches(tmp_path, save):
    with uproot.recreate(tmp_path / "a.root") as file:
        save(file, "events", {**COLUMNS, "n": np.arange(50, dtype="i4"), "flag": np.arange(50) % 2 == 0, "hits": HITS})
    found = read(tmp_path / "a.root")
    assert {*found.columns} - {"nhits"} == {*COLUMNS, "n", "flag"}  # a tree counts the hits in a branch
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(found.rows[:, found.columns.index(name)], values)
    says(" ".join(found.notes), "left out", "hits holds lists of varying length")
    found = read(f"{tmp_path / 'a.root'}:events", columns="phi,pt", labels="n")
    assert found.columns == ("phi", "pt")
    np.testing.assert_array_equal(found.labels, np.arange(50))
    says(refusal(read, tmp_path / "a.root", columns="pt,hits"), "'hits' holds lists of varying length")
    says(refusal(read, tmp_path / "a.root", columns="ptt"), "no column 'ptt', did you mean 'pt'?")
    says(refusal(read, tmp_path / "a.root", max_bytes=1000), "50 rows of", "--max-bytes")


def test_branches_of_fixed_arrays_give_a_column_each(tmp_path):
    jets = RNG.normal(size=(50, 4))
    with uproot.recreate(tmp_path / "a.root") as file:
        write_tree(file, "events", {"pt": COLUMNS["pt"], "jets": jets})
    assert read(tmp_path / "a.root").columns == ("pt",)
    found = read(tmp_path / "a.root", columns="jets,pt")
    assert found.columns == ("jets_0", "jets_1", "jets_2", "jets_3", "pt")
    np.testing.assert_array_equal(found.rows[:, :4], jets)


def test_text_is_a_label(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        write_ntuple(file, "events", {"pt": COLUMNS["pt"], "kind": awkward.Array(KINDS)})
    assert read(tmp_path / "a.root", labels="kind").labels.tolist() == KINDS
    assert read(tmp_path / "a.root").categories == {"kind": tuple(sorted(set(KINDS)))}


def test_one_of_several_trees_is_named(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        write_tree(file, "real", {"pt": COLUMNS["pt"]})
        write_tree(file, "sim/fake", {"pt": COLUMNS["pt"] + 1})
    np.testing.assert_array_equal(read(f"{tmp_path / 'a.root'}:sim/fake").rows[:, 0], COLUMNS["pt"] + 1)
    says(refusal(read, tmp_path / "a.root"), "2 trees: real, sim/fake", "a.root:real")
    says(refusal(read, f"{tmp_path / 'a.root'}:reel"), "no tree of this name", "did you mean 'real'?")
    with uproot.recreate(tmp_path / "b.root") as file:
        file["text"] = "no tree"
    says(refusal(read, tmp_path / "b.root"), "holds no trees")


def test_damaged_files_and_a_missing_library(tmp_path, monkeypatch):
    with uproot.recreate(tmp_path / "a.root") as file:
        write_tree(file, "events", COLUMNS)
    whole = (tmp_path / "a.root").read_bytes()
    for share in (0.05, 0.5, 0.9):
        says(refusal(read, write(tmp_path, whole[: int(len(whole) * share)], "b.root")), "cannot be read as root")
    monkeypatch.setitem(sys.modules, "uproot", None)
    says(refusal(read, tmp_path / "a.root"), "ROOT files need uproot", "pip install 'genbench[root]'")
