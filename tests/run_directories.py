"""Run directories made up for tests, whole in every respect: what a run of tiny cells would have left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from genbench.record.run_directory import open_run
from genbench.record.store import cell_folder, key_of, write_record

WHEN = "2026-01-0{}T00:00:00+00:00"
ABOUT = {
    "created": WHEN.format(1),
    "request": {"models": "vae"},
    "skipped": [],
    "machine": {},
    "versions": {},
    "jobs": 1,
}


def whole_record(model: str = "vae", seed: int = 0, *, ended: int = 2, **fields: Any) -> dict[str, Any]:
    """Return a record that keeps the schema; ``ended`` is a day."""
    identity = {
        "protocol": 1,
        "model": {"name": model, "config": {"latent": 2}, "distribution": "genbench", "source": "0" * 16},
        "dataset": {"name": "ring", "config": {}, "distribution": "genbench", "source": "1" * 16},
        "seed": seed,
        "budget": "5steps",
        "device": "cpu",
        "dtype": "float32",
        "sizes": {"train": 10, "test": 5, "reference": 5},
        "torch": "2.13",
    }
    score = {"metric": "gap", "value": 0.5, "low": 0.4, "high": 0.6, "floor": None, "better": "lower", "unit": "",
             "version": 1, "warnings": []}  # fmt: skip
    return {
        "key": key_of(identity),
        "model": model, "label": model, "model_config": {"latent": 2},
        "dataset": "ring", "dataset_label": "ring", "dataset_config": {},
        "seed": seed, "budget": "5steps", "device": "cpu", "protocol": 1, "identity": identity, "provenance": {},
        "status": "ok", "phase": "score", "reason": "", "timings": {"fit_s": 0.25},
        "metrics": {"gap": {"version": 1, "config": {}}}, "scores": [score],
        "machine": {}, "versions": {}, "started": WHEN.format(1), "ended": WHEN.format(ended), **fields,
    }  # fmt: skip


def whole_run(run: Path, *records: dict[str, Any], **about: Any) -> Path:
    """Write a run with these records, and samples and a log beside each."""
    open_run(run, ABOUT | about, [record["key"] for record in records])
    for record in records:
        path = write_record(run, record)
        np.savez(path.parent / "samples.npz", samples=np.full((5, 2), float(path.stem)))
        (path.parent / "log.txt").write_text(f"attempt {path.stem} of {run.name}\n")
    return run


def files_of(run: Path) -> dict[str, bytes]:
    """Return all files of a run, and what is in them."""
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def folder_of(run: Path, record: dict[str, Any]) -> Path:
    """Return the folder of a record's cell."""
    return cell_folder(run, record["key"])
