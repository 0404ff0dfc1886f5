"""Fixtures of the tests of audits."""

from __future__ import annotations

from pathlib import Path

import pytest
from audits import METRICS, audit, normal

from genbench.auditing.result import Audit


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "seers.py"
    path.write_text(METRICS)
    return path


@pytest.fixture
def found(plugin: Path) -> Audit:
    return audit(plugin, normal(4000, 2), "t_mean,t_blind,t_copied", "shift,exact_copies,lost_correlation", rows=200)
