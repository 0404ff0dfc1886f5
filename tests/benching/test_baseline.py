"""Times that are stored, to be compared with later."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_labs import Scripted

from genbench.benching.baseline import Baseline, read_baseline, write_baseline
from genbench.benching.checkouts import Installation
from genbench.benching.request import BenchRequest
from genbench.benching.run import _decide_against_baseline, _effort
from genbench.comparing import Verdict
from genbench.errors import UserError
from genbench.record.environment import machine


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    side = Installation("v1", Path(sys.executable), "genbench-toil", "1.0", "abc")
    values = {"metric/kept": [1.0, 1.01, 1.02, 1.01, 1.0], "metric/broken": [None] * 5}
    write_baseline(tmp_path / "v1.json", side, values, {"metric/kept": {"value": 1.0, "calls": 3}}, "as usual")
    return tmp_path / "v1.json"


def beside(base: Baseline, values: list[float | None]) -> Verdict:
    lab: Any = Scripted()
    return _decide_against_baseline(lab, base, BenchRequest(), "metric/kept", values)


def test_stored_times_are_compared_on_the_machine_that_made_them_alone(stored: Path) -> None:
    base = replace(read_baseline(stored), effort=_effort(BenchRequest()))
    slow: list[float | None] = [1.3, 1.31, 1.32, 1.31, 1.3]
    assert beside(base, slow).verdict == "regressed"
    assert beside(base, [1.0, 1.01, 1.02, 1.01, 1.0]).verdict == "unchanged"
    elsewhere = beside(replace(base, machine={**machine(), "id": "another"}), slow)
    assert (elsewhere.verdict, "another machine" in elsewhere.reason) == ("not comparable", True)
    otherwise = beside(read_baseline(stored), slow)
    assert (otherwise.verdict, otherwise.reason) == ("not comparable", "measured differently: as usual")
    assert "metric/broken" not in base.values


def test_times_by_another_clock_are_no_base(stored: Path) -> None:
    body = json.loads(stored.read_text())
    body["benchmarks"][0]["extra_info"] = {}
    stored.write_text(json.dumps(body))
    with pytest.raises(UserError, match="wall-clock times"):
        read_baseline(stored)


def test_stored_times_are_in_the_format_of_pytest_benchmark(stored: Path) -> None:
    from genbench import comparing

    body = json.loads(stored.read_text())
    [benchmark] = body["benchmarks"]
    assert {"machine_info", "commit_info", "datetime", "version"} <= body.keys()
    assert benchmark["stats"]["data"] == [1.0, 1.01, 1.02, 1.01, 1.0]
    assert benchmark["stats"]["min"] == 1.0
    assert comparing.compare(stored, stored).verdicts, "genbench compare reads it"


def test_pytest_benchmark_shows_stored_times(stored: Path) -> None:
    line = [sys.executable, "-m", "pytest_benchmark", "compare", str(stored)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=stored.parent)
    assert done.returncode == 0, done.stderr
    assert "metric/kept" in done.stdout
