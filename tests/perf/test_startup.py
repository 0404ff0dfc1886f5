"""Start-up, as a ratio to the least that a program with click can take on the same machine."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

ROUNDS = 9
COMMANDS = {"help": ["--help"], "list": ["list"], "show": ["show", "ring"], "mistake": ["show", "rign"]}


def cpu(*arguments: str) -> float:
    """Return the CPU seconds of one Python process: unlike the clock, they do not see who else is at work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(arguments: list[str]) -> float:
    """Return the time of a command over that of importing click: in turn, the best of several rounds each."""
    pairs = [(cpu("-m", "genbench", *arguments), cpu("-c", "import click")) for _ in range(ROUNDS)]
    mine, least = (min(times) for times in zip(*pairs, strict=True))
    return mine / least


@pytest.mark.parametrize("name", COMMANDS)
def test_start(name: str, benchmark: Callable[..., Any]) -> None:
    benchmark.extra_info["ratio to import click"] = found = ratio(COMMANDS[name])  # type: ignore[attr-defined]
    benchmark.pedantic(cpu, args=("-m", "genbench", *COMMANDS[name]), rounds=1)  # type: ignore[attr-defined]
    if name == "help":
        assert found < 4
