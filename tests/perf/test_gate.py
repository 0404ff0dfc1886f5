"""The gate of speed on a planted slowdown: it wants the machine for itself, as everybody's gate does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_project import make_project

from genbench.benching.baseline import read_baseline
from genbench.benching.measure import Effort
from genbench.cli.main import main


def test_a_slowdown_of_15_percent_is_caught_and_what_else_changed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path / "toil")
    told, kept = tmp_path / "comparison.json", tmp_path / "head.json"
    names = "metric/slowed,metric/kept,metric/gone,metric/added,metric/breaks"
    line = ["bench", "--against", "HEAD", "--project", str(project), "--select", names]
    assert main([*line, "-o", str(told), "--save", str(kept)]) == 4
    verdicts = {(v["subject"], v["metric"]): v for v in json.loads(told.read_text())["verdicts"]}
    slowed = verdicts["metric/slowed", "cpu_s"]
    assert slowed["verdict"] == "regressed"
    assert 0.10 < slowed["change"] < 0.30
    assert len(slowed["head_runs"]) == Effort().repeat_pairs, "a hit is measured again"
    assert verdicts["metric/kept", "cpu_s"]["verdict"] in ("unchanged", "inconclusive")
    assert verdicts["metric/gone", "cpu_s"]["verdict"] == "missing"
    assert verdicts["metric/added", "cpu_s"]["verdict"] == "new"
    assert verdicts["metric/breaks", "cpu_s"]["verdict"] == "regressed"
    assert "no disk" in verdicts["metric/breaks", "cpu_s"]["reason"]
    assert verdicts["metric/slowed", "value"]["verdict"] == "changed"
    assert "metric/slowed, cpu_s" in capsys.readouterr().err
    stored = read_baseline(kept)
    assert len(stored.values["metric/kept"]) == Effort().pairs
    assert "metric/gone" not in stored.values
    assert "metric/breaks" not in stored.values
