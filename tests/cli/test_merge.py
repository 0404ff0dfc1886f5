"""``genbench merge``: what it prints, and mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from merged_runs import two_runs

from genbench.cli.main import main


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return two_runs(tmp_path)


def test_what_cannot_be_merged_is_refused_in_one_line_and_leaves_nothing(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    one = str(two[0])
    before = sorted(tmp_path.rglob("*"))
    for arguments, said in {
        (one, "-o", str(tmp_path / "full")): "exists already",
        (one, "-o", str(tmp_path / "full" / "a")): "exists already",
        (one, "-o", str(two[0] / "below")): "lies in",
        (one, str(tmp_path / "one" / "..") + "/one", "-o", str(tmp_path / "out")): "named twice",
        (one, str(tmp_path / "absent"), "-o", str(tmp_path / "out")): "no run here",
        (one, "-o", str(tmp_path / "full" / "a" / "out")): "cannot be written",
    }.items():
        assert main(["merge", *arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert said in err
    assert sorted(tmp_path.rglob("*")) == before


def test_json(two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", *map(str, two), "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cells"], told["identical"], told["out"]) == (4, 1, str(tmp_path / "out"))
