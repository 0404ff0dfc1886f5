"""Output: plain in a pipe, tables in a terminal, foreign text as text."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from genbench.cli import output
from genbench.errors import DataError


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


def test_a_file_is_replaced_whole_with_the_rights_that_it_had(tmp_path: Path) -> None:
    file, link = tmp_path / "table.csv", tmp_path / "link.csv"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    output.write_output(link, "ä\n")
    assert file.read_bytes() == "ä\n".encode()
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    output.write_output(tmp_path / "new.xlsx", b"bytes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "new.xlsx", "table.csv"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")

    def full(self: Path, content: bytes) -> None:
        with self.open("wb") as stream:
            stream.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"table.csv: cannot be written \(No space left on device\)"):
        output.write_output(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"absent/table.csv: cannot be written"):
        output.write_output(tmp_path / "absent" / "table.csv", "new")


def test_what_is_no_regular_file_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    output.write_output(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
