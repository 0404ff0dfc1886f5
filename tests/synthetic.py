"""Records made up for tests: what a run would have written, with the numbers of our choice."""

import hashlib

from genbench.record.store import write_json, write_record
from genbench.table.frame import to_frame

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&{{7*7}}</style></title><!--"


def score(metric, value, *, better="lower", **fields):
    blank = {
        "low": None,
        "high": None,
        "level": None,
        "floor": None,
        "floor_sd": None,
        "z": None,
        "unit": "",
        "best": None,
    }
    return {"metric": metric, "value": value, "better": better, **blank, "n_real": 1000, "n_fake": 1000, "params": {},
            "space": "standardised", "detail": {}, "version": 1, "seconds": 0.1, "warnings": [], **fields}  # fmt: skip


def record(model, seed=0, scores=(), *, status="ok", dataset="ring", **fields):
    label = fields.pop("label", model)
    known = {
        "schema_version": 1,
        "key": hashlib.sha256(repr((label, dataset, seed, fields)).encode()).hexdigest()[:24],
        "attempt": 1,
        "model": model,
        "label": label,
        "model_config": {},
        "density": "none",
        "baseline": model in ("gaussian", "memoriser"),
        "dataset": dataset,
        "dataset_label": dataset,
        "dataset_config": {},
        "data_kind": "vector",
        "seed": seed,
        "budget": "4000steps",
        "device": "cpu",
        "status": status,
        "phase": "score",
        "reason": "",
        "timings": {},
        "scores": list(scores) if status == "ok" else [],
        "sizes": {"train": 1000, "test": 1000, "reference": 1000} if status == "ok" else None,
        "provenance": {"distribution": "genbench", "version": "0.1.0"},
    }
    return known | fields


def seeds(model, values, metric="energy", *, better="lower", **fields):
    """Return one record a seed with one score each."""
    return [record(model, i, [score(metric, v, better=better)], **fields) for i, v in enumerate(values)]


def write_run(folder, records, **about):
    """Write a run directory that holds these records, and return it."""
    folder.mkdir(parents=True)
    write_json(folder / "run.json", {"cells": [r["key"] for r in records], "request": {"preset": "smoke"}, **about})
    for each in records:
        write_record(folder, each)
    return folder


def write_report_run(folder):
    """Write a run of two models, real data and a failure, with what every part of a report shows; return its folder."""
    trained = {"trace": [[0.1, 10, {"loss": 2.0}], [0.2, 20, {"loss": 1.0}]],
               "timings": {"fit_s": 2.0, "samples_per_s": 100.0}}  # fmt: skip
    return write_run(folder, [
        *seeds("vae", [0.1, 0.2], **trained), *seeds("gan", [0.5, 0.7], **trained), *seeds("real", [0.0, 0.01]),
        record("kde", 0, status="failed", phase="fit", reason="boom", label="kde"),
    ])  # fmt: skip


def by_label(records):
    """Return the table of records, a row a label."""
    return to_frame(records).set_index("label")
