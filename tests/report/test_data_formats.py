"""Tables for programs: CSV, JSON, parquet."""

import csv
import io
import json
import math

import pandas as pd
import pytest
from synthetic import record, score, seeds
from tabled import RECORDS

from genbench.report import render
from genbench.report.text import csv_text
from genbench.table.frame import to_frame


def test_csv_holds_everything_and_no_formula():
    text = render(RECORDS, "csv", per="seed")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(RECORDS)
    assert rows[9]["reason"].startswith("'=HYPERLINK(1)")
    assert [float(row["energy"]) for row in rows if row["energy"]] == [1.0, 1.4, 0.6, 9.0, 9.1, 9.2, 0.1, 0.2, 0.3, 1.0]
    negative = render(seeds("m", [-1.0]), "csv", per="seed")
    assert float(next(csv.DictReader(io.StringIO(negative)))["energy"]) == -1.0
    assert [csv_text(t) for t in ("=1", "+1", "-1", "@a", "a=1")] == ["'=1", "'+1", "'-1", "'@a", "a=1"]


def test_json_has_one_object_a_cell_and_null_for_what_is_missing():
    rows = json.loads(render(RECORDS, "json", per="seed"))
    assert [row["seed"] for row in rows] == [r["seed"] for r in RECORDS]
    assert {"model", "dataset", "seed", "status", "reason", "energy"} <= set(rows[0])
    vae = next(row for row in rows if row["model"] == "vae")
    assert (vae["status"], vae["energy"]) == ("diverged", None)
    assert rows[0]["energy"] == 1.0
    models = json.loads(render(RECORDS, "json"))
    assert [(row["dataset"], row["label"]) for row in models] == [
        ("ring", "wgan_gp"), ("ring", "gan"), ("ring", "real"), ("ring", "vae"), ("moons", "m")]  # fmt: skip
    assert models[0]["energy_tied"] is True


@pytest.mark.parametrize("per", ["model", "seed"])
def test_parquet_gives_the_frame_back(per):
    content = render(RECORDS, "parquet", per=per)
    back = pd.read_parquet(io.BytesIO(content))
    frame = to_frame(RECORDS, per)
    assert list(back.columns) == list(frame.columns)
    pd.testing.assert_series_equal(back["energy"], frame["energy"])


def test_metrics_choose_the_columns_of_files_too():
    records = [record("m", 0, [score("energy", 2.0), score("energy_v", 3.0)]), record("n", 0, [score("energy", 1.0)])]
    rows = json.loads(render(records, "json", metrics=["energy_v"], sort="energy"))
    assert [row["label"] for row in rows] == ["n", "m"]
    assert "energy_v" in rows[0]
    assert not {"energy", "energy_sd", "energy_tied"} & set(rows[0])


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_an_open_end_of_an_interval_is_missing_in_files(form):
    records = [record("m", 0, [score("equivalent", 3164.0, low=918.7, high=None, better="higher")])]
    content = render(records, form)
    if form == "json":
        (row,) = json.loads(content)
    elif form == "csv":
        (row,) = csv.DictReader(io.StringIO(content))
    else:
        (row,) = pd.read_parquet(io.BytesIO(content)).to_dict("records")
    assert float(row["equivalent_low"]) == 918.7
    assert row["equivalent_high"] in (None, "") or math.isnan(row["equivalent_high"])
    assert (float(row["rank_low"] or 0), row["copying"], row["unstable"]) == (0, "", "") or form == "parquet"
