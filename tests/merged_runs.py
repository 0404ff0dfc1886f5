"""Two runs to be joined."""

from __future__ import annotations

from pathlib import Path

from run_directories import whole_record, whole_run

SHARED = whole_record("vae")
FAILED = whole_record("gan", status="failed", phase="fit", reason="no", scores=[], ended=3)


def two_runs(folder: Path) -> tuple[Path, Path]:
    """Two runs: one cell of each is the other's too, identical; another ended well in only one."""
    one = whole_run(folder / "one", SHARED, FAILED, whole_record("kde"))
    other = whole_run(folder / "two", SHARED, whole_record("gan", ended=4), whole_record("ae"), created="later")
    return one, other
