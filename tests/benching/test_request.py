"""What a benchmark is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_project import git

from genbench.benching.checkouts import VersionSource
from genbench.benching.measure import Effort
from genbench.benching.request import BenchRequest, select_quantities
from genbench.cli.main import main
from genbench.errors import UnknownName
from genbench.record.run_directory import write_run


def test_a_run_stands_for_the_commit_that_made_it(tmp_path: Path, project: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    (tmp_path / "run").mkdir()
    for dirty in ("", "-dirty"):
        write_run(tmp_path / "run", {"created": "", "cells": [], "commit": commit + dirty})
        base = BenchRequest(str(tmp_path / "run"), project=project).base()
        assert isinstance(base, VersionSource)
        assert base.commit == commit
        assert commit[:9] in base.label
        assert ("left out" in base.label) == bool(dirty)


def test_more_pairs_are_measured_where_more_are_asked_for() -> None:
    assert BenchRequest().effort == Effort()
    assert (BenchRequest(pairs=8).effort.pairs, BenchRequest(pairs=8).effort.repeat_pairs) == (8, 10)
    assert (
        BenchRequest(pairs=30, quick=True).effort.pairs,
        BenchRequest(pairs=30, quick=True).effort.repeat_pairs,
    ) == (
        30,
        30,
    )
    assert main(["bench", "--pairs", "4"]) == 2


def test_what_is_measured_is_what_the_distribution_provides() -> None:
    base = {"start/help": "genbench", "start/list": "genbench", "metric/energy": "genbench", "model/mine/step": "mine"}
    head = base | {"model/mine/sample": "mine"}
    assert select_quantities(BenchRequest(), "mine", [base, head]) == [
        "start/list",
        "model/mine/step",
        "model/mine/sample",
    ]
    assert select_quantities(BenchRequest(), "genbench", [base, head]) == ["start/help", "start/list", "metric/energy"]
    assert select_quantities(BenchRequest(select="*,-model/*"), "mine", [base, head]) == [
        "start/help",
        "start/list",
        "metric/energy",
    ]
    with pytest.raises(UnknownName, match="did you mean 'metric/energy'"):
        select_quantities(BenchRequest(select="metric/enrgy"), "mine", [base, head])
