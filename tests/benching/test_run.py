"""Two versions measured in turn: what is installed, what is told apart, what must repeat, what is stored."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_project import git, make_project

from genbench.benching import measure as measure_module
from genbench.benching.baseline import Baseline, read_baseline, write_baseline
from genbench.benching.checkouts import Installation, VersionSource, find_source, install
from genbench.benching.measure import Effort, Measurer
from genbench.benching.request import BenchRequest, select_quantities
from genbench.benching.run import _compare_facts, _decide_against_baseline, _decide_speed, _effort, _repeat_doubtful
from genbench.cli.main import main
from genbench.comparing import Verdict
from genbench.errors import UnknownName, UserError
from genbench.record.environment import machine
from genbench.record.run_directory import write_run

ROOT = Path(__file__).parents[2]
TRACKED = ROOT / "genbench" / "benching" / "tracked.py"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin in a repository, whose files are 15 % slower than what is committed, and otherwise changed."""
    return make_project(tmp_path_factory.mktemp("toil"))


# ------------------------------------------------------------------------------------------------------ the gate itself


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


class Scripted:
    """A lab whose answers are known: each call of ``values`` gives base ones and head the next ratio of the script."""

    effort = Effort(pairs=5, repeat_pairs=6)

    def __init__(self, *ratios: float) -> None:
        self.ratios, self.asked = list(ratios), 0
        self.errors: dict[tuple[int, str], str] = {}

    def restart(self, names: list[str]) -> None: ...

    def values(self, name: str, sides: tuple[int, ...], pairs: int, first: int = 0) -> list[list[float | None]]:
        self.asked += 1
        ratio = self.ratios[(self.asked - 1) // self.effort.repeat_pairs]
        noise = 1.0 + 0.001 * first
        return [[noise] * pairs, [ratio * noise * (1 + 0.0005 * (first % 2))] * pairs]


@pytest.mark.parametrize(
    ("first", "later", "expected", "rounds"),
    [
        ("unchanged", [], "unchanged", 0),
        ("regressed", [1.2], "regressed", 1),
        ("regressed", [1.0], "unchanged", 1),
        ("inconclusive", [1.2, 1.2], "regressed", 2),
        ("inconclusive", [1.2, 1.0], "unchanged", 2),
        ("improved", [1.2, 0.8], "inconclusive", 2),
    ],
)
def test_no_hit_counts_that_does_not_repeat(first: str, later: list[float], expected: str, rounds: int) -> None:
    lab: Any = Scripted(*later)
    known = Verdict("metric/x", "cpu_s", first, kind="speed", base_runs=(1.0,), head_runs=(1.0,))
    found = _repeat_doubtful(
        lab, {"metric/x": known}, (0, 1), lambda name, got: _decide_speed(name, got[0], got[1]), lambda _: None
    )
    assert found["metric/x"].verdict == expected
    assert lab.asked == rounds * lab.effort.repeat_pairs


def test_facts_are_compared_exactly_and_names_one_by_one() -> None:
    base = {"modules": ["a", "b"], "parameters": 3, "old": 1, "value": 0.1}
    head = {"modules": ["a", "c"], "parameters": 3, "new": 1, "value": 0.1 + 1e-16}
    found = {each.metric: each for each in _compare_facts("start/help", base, head)}
    assert found.keys() == {"modules", "parameters", "value"}
    assert (found["modules"].verdict, found["modules"].reason) == ("changed", "+c, -b")
    assert found["parameters"].verdict == "unchanged"
    assert found["value"].verdict == ("unchanged" if base["value"] == head["value"] else "changed")


def test_a_side_is_asked_for_nothing_that_versions_in_use_lack() -> None:
    """A name that only head has would leave base unmeasured: it must not be imported by what measures both."""
    imports = [node for node in ast.walk(ast.parse(TRACKED.read_text())) if isinstance(node, ast.ImportFrom)]
    asked = {
        f"{node.module}.{alias.name}" for node in imports for alias in node.names if "genbench" in str(node.module)
    }
    assert asked == {
        "genbench.budget.Budget",
        "genbench.budget.Sizes",
        "genbench.data.fingerprint",
        "genbench.plan.Request",
        "genbench.plan.make_plan",
        "genbench.protocol.Evidence",
        "genbench.protocol.LogDensity",
        "genbench.protocol.Modes",
        "genbench.protocol.RealSide",
        "genbench.protocol.Simulator",
        "genbench.protocol.TrainingData",
        "genbench.record.read_records",
        "genbench.record.write_json",
        "genbench.record.write_record",
        "genbench.registry.Registry",
        "genbench.registry.resolve",
        "genbench.report.render",
        "genbench.scoring.Scorer",
        "genbench.scoring.evaluate",
        "genbench.training.Run",
    }


# -------------------------------------------------------------------------------------------------------- what is asked


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
    quick = BenchRequest(pairs=30, quick=True).effort
    assert (quick.pairs, quick.repeat_pairs) == (30, 30)
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


# --------------------------------------------------------------------------------------------------------- environments


@pytest.fixture(scope="module")
def installed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Installation]:
    folders = [tmp_path_factory.mktemp(name) for name in ("base", "head")]
    return [install(find_source(what, project), folder) for what, folder in zip(("HEAD", "."), folders, strict=True)]


def test_each_side_sees_its_own_version_and_the_libraries_that_are_there(installed: list[Installation]) -> None:
    code = "import genbench_toil.toil as t, inspect, numpy; print('115' in inspect.getsource(t), numpy.__file__)"
    told = [
        subprocess.run([side.python, "-P", "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for side in installed
    ]
    assert [own for own, _ in told] == ["False", "True"]
    assert {where for _, where in told} == {__import__("numpy").__file__}
    assert {side.distribution for side in installed} == {"genbench-toil"}
    assert "genbench_toil" not in sys.modules


def test_a_wheel_is_a_side_too(project: Path, tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(project)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    side = install(find_source(str(wheel), Path("nowhere")), tmp_path)
    assert (side.label, side.distribution, side.version) == (wheel.name, "genbench-toil", "1.0")
    done = subprocess.run([side.python, "-P", "-c", "import genbench_toil, genbench.spec"], check=False)
    assert done.returncode == 0


def test_what_fails_on_a_side_harms_nothing_else(installed: list[Installation], tmp_path: Path) -> None:
    names = ["metric/breaks", "metric/kept", "metric/nosuch"]
    with Measurer(installed, tmp_path, Effort(blocks=2, block_s=0.001)) as lab:
        assert [("metric/gone" in side, "metric/added" in side) for side in lab.quantities()] == [(1, 0), (0, 1)]
        values = {name: lab.values(name, (0, 1), 2) for name in names}
        facts = lab.facts("metric/kept", (0, 1))
    assert values["metric/breaks"][1] == [None, None]
    assert None not in values["metric/breaks"][0]
    assert values["metric/nosuch"] == [[None, None], [None, None]]
    assert all(0 < value < 1 for side in values["metric/kept"] for value in side if value)
    assert facts == [{"value": 1.0}, {"value": 2.0}]
    assert set(lab.errors) == {(1, "metric/breaks"), (0, "metric/nosuch"), (1, "metric/nosuch")}


def test_a_server_that_hangs_is_ended(
    installed: list[Installation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_module, "ANSWER_TIMEOUT_S", 0.0)
    with Measurer(installed[:1], tmp_path, Effort()) as lab:
        assert lab.values("metric/kept", (0,), 1) == [[None]]
        assert "no answer" in lab.errors[0, "metric/kept"]
        assert not lab._servers


# --------------------------------------------------------------------------------------------------------- stored times


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
