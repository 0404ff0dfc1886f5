"""The stored table is the published one, and is split without duplicates."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import genbench_tables
from genbench.budget import Sizes
from genbench.stored import load_stored
from genbench_tables import MagicConfig
from genbench_tables.magic import COLUMNS, DATA_FILE, Magic

SIZES = Sizes(2000, 1000, 1000)


def load(label="all", sizes=SIZES, seed=0):
    return Magic(MagicConfig(label=label)).load(sizes, np.random.default_rng(seed))


def rows_of(data):
    return np.concatenate([data.train, data.test, data.reference])


def test_the_stored_table_is_the_published_one():
    stored = load_stored(DATA_FILE)
    assert stored["rows"].shape == (19020, 10)
    assert np.bincount(stored["labels"]).tolist() == [12332, 6688]
    assert len(np.unique(stored["rows"], axis=0)) == 18905
    # the first and the last row of magic04.data
    np.testing.assert_array_equal(
        stored["rows"][0], [28.7967, 16.0021, 2.6449, 0.3918, 0.1982, 27.7004, 22.011, -8.2027, 40.092, 81.8828]
    )
    assert np.isfinite(stored["rows"]).all()


def test_all_rows_are_shared_70_15_15_with_copies_on_one_side():
    data = load(sizes=Sizes(10**6, 10**6, 10**6))
    parts = [data.train, data.test, data.reference]
    n = [len(part) for part in parts]
    assert sum(n) == pytest.approx(19020, abs=5)
    np.testing.assert_allclose(np.array(n) / 19020, [0.70, 0.15, 0.15], atol=1e-3)
    assert sum(len(np.unique(part, axis=0)) for part in parts) == len(np.unique(rows_of(data), axis=0))
    assert sum(n) - len(np.unique(rows_of(data), axis=0)) == pytest.approx(115, abs=2)


def test_the_splits_share_no_row_and_keep_their_labels():
    data = load()
    parts = [data.train, data.test, data.reference]
    assert [len(part) for part in parts] == [2000, 1000, 1000]
    assert sum(len(np.unique(part, axis=0)) for part in parts) == len(np.unique(rows_of(data), axis=0))
    stored = load_stored(DATA_FILE)
    label_of = {row.tobytes(): label for row, label in zip(stored["rows"], stored["labels"], strict=True)}
    for name in ("train", "test", "reference"):
        assert [label_of[row.tobytes()] for row in getattr(data, name)] == data.labels[name].tolist()


def test_the_same_generator_gives_the_same_rows():
    np.testing.assert_array_equal(rows_of(load(seed=1)), rows_of(load(seed=1)))
    assert (rows_of(load(seed=1)) != rows_of(load(seed=2))).any()


def test_columns_have_names_units_and_logarithms_only_where_all_rows_are_positive():
    data = load()
    names = ["fLength", "fWidth", "fSize", "fConc", "fConc1", "fAsym", "fM3Long", "fM3Trans", "fAlpha", "fDist"]
    assert [column.name for column in data.columns] == names
    assert {column.unit for column in data.columns} == {"mm", "log10 photons", "", "deg"}
    log = np.array([column.log for column in COLUMNS])
    rows = load_stored(DATA_FILE)["rows"]
    assert log.any()
    assert (rows[:, log] > 0).all()
    assert (rows[:, names.index("fAlpha")] <= 90).all()


def test_a_label_picks_its_showers():
    gamma, hadron = (load(label, Sizes(10**5, 10**5, 10**5)) for label in ("gamma", "hadron"))
    assert (gamma.labels["train"] == 0).all()
    assert (hadron.labels["train"] == 1).all()
    assert len(rows_of(gamma)) + len(rows_of(hadron)) == pytest.approx(19020, abs=8)
    # a gamma points at the source, a hadron anywhere
    assert np.median(gamma.train[:, 8]) < 15 < np.median(hadron.train[:, 8])


def test_an_unknown_label_is_refused():
    with pytest.raises(ValueError, match="label must be 'all', 'gamma' or 'hadron', got 'muon'"):
        MagicConfig(label="muon")


def test_the_card_names_licence_source_and_script():
    card = json.loads(DATA_FILE.with_name("magic.npz.json").read_text())
    assert card["licence"].startswith("CC BY 4.0")
    assert "doi:" in card["source"]
    assert (Path(genbench_tables.__file__).parent / card["script"]).is_file()
