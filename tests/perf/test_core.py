"""What the core costs besides the cells: discovery, planning, records, tables. Nothing here asserts a time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import record, score

from genbench.plan.plan import Request, make_plan
from genbench.record.store import read_records, write_json, write_record
from genbench.registry.registry import Registry
from genbench.report import render
from genbench.table.results import Results


def many(seeds: int = 20, models: int = 10) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    names = ("energy", "w2", "frechet", "coverage")
    return [
        record(f"model{m}", seed, [score(name, float(rng.normal())) for name in names])
        for seed in range(seeds)
        for m in range(models)
    ]


def test_discovery(benchmark: Any) -> None:
    benchmark.pedantic(Registry.discover, rounds=5, warmup_rounds=1)


def test_plan_of_a_thousand_cells(benchmark: Any) -> None:
    registry = Registry.discover()
    request = Request(models="vae[latent=2|3|4|5]", datasets="ring,moons", seeds=100, device="cpu")

    def keyed() -> int:
        return len({cell.key for cell in make_plan(request, registry).cells})

    assert benchmark.pedantic(keyed, rounds=2) > 1000


def test_record(benchmark: Any, tmp_path: Path) -> None:
    found = many(1, 1)[0]
    benchmark.pedantic(lambda: write_record(tmp_path, found), rounds=10)


def test_read_two_hundred_records(benchmark: Any, tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"schema_version": 1, "cells": []})
    for found in many():
        write_record(tmp_path, found)
    assert len(benchmark.pedantic(lambda: read_records(tmp_path), rounds=3, warmup_rounds=1)) == 200


def test_records_that_were_found_intact_before(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_CACHE", str(tmp_path / "cache"))
    write_json(tmp_path / "run.json", {"schema_version": 1, "cells": []})
    for found in many():
        write_record(tmp_path, found)
    start = time.process_time()
    read_records(tmp_path)
    first = time.process_time() - start
    assert len(benchmark.pedantic(lambda: read_records(tmp_path), rounds=3)) == 200
    start = time.process_time()
    read_records(tmp_path)
    benchmark.extra_info["CPU time over that of the first"] = (time.process_time() - start) / first


def test_fifty_models(benchmark: Any) -> None:
    results = Results(tuple(many(2, 50)))
    benchmark.pedantic(results.table, rounds=2, warmup_rounds=1)


def test_frame(benchmark: Any) -> None:
    results = Results(tuple(many()))
    benchmark.pedantic(results.table, rounds=3, warmup_rounds=1)


def test_tables_in_markdown(benchmark: Any) -> None:
    records = many()
    benchmark.pedantic(render, args=(records, "markdown"), rounds=3, warmup_rounds=1)
