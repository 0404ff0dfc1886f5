"""The tables of an audit in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genbench.auditing.result import Audit


def test_csv_is_the_frame(found: Audit, tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    path.write_text(found.render("csv"))
    read, frame = pd.read_csv(path), found.frame()
    assert list(read) == list(frame)
    assert len(frame) == 6
    assert np.allclose(read["z"], frame["z"].astype(float), equal_nan=True)


@pytest.mark.parametrize("width", [60, 100, 300])
def test_the_terminal_shows_marks_without_colour(found: Audit, width: int) -> None:
    text = found.render("rich", width)
    assert max(map(len, text.splitlines())) <= width
    assert "✗" in text
    assert "✓" in text
    assert "∞" in text
    flat = " ".join(text.split())
    assert "'t_blind' advertises shift and misses it" in flat
    for metric in found.metrics:
        assert text.count(metric) >= 2


def test_markdown_tables_are_regular(found: Audit) -> None:
    lines = [line for line in found.render("markdown").splitlines() if line.startswith("|")]
    assert len(lines) == 2 * (2 + 2)
    assert len({line.count("|") for line in lines}) == 1
