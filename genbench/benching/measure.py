"""Measure quantities of one or two installed versions in turn (A B B A), each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.benching.checkouts import Installation
from genbench.errors import GenbenchError
from genbench.process.launch import ENVIRONMENT

# measured as processes of their own, not by the server
START_COMMANDS = {"start/help": ("--help",), "start/list": ("list",)}
STARTS_PER_VALUE = 4  # processes, of which the fastest is the value
ANSWER_TIMEOUT_S = 300.0  # for one request
SERVER_FILE = Path(__file__).with_name("server.py")
PRINT_MODULES = """
import sys
from genbench.cli.main import main
main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
"""


@dataclass(frozen=True)
class Effort:
    """How much is measured: the number of pairs of values, and what one value is made of.

    A value is the lower decile of the seconds of its blocks. Blocks are short, as other work on the machine comes and
    goes.
    """

    pairs: int = 5  # at first
    repeat_pairs: int = 10  # for what is measured again
    blocks: int = 50  # of one value
    block_s: float = 0.005  # CPU seconds of a block
    value_s: float = 0.5  # CPU seconds of all blocks of a value; limits the number of long blocks
    repeat_inconclusive: bool = True  # besides what regressed or improved


QUICK_EFFORT = Effort(blocks=25, block_s=0.004, value_s=0.15, repeat_inconclusive=False)


class Measurer(contextlib.AbstractContextManager["Measurer"]):
    """Measures quantities of one or two installed versions, the sides, each by a server in its environment.

    ``errors`` holds why a quantity could not be measured, by the index of the side and the name of the quantity.
    """

    def __init__(self, sides: Sequence[Installation], folder: Path, effort: Effort) -> None:
        self.sides, self.folder, self.effort = tuple(sides), folder, effort
        self.errors: dict[tuple[int, str], str] = {}
        self._kinds: tuple[str, ...] = ()
        self._servers: dict[int, _Server] = {}
        self._loops: dict[str, tuple[int, int]] = {}  # repetitions per block and blocks, by quantity

    def __exit__(self, *_: object) -> None:
        self.restart()

    def restart(self, names: Iterable[str] = ()) -> None:
        """End all servers; new ones start when they are needed, and import the libraries of these quantities."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        kinds = {name.partition("/")[0] for name in names} - {"start"}
        self._kinds = tuple(sorted({kind if kind in ("metric", "model", "dataset") else "core" for kind in kinds}))

    def quantities(self) -> list[dict[str, str]]:
        """Return for each side its quantities, with the distribution that provides each; raises GenbenchError."""
        found = []
        for index, side in enumerate(self.sides):
            answer = self._ask(index, {"do": "list"})
            if "error" in answer:
                raise GenbenchError(f"{side.label}: its plugins cannot be listed: {answer['error']}")
            quantities: dict[str, str] = answer["quantities"]
            found.append(dict.fromkeys(START_COMMANDS, "genbench") | quantities)
        return found

    def facts(self, name: str, sides: Iterable[int]) -> list[dict[str, Any]]:
        """Return the facts of a quantity, which are the same in every process, for each of these sides."""
        found = []
        for index in sides:
            request = {"do": "facts", "name": name}
            answer = self._imported_modules(index, name) if name in START_COMMANDS else self._ask(index, request)
            found.append(self._keep_error(index, name, answer).get("facts", {}))
        return found

    def values(self, name: str, sides: Sequence[int], pairs: int, first: int = 0) -> list[list[float | None]]:
        """Return CPU seconds of a quantity, one value per side and pair.

        In a pair, a process of each side takes turns with the other, block by block, so that other work on the machine
        affects both alike. The side that begins alternates with the number of the pair, from ``first``. What fails once
        on a side is not tried again there: its values are None.
        """
        found: dict[int, list[float | None]] = {index: [] for index in sides}
        for pair in range(first, first + pairs):
            order = sides if pair % 2 == 0 else sides[::-1]
            values = self._time_starts(name, order) if name in START_COMMANDS else self._time_pair(name, order)
            for index in sides:
                found[index].append(values.get(index))
        return [found[index] for index in sides]

    def _time_pair(self, name: str, order: Sequence[int]) -> dict[int, float]:
        """Return the value of each side that can measure the quantity."""
        ready = [index for index in order if (index, name) not in self.errors and self._start_timing(index, name)]
        times: dict[int, list[float]] = {index: [] for index in ready}
        for block in range(self._loops[name][1] if ready else 0):
            for index in ready if block % 2 == 0 else reversed(ready):  # A B B A
                answer = self._keep_error(index, name, self._ask(index, {"do": "block"}))
                times[index].append(answer.get("seconds", math.inf))
        for index in ready:
            if (index, name) not in self.errors:
                self._keep_error(index, name, self._ask(index, {"do": "end"}))
        return {index: _lower_decile(each) for index, each in times.items() if (index, name) not in self.errors}

    def _start_timing(self, index: int, name: str) -> bool:
        """Let a process warm up and wait for requests of blocks, with equally many repetitions on both sides."""
        loops, blocks = self._loops.get(name, (None, self.effort.blocks))
        seconds = {"block_s": self.effort.block_s, "value_s": self.effort.value_s}
        request = {"do": "time", "name": name, "loops": loops, "blocks": blocks, **seconds}
        answer = self._keep_error(index, name, self._ask(index, request))
        if "loops" in answer:
            self._loops.setdefault(name, (answer["loops"], answer["blocks"]))
        return "loops" in answer

    def _keep_error(self, index: int, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "error" in answer:
            self.errors[index, name] = answer["error"]
        return answer

    def _ask(self, index: int, request: Mapping[str, Any]) -> dict[str, Any]:
        if index not in self._servers:
            self._servers[index] = _Server(self.sides[index], self._kinds, self.folder)
        answer = self._servers[index].ask(request)
        if answer is None:  # it has ended, or hangs
            self._servers.pop(index).close()
            return {"error": f"no answer within {ANSWER_TIMEOUT_S:.0f} s, or its process ended"}
        return answer

    def _time_starts(self, name: str, order: Sequence[int]) -> dict[int, float]:
        """Return for each side the CPU seconds of the fastest of a few processes of a command."""
        best = dict.fromkeys((index for index in order if (index, name) not in self.errors), math.inf)
        for number in range(STARTS_PER_VALUE):
            for index in best if number % 2 == 0 else reversed(best):
                best[index] = min(best[index], self._time_start(index, name))
        return {index: seconds for index, seconds in best.items() if (index, name) not in self.errors}

    def _time_start(self, index: int, name: str) -> float:
        """Return the CPU seconds of one process of the command."""
        command = [str(self.sides[index].python), "-P", "-m", "genbench", *START_COMMANDS[name]]
        process = subprocess.Popen(  # noqa: S603 (genbench)
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(), cwd=self.folder
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            self.errors[index, name] = f"genbench {' '.join(START_COMMANDS[name])} exits with {process.returncode}"
        return usage.ru_utime + usage.ru_stime

    def _imported_modules(self, index: int, name: str) -> dict[str, Any]:
        """Return as a fact the names of the modules that a command has imported when it ends."""
        done = subprocess.run(  # noqa: S603 (genbench)
            [str(self.sides[index].python), "-P", "-c", PRINT_MODULES, *START_COMMANDS[name]],
            capture_output=True, text=True, check=False, env=_environment(), cwd=self.folder,
        )  # fmt: skip
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return {"facts": {"modules": last[0].split()}} if done.returncode == 0 else {}


class _Server:
    """The process of ``server.py`` in the environment of a side."""

    def __init__(self, side: Installation, kinds: Sequence[str], folder: Path) -> None:
        self._log = (folder / "log.txt").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 (server.py)
            [str(side.python), "-P", str(SERVER_FILE), *kinds],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=_environment(), cwd=folder,
            start_new_session=True,
        )  # fmt: skip

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the answer, or None where none comes in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_TIMEOUT_S)
        line = self._process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def close(self) -> None:
        """End the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]


def _lower_decile(times: Sequence[float]) -> float:
    """Return the lower decile: it varies less than the minimum, and depends less on other work than the median."""
    return sorted(times)[(len(times) - 1) // 10]


def _environment() -> dict[str, str]:
    """Return the environment of a measured process: one thread, memory kept by the allocator, a fixed hash seed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, **ENVIRONMENT, "PYTHONHASHSEED": "0", "POT_BACKEND_DISABLE_PYTORCH": "1", "NO_COLOR": "1"}
