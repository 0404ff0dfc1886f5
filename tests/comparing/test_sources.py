"""What a comparison reads: runs, files of benchmarks, folders of them."""

import json
import os
import subprocess
import sys

from comparisons import benchmark_file
from synthetic import record

import genbench
from genbench.benching.baseline import write_baseline
from genbench.benching.checkouts import Installation
from genbench.comparing import render
from genbench.comparing.sources import read_run_set
from genbench.table.results import Results


def test_the_unit_of_a_benchmark_is_the_process_not_the_round(tmp_path):
    one, other = benchmark_file(tmp_path / "a.json", 1.0), benchmark_file(tmp_path / "b.json", 1.5)
    found = genbench.compare(one, other, same_session=True).verdicts[0]
    assert (found.verdict, found.more_runs) == ("inconclusive", 4)
    for i in range(6):
        benchmark_file(tmp_path / "base" / f"{i}.json", 1.0 + i / 1000, modules=30)
        benchmark_file(tmp_path / "head" / f"{i}.json", 1.5 + i / 1000, modules=31)
    found = {
        each.metric: each for each in genbench.compare(tmp_path / "base", tmp_path / "head", same_session=True).verdicts
    }
    assert found["time"].verdict == "regressed"
    assert found["modules"].verdict == "changed"
    alone = {each.metric: each.verdict for each in genbench.compare(tmp_path / "base", tmp_path / "head").verdicts}
    assert alone == {"time": "not comparable", "modules": "changed"}


def test_a_file_of_bench_holds_a_time_a_process_and_says_where_it_was_measured(tmp_path):
    side = Installation("v1", tmp_path, "genbench", "1.0", "abc")
    for name, factor in (("base", 1.0), ("head", 1.3)):
        values = {"plan": [factor * (1.0 + i / 1000) for i in range(5)]}
        write_baseline(tmp_path / f"{name}.json", side, values, {"plan": {"calls": 3}}, "as usual")
    found = {
        each.metric: each
        for each in genbench.compare(tmp_path / "base.json", tmp_path / "head.json", same_session=True).verdicts
    }
    assert {name: each.verdict for name, each in found.items()} == {"time": "regressed", "calls": "unchanged"}
    elsewhere = json.loads((tmp_path / "head.json").read_text())
    elsewhere["machine_info"]["id"] = "another"
    (tmp_path / "head.json").write_text(json.dumps(elsewhere))
    found = genbench.compare(tmp_path / "base.json", tmp_path / "head.json", same_session=True)
    assert [(each.metric, each.reason) for each in found.of("not comparable")] == [("time", "another machine")]
    told = json.loads(render(found, "asv"))
    assert told["commit_hash"] == "abc"
    assert told["params"]["id"] == "another"
    assert "None" not in {*told["params"].values(), told["python"]}
    itself = genbench.compare(tmp_path / "base.json", tmp_path / "base.json", same_session=True)
    assert set(itself.counts) == {"unchanged"}


def test_benchmarks_of_another_machine_are_never_compared(tmp_path):
    one, other = benchmark_file(tmp_path / "a.json", 1.0), benchmark_file(tmp_path / "b.json", 1.0, node="other")
    assert genbench.compare(one, other, same_session=True).verdicts[0].verdict == "not comparable"


def test_a_file_that_pytest_benchmark_really_wrote_is_read(tmp_path):
    test = tmp_path / "test_it.py"
    test.write_text("def test_sum(benchmark):\n    benchmark.extra_info['terms'] = 9\n    benchmark(sum, range(9))\n")
    file = tmp_path / "out.json"
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--benchmark-json", file, test]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # not an xdist worker
    subprocess.run(line, check=True, capture_output=True, cwd=tmp_path, env=alone)
    found = {each.metric: each for each in genbench.compare(file, file).verdicts}
    assert found["time"].base > 0
    assert found["terms"].verdict == "unchanged"


def test_cells_of_another_precision_are_other_cells():
    records = [record("vae", 0), record("vae", 0, precision="bf16")]
    found = read_run_set(Results(tuple(records)))
    assert sorted(name[3] for name in found.cells) == ["cpu", "cpu bf16"]
