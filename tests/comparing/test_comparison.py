"""genbench compare: what is matched with what, what is not comparable, the formats, and the command."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import synthetic

import genbench
from genbench.benching.baseline import write_baseline
from genbench.benching.checkouts import Installation
from genbench.cli.main import main
from genbench.comparing import FORMATS, Comparison, Verdict, render
from genbench.errors import UserError
from genbench.plan.cell import PROTOCOL
from genbench.record.run_directory import write_run
from genbench.record.store import write_record
from genbench.table.results import Results


def run(*records):
    return Results(tuple({"protocol": PROTOCOL, **record} for record in records))


def verdicts(base, head, **options):
    found = genbench.compare(run(*base), run(*head), **options)
    return {(each.subject, each.metric): each for each in found.verdicts}


def runs_of(model="vae", mean=0.1, n=6, seed=0, **fields):
    values = mean * np.exp(np.random.default_rng(seed).normal(0, 0.05, n))
    return synthetic.seeds(model, [float(value) for value in values], **fields)


# ------------------------------------------------------------------------------------------------------------ matching


def test_cells_are_matched_by_model_dataset_budget_and_device_and_the_rest_is_told():
    base = [*runs_of("vae"), *runs_of("gone"), *runs_of("longer", budget="100steps")]
    head = [*runs_of("vae"), *runs_of("fresh"), *runs_of("longer", budget="200steps")]
    found = verdicts(base, head)
    assert found["vae x ring", "energy"].verdict == "unchanged"
    assert found["gone x ring", "all"].verdict == "missing"
    assert found["fresh x ring", "all"].verdict == "new"
    told = [each for (subject, _), each in found.items() if subject.startswith("longer")]
    assert [each.verdict for each in told] == ["not comparable"]
    assert "100steps on cpu, the other side has 200steps on cpu" in told[0].reason


def test_two_budgets_of_one_model_are_two_cells():
    both = [*runs_of(budget="100steps"), *runs_of(budget="200steps", mean=0.05)]
    assert {subject for subject, _ in verdicts(both, both)} == {
        "vae x ring (100steps, cpu)",
        "vae x ring (200steps, cpu)",
    }


def test_devices_are_compared_by_their_kind():
    found = verdicts(runs_of(device="cuda:0"), runs_of(device="cuda:1"))
    assert found["vae x ring", "energy"].verdict == "unchanged"


def test_a_worse_score_regresses_and_another_metric_can_be_chosen():
    found = verdicts(runs_of(), runs_of(mean=0.3, seed=1))
    assert found["vae x ring", "energy"].verdict == "regressed"
    both = [synthetic.record("vae", 0, [synthetic.score(name, 1.0) for name in ("energy", "frechet")])]
    assert ("vae x ring", "energy") not in verdicts(both, both, metrics=["frechet"])
    with pytest.raises(UserError, match="did you mean 'frechet'"):
        verdicts(both, both, metrics=["frechett"])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("protocol", 99, "protocol"),
        ("sizes", {"train": 5, "test": 5, "reference": 5}, "sizes"),
        ("fingerprint", "f", "data"),
    ],
)
def test_scores_of_other_data_are_not_compared(field, value, says):
    base, head = runs_of(fingerprint="e"), [{**each, field: value} for each in runs_of(mean=0.3, fingerprint="e")]
    found = verdicts(base, head)["vae x ring", "scores"]
    assert found.verdict == "not comparable"
    assert says in found.reason


def test_a_metric_of_another_version_is_not_compared():
    head = runs_of(mean=0.3)
    for record in head:
        record["scores"][0]["version"] = 2
    assert verdicts(runs_of(), head)["vae x ring", "energy"].verdict == "not comparable"


def test_a_score_that_came_or_went_keeps_its_direction_and_its_value():
    one = [synthetic.record("vae", i, [synthetic.score("energy", 1.0)]) for i in range(2)]
    two = [[synthetic.score("energy", 1.0), synthetic.score("coverage", 0.5 + i, better="higher")] for i in range(2)]
    both = [synthetic.record("vae", i, scores) for i, scores in enumerate(two)]
    new, missing = verdicts(one, both)["vae x ring", "coverage"], verdicts(both, one)["vae x ring", "coverage"]
    assert (new.verdict, new.better, new.base, new.head) == ("new", "higher", None, 1.0)
    assert (missing.verdict, missing.better, missing.base, missing.head) == ("missing", "higher", 1.0, None)
    both[1]["scores"][1]["value"] = None
    assert verdicts(one, both)["vae x ring", "coverage"].head is None  # no mean over survivors


def test_what_neither_way_is_better_is_unchanged_only_where_equal():
    base, same, other = (
        [
            synthetic.record("vae", i, [synthetic.score("density", v + i, better="higher", ranked=False)])
            for i in range(3)
        ]
        for v in (1.0, 1.0, 2.0)
    )
    assert verdicts(base, same)["vae x ring", "density"].verdict == "unchanged"
    assert verdicts(base, other)["vae x ring", "density"].verdict == "not comparable"


def test_a_failed_seed_is_a_regression_and_counts_in_every_score():
    head = runs_of(mean=0.01, seed=2)
    head[2] = {**head[2], "status": "timeout", "reason": "60 s are over", "scores": []}
    found = verdicts(runs_of(), head)
    assert found["vae x ring", "status"].verdict == "regressed"
    assert "60 s are over" in found["vae x ring", "status"].reason
    assert found["vae x ring", "energy"].head is None  # no mean over survivors
    assert found["vae x ring", "energy"].verdict != "improved"


def test_a_score_that_became_null_is_a_regression():
    head = runs_of()
    head[0]["scores"][0]["value"] = None
    assert verdicts(runs_of(), head)["vae x ring", "energy"].verdict == "regressed"


def test_a_cell_that_was_stopped_tells_nothing_of_the_code():
    head = [*runs_of()[:5], {**runs_of()[5], "status": "interrupted", "scores": []}]
    found = verdicts(runs_of(), head)
    assert found["vae x ring", "status"].verdict == "unchanged"
    assert found["vae x ring", "energy"].verdict in ("unchanged", "inconclusive")


def timed(seconds, session="s", machine="m", shared=False, **fields):
    noise = np.random.default_rng(0).uniform(1.0, 1.02, 6)
    return [
        synthetic.record("vae", i, timings={"fit_s": seconds * k, "fit_cpu_s": seconds * k, "parameters": 10, **fields},
                         session=session, machine={"id": machine}, shared=shared)
        for i, k in enumerate(noise)
    ]  # fmt: skip


def test_times_are_compared_only_within_one_session_of_one_machine_and_unshared():
    def fit(*sides, **options):
        return verdicts(*sides, **options)["vae x ring", "fit"].verdict

    assert fit(timed(1.0), timed(1.3)) == "regressed"
    assert fit(timed(1.0), timed(1.3, session="t")) == "not comparable"
    assert fit(timed(1.0), timed(1.0, session="t")) == "not comparable"  # never a pass
    assert fit(timed(1.0), timed(1.3, session="t"), same_session=True) == "regressed"
    assert fit(timed(1.0), timed(1.3, session="t", machine="n"), same_session=True) == "not comparable"
    assert fit(timed(1.0), timed(1.3, machine="n")) == "not comparable"  # one session on several machines
    assert fit(timed(1.0, machine=None), timed(1.3, machine=None)) == "not comparable"
    assert fit(timed(1.0), timed(1.3, shared=True)) == "not comparable"
    assert fit(timed(1.0), timed(1.0)) == "unchanged"


def test_facts_are_compared_at_the_seeds_that_both_sides_have():
    found = verdicts(timed(1.0), timed(1.0, parameters=11))
    assert found["vae x ring", "parameters"].verdict == "changed"
    base = [{**each, "samples_sha256": str(each["seed"])} for each in runs_of()]
    assert verdicts(base, base[:3])["vae x ring", "samples_sha256"].verdict == "unchanged"
    assert verdicts(base, base[:3])["vae x ring", "energy"].verdict == "unchanged"
    assert verdicts(runs_of(), runs_of()[:3])["vae x ring", "energy"].verdict == "inconclusive"
    other = [*base[:5], {**base[5], "samples_sha256": "x"}]
    assert verdicts(base, other)["vae x ring", "samples_sha256"].reason == "at 1 of 6 seeds"


# ---------------------------------------------------------------------------------------------------- pytest-benchmark


def benchmark_file(path, seconds, node="host", **facts):
    stats = {"min": seconds, "max": 2 * seconds, "mean": 1.5 * seconds, "rounds": 5}
    one = {"name": "test_plan", "fullname": "tests/perf/test_core.py::test_plan", "stats": stats, "extra_info": facts}
    machine = {"node": node, "system": "Linux", "python_version": "3.11.7", "cpu": {"brand_raw": "x"}}
    content = {
        "machine_info": machine,
        "datetime": "2026-01-01T00:00:00+00:00",
        "benchmarks": [one],
        "version": "5.0.0",
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


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


# ------------------------------------------------------------------------------------------------------------- formats


def example():
    return Comparison(
        (
            Verdict("vae x ring", "energy", "regressed", "worse", base=0.1, head=0.3, head_runs=(0.2, 0.4)),
            Verdict("a|b <b>x</b>", "coverage", "improved", better="higher", base=0.5, head=0.8, unit="share"),
            Verdict("kde x ring", "parameters", "changed", kind="fact", better=None, base=1, head=2),
            Verdict("kde x ring", "status", "unchanged", kind="status", base="3 ok", head="3 ok"),
            Verdict("kde x ring", "energy", "inconclusive", more_runs=4, base=1.0, head=None),
        ),
        "old",
        "new",
        ("a note",),
        {"head": {"created": "2026-01-01T00:00:00+00:00", "machine": {"id": "m", "python": "3.11"}}},
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_also_holds_a_comparison_of_nothing(form):
    assert render(example(), form)
    assert render(Comparison(()), form)


def test_markdown_says_the_worst_first_and_shows_foreign_text_as_it_is():
    text = render(example(), "markdown")
    assert text.splitlines()[0].startswith("### Regressed: vae x ring, energy")
    assert "<b>" not in text.replace("<details>", "").replace("<summary>", "").replace("\\<b\\>", "")
    assert r"a\|b" in text
    assert "<details><summary>1 inconclusive" in text


def test_json_holds_every_field():
    found = json.loads(render(example(), "json"))
    assert found["exit_code"] == 4
    assert found["counts"] == {"regressed": 1, "inconclusive": 1, "changed": 1, "improved": 1, "unchanged": 1}
    assert found["verdicts"][0]["head_runs"] == [0.2, 0.4]
    assert set(found["verdicts"][0]) == set(Verdict.__dataclass_fields__)


def test_trackers_that_take_smaller_as_better_get_what_is_better_higher_turned_over():
    found = {each["name"]: each for each in json.loads(render(example(), "github-action-benchmark"))}
    assert found["vae x ring - energy"]["value"] == 0.3
    (turned,) = [each for name, each in found.items() if "coverage (1/x)" in name]
    assert turned["value"] == pytest.approx(1 / 0.8)
    assert all(
        {"name", "unit", "value"} <= set(each) and isinstance(each["value"], (int, float)) for each in found.values()
    )


def test_a_run_of_zero_is_a_run():
    zero = Comparison((Verdict("vae x ring", "kl", "unchanged", base=0.1, head=0.1, head_runs=(0.0, 0.2, None)),))
    [entry] = json.loads(render(zero, "github-action-benchmark"))
    assert entry["range"] == "± 0.1"
    [row] = json.loads(render(zero, "asv"))["results"].values()
    assert row[-1] == [[0.0, 0.2]]
    turned = Comparison((replace(zero.verdicts[0], better="higher"),))
    assert "range" not in json.loads(render(turned, "github-action-benchmark"))[0]


def test_bencher_gets_what_its_schema_asks():
    metric = {"type": "object", "required": ["value"], "properties": {"value": {"type": "number"}}}
    schema = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": metric}}
    found = json.loads(render(example(), "bmf"))
    jsonschema.validate(found, schema)
    assert found["vae x ring"]["energy"] == {"value": 0.3, "lower_value": 0.2, "upper_value": 0.4}


def test_asv_gets_a_result_file():
    found = json.loads(render(example(), "asv"))
    assert found["version"] == 2
    assert found["date"] == 1767225600000
    rows = {name: dict(zip(found["result_columns"], row, strict=True)) for name, row in found["results"].items()}
    assert rows["vae_x_ring.track_energy"]["result"] == [0.3]
    assert rows["vae_x_ring.track_energy"]["samples"] == [[0.2, 0.4]]


def test_many_rows_are_counted_unless_all_are_asked_for():
    many = Comparison(tuple(replace(example().verdicts[0], subject=f"cell {i}") for i in range(50)))
    short, full = (render(many, "rich", full=full) for full in (False, True))
    assert "30 more regressed" in short
    assert "cell 49" not in short
    assert "cell 49" in full


# --------------------------------------------------------------------------------------------------------- the command


def directory(path, records):
    (path / "cells").mkdir(parents=True)
    write_run(path, {"created": "2026-01-01T00:00:00+00:00", "cells": [each["key"] for each in records]})
    for each in records:
        write_record(path, {**each, "protocol": PROTOCOL})
    return path


def test_the_command_exits_by_what_it_found(tmp_path, capsys):
    base = directory(tmp_path / "base", runs_of())
    worse = directory(tmp_path / "worse", runs_of(mean=0.3, seed=1))
    few = directory(tmp_path / "few", runs_of(n=1, seed=5))
    assert main(["compare", str(base), str(base)]) == 0
    assert main(["compare", str(base), str(worse)]) == 4
    assert "is worse than" in capsys.readouterr().err
    assert main(["compare", str(base), str(few)]) == 0
    assert main(["compare", str(base), str(few), "--strict"]) == 5
    assert "more runs a side" in capsys.readouterr().err
    assert main(["compare", str(base), str(few), "--strict", "-f", "json"]) == 5
    assert json.loads(capsys.readouterr().out)["exit_code"] == 5


def test_a_run_is_not_worse_than_itself_however_strictly(tmp_path):
    noisy = [{**each, "timings": {"fit_cpu_s": 1.0 + each["seed"], "samples_per_s": 9.0}, "session": "s",
              "machine": {"id": "m"}} for each in runs_of(n=3)]  # fmt: skip
    run = directory(tmp_path / "run", noisy)
    assert main(["compare", str(run), str(run), "--strict"]) == 0


def test_the_command_writes_a_file_by_its_suffix_and_says_the_summary(tmp_path, capsys):
    base = directory(tmp_path / "base", runs_of())
    assert main(["compare", str(base), str(base), "-o", str(tmp_path / "c.md")]) == 0
    assert (tmp_path / "c.md").read_text().startswith("### No regression")
    assert capsys.readouterr().out.startswith("No regression")
    assert main(["compare", str(base), str(base), "-o", str(tmp_path / "c.json")]) == 0
    assert json.loads((tmp_path / "c.json").read_text())["exit_code"] == 0


def test_an_unfinished_run_says_so(tmp_path, capsys):
    records = runs_of()
    base = directory(tmp_path / "base", records)
    write_run(base, {"created": "2026-01-01T00:00:00+00:00", "cells": [*(each["key"] for each in records), "ab" * 12]})
    assert main(["compare", str(base), str(base), "-f", "markdown"]) == 0
    assert "1 cells of its plan have not run" in capsys.readouterr().out


def test_what_cannot_be_compared_is_one_line_and_exit_2(tmp_path, capsys):
    base = directory(tmp_path / "base", runs_of())
    bench = benchmark_file(tmp_path / "bench.json", 1.0)
    (tmp_path / "text.json").write_text("nothing")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "empty").mkdir()
    for other in ("nowhere", "text.json", "list.json", "empty"):
        assert main(["compare", str(base), str(tmp_path / other)]) == 2
        assert other in capsys.readouterr().err
    with pytest.raises(UserError, match="two of a kind"):
        genbench.compare(base, bench)
    assert main(["compare", str(base), str(base), "--alpha", "nan"]) == 2  # nothing would ever be worse
