"""``genbench bench``: the gate itself, and mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench_project import make_project

from genbench.cli.main import main
from genbench.record.run_directory import write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin in a repository, whose files are 15 % slower than what is committed, and otherwise changed."""
    return make_project(tmp_path_factory.mktemp("toil"))


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="compares a commit of this repository with itself")
def test_genbench_is_as_fast_as_itself(tmp_path: Path) -> None:
    told = tmp_path / "comparison.json"
    same = ["bench", "--against", "HEAD", "--head", "HEAD", "--project", str(ROOT)]
    assert main([*same, "--quick", "-o", str(told)]) == 0
    verdicts = json.loads(told.read_text())["verdicts"]
    assert {"start/help", "registry", "plan", "table", "model/vae/step"} <= {v["subject"] for v in verdicts}
    assert {v["verdict"] for v in verdicts} <= {"unchanged", "inconclusive"}
    facts = [v for v in verdicts if v["kind"] == "fact"]
    assert {"modules", "parameters", "peak_bytes", "samples_sha256", "value"} <= {v["metric"] for v in facts}
    assert {v["verdict"] for v in facts} == {"unchanged"}


def test_each_mistake_is_told_before_anything_is_installed(tmp_path: Path, project: Path, capsys) -> None:
    (tmp_path / "run").mkdir()
    write_run(tmp_path / "run", {"created": "", "cells": []})
    (tmp_path / "other.json").write_text("{}")
    mistakes = {
        ("--against", "absent.whl"): "absent.whl: no such wheel; build one with",
        ("--project", str(tmp_path)): "no pyproject.toml",
        ("--project", str(project), "--against", "nosuch"): "nosuch: no commit of this name in",
        ("--project", str(project), "--against", "--output=x"): "--output=x: no commit of this name",
        ("--project", str(project), "--against", str(tmp_path / "run")): "the run records no commit of genbench",
        ("--project", str(project), "--against", str(tmp_path / "other.json")): "not a file of genbench bench --save",
        ("--save", "absent/x.json"): "no folder absent",
    }
    for arguments, message in mistakes.items():
        assert main(["bench", *arguments]) == 2
        out, err = capsys.readouterr()
        assert message in err
        assert (out, err.count("\n")) == ("", 1)
