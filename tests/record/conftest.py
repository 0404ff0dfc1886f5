"""What several tests of records begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.record.store import write_json


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(tmp_path / "run.json", {"cells": ["bb22", "aa11"]})
    return tmp_path
