"""``genbench report``: a file, or one line."""

import html

import pytest
from synthetic import write_report_run

from genbench.cli.main import main


@pytest.fixture
def run(tmp_path):
    return write_report_run(tmp_path / "run")


def test_a_report_is_written(run, tmp_path, capsys) -> None:
    out = tmp_path / "out.html"
    assert main(["report", str(run), "-o", str(out), "--title", "My & yours", "--no-pictures"]) == 0
    assert str(out) in capsys.readouterr().out
    assert "<title>My &amp; yours</title>" in out.read_text()
    assert html.unescape(out.read_text()).count("<!DOCTYPE html>") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.pdf"], "expected a file that ends with .html"),
        (["-o", "/nowhere/at/all.html"], "no folder /nowhere/at"),
    ],
)
def test_mistakes_are_told_in_a_line(run, arguments, message, capsys) -> None:
    assert main(["report", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert main(["report", str(run.parent), "-o", "x.html"]) == 2
    assert "no run here" in capsys.readouterr().err
    assert main(["report", str(run), str(run), "-o", "x.html"]) == 2
    assert "two of these runs are called 'run'" in capsys.readouterr().err
