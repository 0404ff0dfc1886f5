"""``genbench compare``: exit codes, files, and mistakes in one line."""

import json

import pytest
from comparisons import benchmark_file, runs_of

import genbench
from genbench.cli.main import main
from genbench.errors import UserError
from genbench.plan.cell import PROTOCOL
from genbench.record.run_directory import write_run
from genbench.record.store import write_record


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
