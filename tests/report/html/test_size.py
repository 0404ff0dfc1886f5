"""How large the report of a large run is: pictures, curves, logs and all."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

import genbench
from genbench.record.store import cell_folder, read_records, write_record
from genbench.report.html import render_report
from genbench.table.results import load

DATASETS = "magic,dijets,mixture,mnist,digits"
MODELS, SEEDS = 10, 3


def grown(run, record, label, seed, key):
    """Write a cell like ``record``, of another model and seed, with curves of a training and a log."""
    trace = [[i / 10, i, {"loss": 1 / (1 + i) + np.sin(i) / 50, "kl": 0.1 * np.cos(i)}] for i in range(1000)]
    curve = [{"seconds": 6.0 * 2**i, "step": 2**i, "value": 0.5 / 2**i, "low": 0.0, "high": 1.0} for i in range(5)]
    scores = json.loads(json.dumps(record["scores"]))
    for score in scores:
        score["value"] = None if score["value"] is None else score["value"] * (1 + seed / 50)
        score["detail"] |= {"curve": curve} if score["metric"] == "energy" else {}
    fields = {name: value for name, value in record.items() if name not in ("sha256", "attempt", "run")}
    write_record(run, {**fields, "label": label, "seed": seed, "key": key, "scores": scores, "trace": trace})
    folder = cell_folder(run, key)
    os.link(cell_folder(run, record["key"]) / "samples.npz", folder / "samples.npz")
    (folder / "log.txt").write_text("a warning of a library, once a step\n" * 1000)
    return key


@pytest.mark.slow
def test_the_report_of_ten_models_on_five_datasets_stays_under_ten_megabytes(tmp_path) -> None:
    run = tmp_path / "run"
    metrics = "energy,coverage,equivalent,w1_marginal,nll"
    genbench.run(models="kde[bandwidth=0.3]", datasets=DATASETS, seeds=1, metrics=metrics, out=run)
    keys = []
    for record in read_records(run):
        if record["model"] != "kde":
            continue
        for model in range(MODELS):
            for seed in range(SEEDS):
                key = hashlib.sha256(f"{record['key']} {model} {seed}".encode()).hexdigest()[:24]
                keys.append(grown(run, record, f"model-{model}", seed, key))
        shutil.rmtree(cell_folder(run, record["key"]))
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "cells": [*about["cells"], *keys]}))
    page = render_report(load(run), [run])
    assert len(keys) == MODELS * SEEDS * len(DATASETS.split(","))
    for label in range(MODELS):
        assert f"Pairs of columns: model-{label}" in page, "it has all that makes it large"
    assert "Quality against time" in page
    print(f"{len(page.encode()) / 1e6:.1f} MB")
    assert len(page.encode()) < 10e6
