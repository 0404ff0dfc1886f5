"""What a report says of each run: its plan, machine and versions, session by session."""

from __future__ import annotations

from pathlib import Path

from synthetic import EVIL

from genbench.record.run_directory import write_run
from genbench.report.html.runs import MAX_SKIPPED, runs_of


def write(folder: Path, **about) -> Path:
    folder.mkdir()
    write_run(folder, {"created": "first", "cells": ["aa11", "bb22"], **about})
    return folder


def test_each_session_has_its_plan_its_machine_and_its_versions(tmp_path: Path) -> None:
    first = {"request": {"models": "vae", "seeds": [0, 1], "budget": None}, "machine": {"cores": 2}, "jobs": 3}
    later = [{"created": "second", "versions": {"torch": "2.4"}, "commit": "abc"}]
    [found] = runs_of({"run": write(tmp_path / "run", **first, sessions=later)})
    assert (found["name"], found["cells"], len(found["sessions"])) == ("run", 2, 2)
    one, two = ({title: dict(rows) for title, rows in session} for session in found["sessions"])
    assert list(one) == ["Plan", "Machine", "Versions"]
    assert one["Plan"] == {"started": "first", "models": "vae", "seeds": "0, 1", "budget": "–", "jobs": "3"}
    assert one["Machine"] == {"cores": "2"}
    assert two["Versions"] == {"torch": "2.4", "commit of genbench": "abc"}


def test_skipped_combinations_are_listed_once_and_not_without_end(tmp_path: Path) -> None:
    skips = [{"model": f"m{i % 300}", "dataset": "ring", "reason": "why"} for i in range(600)]
    [found] = runs_of({"run": write(tmp_path / "run", skipped=skips)})
    assert len(found["skipped"]) == MAX_SKIPPED
    assert found["skipped"][0] == "m0 × ring: why"


def test_a_damaged_run_has_no_sessions_and_strangers_texts_are_one_line(tmp_path: Path) -> None:
    damaged = write(tmp_path / "damaged")
    (damaged / "cells" / "aa" / "aa11").mkdir(parents=True)
    (damaged / "run.json").write_text("{")
    evil = write(tmp_path / "evil", request={"models": f"{EVIL}\n\x1b[2J"})
    torn, found = runs_of({"damaged": damaged, "a\nb": evil})
    assert (torn["sessions"], torn["cells"], torn["about"]) == ([], 0, {})
    assert found["title"] == "a b"
    models = dict(found["sessions"][0][0][1])["models"]
    assert "\n" not in models
    assert "\x1b" not in models
