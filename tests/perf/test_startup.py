"""Start-up, as a ratio to the least that a program with click can take on the same machine."""

from __future__ import annotations

from typing import Any

import pytest
from start import COMMANDS, starts

MOST = {"help": 1.5, "list": 5.5}  # times the import of click


@pytest.mark.parametrize("name", COMMANDS)
def test_start(name: str, benchmark: Any) -> None:
    found = starts([name])[name]
    benchmark.extra_info["ratio to import click"] = found.ratio
    benchmark.pedantic(lambda: None, rounds=1)
    assert found.ratio < MOST.get(name, 8)
