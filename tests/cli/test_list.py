"""``genbench list``: what is installed, a line each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from listed_plugins import SOURCE, parsed, printed

from genbench.cli.main import main


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.replace("\\x1b[31mhow\\x1b[0m", "\x1b[31mhow\x1b[0m"))
    return f"--plugin={path}"


def test_list_has_a_line_for_each(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "list", plugin).splitlines()
    [model, dataset] = [line.split("  ") for line in lines if line.startswith("mine ")]
    assert "a [31mloud[0m [bold]model[/bold] of two lines" in model
    assert {"7", "density", "a dataset"} <= {cell.strip() for cell in dataset}
    assert [line for line in lines if line in ("models", "datasets", "metrics")] == ["models", "datasets", "metrics"]


@pytest.mark.parametrize(("kind", "name"), [("models", "mine"), ("datasets", "mine"), ("metrics", "mine_score")])
def test_list_of_one_kind(plugin: str, kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = parsed(capsys, "list", kind, plugin)
    assert {fact["kind"] for fact in found} == {kind.removesuffix("s")}
    assert name in {fact["name"] for fact in found}


def test_list_tells_of_broken_plugins_on_stderr(install, capsys: pytest.CaptureFixture[str]) -> None:
    install("genbench-bad", "1 / 0")
    assert main(["list", "--json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert "genbench: plugin 'bad' (genbench-bad 1.0) is broken: ZeroDivisionError: division by zero\n" in err


def test_a_narrow_terminal_shows_fewer_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["list", "metrics"]) == 0
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, out.splitlines())) <= 80
    assert "provided by" not in out
    assert "all columns: in a wider terminal" in out
