"""Start-up of commands, as a ratio to the least that a program with click can take on the same machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["COMMANDS", "Start", "starts"]

COMMANDS = {"help": ["--help"], "list": ["list"], "show": ["show", "ring"], "mistake": ["show", "rign"]}
LEAST = ["-c", "import click"]


@dataclass(frozen=True)
class Start:
    """How long a command takes: its least processor seconds, and those over the least that importing click takes."""

    seconds: float
    ratio: float


def cpu(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Return the CPU seconds of one Python process: unlike the clock, they do not see who else is at work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False, env=dict(environment))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starts(names: list[str], rounds: int = 9) -> dict[str, Start]:
    """Return the start of each command: in turn, the best of several rounds each.

    Bytecode is kept in a folder of its own, as an installed package has it, whatever the environment says.
    """
    commands = {name: ["-m", "genbench", *COMMANDS[name]] for name in names} | {"": LEAST}
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        for arguments in commands.values():
            cpu(arguments, environment)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, arguments in commands.items():
                times[name].append(cpu(arguments, environment))
    least = min(times.pop(""))
    return {name: Start(min(of_one), min(of_one) / least) for name, of_one in times.items()}
