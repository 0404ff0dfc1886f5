"""Ways to damage a run directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from run_directories import folder_of, whole_record

RECORD = whole_record()


def cut(name: str, share: float) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        path = folder_of(run, RECORD) / name if name != "run.json" else run / name
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage
