"""Fewer than a thousand cells, in the same way: killed and resumed, they end with a record each."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.thousand_cells import HOSTILE, ManyCells

pytestmark = pytest.mark.slow


def test_sixty_cells_killed_five_times_end_with_sixty_records(tmp_path: Path) -> None:
    played = ManyCells(tmp_path, 60, "--jobs=2", timeout_s=60.0)
    assert (played.cells, len(played.hostile)) == (60, 6)
    assert len(set(played.hostile.values())) > 3, "of several kinds"
    played.play()
    played.check()


def test_a_tenth_of_any_number_is_hostile(tmp_path: Path) -> None:
    for cells in (20, 60, 250, 1000):
        made = ManyCells(tmp_path, cells)
        assert made.cells == cells
        assert len(made.hostile) * made.seeds == cells // 10
    assert set(made.hostile) == set(HOSTILE)
