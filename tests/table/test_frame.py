"""From records to frames: a row a model or a cell, with numbers in columns of numbers."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import by_label, record, score, seeds

from genbench.table.frame import to_frame


def test_a_model_has_mean_spread_interval_and_rank():
    frame = by_label([*seeds("good", [1.0, 1.1, 1.2]), *seeds("bad", [5.0, 5.1, 5.2])])
    good = frame.loc["good"]
    assert good["energy"] == pytest.approx(1.1)
    assert good["energy_sd"] == pytest.approx(0.1)
    assert good["energy_se"] == pytest.approx(0.1 / math.sqrt(3))
    low, high = stats.t.interval(0.95, 2, 1.1, 0.1 / math.sqrt(3))
    assert (good["energy_low"], good["energy_high"]) == (pytest.approx(low), pytest.approx(high))
    assert (good["n_ok"], good["n_failed"], good["energy_rank"], good["energy_tied"]) == (3, 0, 1, True)
    assert (frame.loc["bad", "energy_rank"], frame.loc["bad", "energy_tied"]) == (2, False)


def test_equal_names_are_told_apart_by_what_differs():
    records = [
        *seeds("vae", [1.0], model_config={"beta": 1.0, "latent": 2}),
        *seeds("vae", [2.0], model_config={"beta": 4.0, "latent": 2}),
        *seeds("gan", [1.0], budget="10steps"),
        *seeds("gan", [2.0], budget="20steps"),
        *seeds("kde", [1.0, 2.0], device="cuda:0")[:1],
        *seeds("kde", [1.0, 2.0], device="cuda:1")[1:],
    ]
    labels = list(to_frame(records)["label"])
    assert labels == ["vae (beta=1.0)", "vae (beta=4.0)", "gan (10steps)", "gan (20steps)", "kde"]


def test_one_cell_counts_once():
    first = record("m", 0, status="failed")
    second = first | {"attempt": 2, "status": "ok", "scores": [score("energy", 1.0)]}
    for records in ([first, second], [second, first], [second, second]):
        assert list(to_frame(records)["n_seeds"]) == [1]
        assert list(to_frame(records, per="seed")["status"]) == ["ok"]


def test_a_frame_of_cells_has_a_row_for_each_with_its_failures():
    records = [
        *seeds("a", [1.0, 2.0]),
        record("a", 2, status="oom", reason="80 GB", phase="fit"),
        record("b", 0, status="skipped"),
    ]
    frame = to_frame(records, per="seed")
    assert list(frame[["model", "dataset", "seed", "status"]].itertuples(index=False, name=None)) == [
        ("a", "ring", 0, "ok"),
        ("a", "ring", 1, "ok"),
        ("a", "ring", 2, "oom"),
        ("b", "ring", 0, "skipped"),
    ]
    assert list(frame["energy"].dropna()) == [1.0, 2.0]
    assert frame.loc[2, "reason"] == "80 GB"


def test_records_that_hold_only_what_they_must_are_rows():
    bare = {"key": "k", "model": "m", "dataset": "d", "seed": 0, "status": "crashed"}
    assert to_frame([bare])["status"].tolist() == ["crashed"]
    assert to_frame([bare], per="seed")["label"].tolist() == ["m"]
    assert len(to_frame([])) == 0
    with pytest.raises(ValueError, match="per must be"):
        to_frame([bare], per="model ")


def test_numbers_have_number_types_whatever_is_missing():
    frame = to_frame([*seeds("a", [1, 2]), record("b", 0, [score("energy", None), score("w1", None)])])
    assert frame["energy"].dtype == frame["w1"].dtype == np.float64
    assert frame["energy_rank"].dtype == "Int64"


def test_sizes_are_those_of_a_seed_that_had_data():
    first = record("m", 0, status="failed", phase="load", reason="gone")
    row = by_label([first, *seeds("m", [1.0, 2.0, 3.0])[1:]]).loc["m"]
    assert (row["n_train"], row["n_test"], row["n_reference"]) == (1000, 1000, 1000)
    assert pd.isna(by_label([first]).loc["m", "n_train"])
