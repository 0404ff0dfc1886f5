"""Files of a run are opened where they are regular ones, and pipes are never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genbench.record.regular_file import open_regular


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as stream:
        assert stream.read() == b"abc"


def test_a_link_is_followed_or_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"abc"
    with pytest.raises(OSError, match="link"):
        open_regular(tmp_path / "link", follow=False)


def test_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
