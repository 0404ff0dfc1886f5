"""``genbench plugins``: what each provides and costs, and what is broken and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from listed_plugins import SOURCE, parsed, printed

from genbench.cli.main import main


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE.replace("\\x1b[31mhow\\x1b[0m", "\x1b[31mhow\x1b[0m"))
    return f"--plugin={path}"


def test_plugins_tells_what_each_provides_and_costs(plugin: str, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = [row for row in parsed(capsys, "plugins", plugin) if row["name"] == "mine"]
    assert row["provides"] == ["model mine", "dataset mine", "metric mine_score"]
    assert row["status"] == "ok"
    assert row["seconds"] > 0
    out = printed(capsys, "plugins", plugin)
    assert "model mine; dataset mine; metric mine_score" in out


def test_plugins_tells_what_is_broken_and_why(install, capsys: pytest.CaptureFixture[str]) -> None:
    install("genbench-bad", "import \\\n  no_such_thing")
    install("genbench-old", "", requires=("genbench>=90",))
    out = printed(capsys, "plugins")
    assert "plugin 'bad' (genbench-bad 1.0) is broken: ModuleNotFoundError: No module named 'no_such_thing'" in out
    assert "plugin 'old' (genbench-old 1.0) needs genbench>=90" in out
    assert "Traceback" not in out
    assert "Traceback" in printed(capsys, "plugins", "bad")
    [row] = parsed(capsys, "plugins", "bad")
    assert row["status"] == "broken"
    assert "no_such_thing" in row["traceback"]


def test_plugins_names_what_is_blocked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GENBENCH_BLOCK", "toys")
    assert "plugin 'toys' (genbench" in printed(capsys, "plugins", "toys")
    assert "is blocked by GENBENCH_BLOCK" in printed(capsys, "plugins", "toys")
    assert main(["plugins", "tosy"]) == 2
    assert "did you mean 'toys'?" in capsys.readouterr().err
