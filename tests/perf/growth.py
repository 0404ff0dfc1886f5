"""How the cost of commands grows with records: CPU seconds of each on a run that is made up.

``python tests/perf/growth.py DIR`` makes a run of 1,020 records in DIR (50 models and real data, 10 datasets, 2 seeds)
from those of ``results/reference``, and prints the CPU seconds of each command: of the first time, and of the next.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genbench.record.integrity import add_digest
from genbench.record.store import cell_folder, key_of, read_records, read_run
from genbench.table.columns import TIMING_METRICS

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
MODELS, DATASETS, SEEDS = 50, 10, 2
PERTURBED = ("value", "low", "high")  # fields of a score that a model's factor changes


def make_runs(folder: Path, models: int = MODELS, datasets: int = DATASETS, seeds: int = SEEDS) -> None:
    """Write the run ``whole``, the same with other values as ``other``, and its seeds apart as ``seed0``, ``seed1``."""
    info, templates = read_run(REFERENCE), _templates()
    parts = {"whole": range(seeds), "other": range(seeds), **{f"seed{seed}": [seed] for seed in range(seeds)}}
    for name, wanted in parts.items():
        rng = np.random.default_rng(len(name) if name == "other" else 0)
        keys = []
        for record in _records(templates, models, datasets, seeds, rng):
            if record["seed"] in wanted:
                keys.append(record["key"])
                _write(cell_folder(folder / name, record["key"]) / "1.json", record)
        _write(folder / name / "run.json", {**info, "cells": keys})


def _templates() -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return the records of the reference run by dataset and seed, real data first."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for record in read_records(REFERENCE):
        found.setdefault((record["dataset"], record["seed"]), []).append(record)
    return {name: sorted(each, key=lambda r: r["model"] != "real") for name, each in found.items()}


def _records(
    templates: dict[tuple[str, int], list[dict[str, Any]]], models: int, datasets: int, seeds: int, rng: Any
) -> Iterator[dict[str, Any]]:
    names = list(dict.fromkeys(dataset for dataset, _ in templates))
    for number, seed in itertools.product(range(datasets), range(seeds)):
        source = names[number % len(names)]
        real, *trained = templates[source, seed]
        dataset = f"{source}{number}"
        yield _record(real, "real", dataset, 1.0)
        for model in range(models):
            yield _record(trained[model % len(trained)], f"model{model}", dataset, float(np.exp(0.1 * rng.normal())))


def _record(template: dict[str, Any], model: str, dataset: str, factor: float) -> dict[str, Any]:
    """Return a template as the record of another model and dataset, whose scores are multiplied by a factor."""
    identity = template["identity"]
    identity = {
        **identity, "model": {**identity["model"], "name": model}, "dataset": {**identity["dataset"], "name": dataset},
    }  # fmt: skip
    names = {"model": model, "label": model, "dataset": dataset, "dataset_label": dataset}
    scores = [
        score
        if score["metric"] in TIMING_METRICS
        else score | {name: _times(score[name], factor) for name in PERTURBED}
        for score in template["scores"]
    ]
    return {
        **template, **names, "baseline": False, "identity": identity, "key": key_of(identity), "scores": scores,
        "attempt": 1,
    }  # fmt: skip


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _write(file: Path, body: dict[str, Any]) -> None:
    """Write a sealed file as the store does, without waiting for the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(add_digest(body), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def cpu_seconds(*arguments: str) -> tuple[float, float]:
    """Return the CPU seconds of a command and its children, and its peak memory in MiB; raises for another exit."""
    command = [sys.executable, "-m", "genbench", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 4):  # 4: a comparison found something worse
        raise SystemExit(f"{' '.join(arguments)}: exit {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Make the runs where they are missing, and print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commands", default="table,validate,compare,merge,report")
    parser.add_argument("--models", type=int, default=MODELS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if not folder.exists():
        make_runs(folder, arguments.models)
    whole, other, merged = folder / "whole", folder / "other", folder / "merged"
    lines = {
        "table": ["table", str(whole)],
        "validate": ["validate", str(whole)],
        "compare": ["compare", str(whole), str(other)],
        "merge": ["merge", str(folder / "seed0"), str(folder / "seed1"), "--out", str(merged)],
        "report": ["report", str(whole), "-o", str(folder / "report.html"), "--no-pictures"],
    }
    for name in arguments.commands.split(","):
        times = []
        for _ in range(2):
            shutil.rmtree(merged, ignore_errors=True)
            times.append(cpu_seconds(*lines[name]))
        print(f"{name:9}" + "".join(f"{seconds:8.2f} CPU s {memory:6.0f} MiB" for seconds, memory in times), flush=True)


if __name__ == "__main__":
    main()
