"""Observers of a session."""

from __future__ import annotations

import inspect

from genbench.session.live_progress import LiveProgress
from genbench.session.notebook_progress import NotebookProgress
from genbench.session.observers import Observer
from genbench.session.progress import LineProgress, PlainProgress


def test_each_observer_has_what_a_session_calls() -> None:
    asked = {name: member for name, member in vars(Observer).items() if inspect.isfunction(member) and name[0] != "_"}
    assert set(asked) == {"on_start", "on_progress", "on_finish"}
    for kind in (PlainProgress, LineProgress, LiveProgress, NotebookProgress):
        for name, member in asked.items():
            assert list(inspect.signature(getattr(kind, name)).parameters) == list(inspect.signature(member).parameters)


def test_an_observer_shows_nothing_of_itself(capsys) -> None:
    observer = Observer()
    observer.on_finish({"status": "ok"})
    assert capsys.readouterr() == ("", "")
