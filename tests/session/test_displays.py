"""Which display a session has."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from genbench.session.displays import display_for
from genbench.session.live_progress import LiveProgress
from genbench.session.options import RunOptions
from genbench.session.progress import LineProgress, PlainProgress


@pytest.mark.parametrize(
    ("terminal", "progress", "isolation", "kind"),
    [
        (True, None, "process", LiveProgress),
        (True, True, "process", LiveProgress),
        (True, False, "process", PlainProgress),
        (True, True, "none", LineProgress),
        (False, None, "process", PlainProgress),
        (False, True, "process", LineProgress),
        (False, False, "process", PlainProgress),
    ],
)
def test_a_terminal_is_drawn_on_and_anything_else_gets_lines_where_asked(
    terminal: bool, progress: bool | None, isolation: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=terminal)
    assert type(display_for(console, RunOptions(progress=progress, isolation=isolation))) is kind


def test_a_terminal_without_a_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert type(display_for(Console(force_terminal=True), RunOptions(progress=True))) is LineProgress
