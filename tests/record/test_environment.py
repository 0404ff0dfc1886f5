"""What a result is traced to: the commit of genbench itself."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from genbench.record import environment


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder that genbench is imported from, for all that it knows."""
    (tmp_path / "genbench").mkdir()
    (tmp_path / "genbench" / "__init__.py").write_text("a = 1\n")
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "genbench" / "record" / "environment.py"))
    environment.commit.cache_clear()
    yield tmp_path
    environment.commit.cache_clear()


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    line = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("changed", [False, True])
def test_the_commit_is_that_of_the_repository_and_says_where_files_differ(elsewhere: Path, changed: bool) -> None:
    git(elsewhere, "init", "-q")
    git(elsewhere, "add", "-A")
    git(elsewhere, "commit", "-qm", "as it was")
    git(elsewhere, "tag", "-am", "a tag is no commit", "v1")
    if changed:
        (elsewhere / "genbench" / "__init__.py").write_text("a = 2\n")
    assert environment.commit() == git(elsewhere, "rev-parse", "HEAD") + ("-dirty" if changed else "")


@pytest.mark.parametrize("origin", [None, {"url": "file:///x", "dir_info": {}}, {"vcs_info": {"commit_id": "abc"}}])
def test_without_a_repository_it_is_what_pip_installed_from(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, origin: Any
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return json.dumps(origin) if origin and name == "direct_url.json" else None

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed())
    assert environment.commit() == (origin or {}).get("vcs_info", {}).get("commit_id")
