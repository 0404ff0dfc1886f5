"""Output: plain in a pipe, tables in a terminal, foreign text as text."""

from __future__ import annotations

import sys

import pytest

from genbench.cli import output


def test_in_a_terminal_tables_are_drawn_and_foreign_text_stays_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    output.print_table(("name", "what"), [("a", "[red]not red[/red] \x1b[31m"), ("b", None)], "things")
    out = capsys.readouterr().out
    assert "[red]not red[/red] [31m" in out
    assert "things" in out
    assert "─" in out
