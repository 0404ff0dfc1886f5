"""Measures quantities in the environments of the sides, in turn: A B B A, each in a process of its own."""

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
from types import TracebackType
from typing import Any

from genbench.benching.checkouts import Side
from genbench.errors import GenbenchError
from genbench.process.launch import ENVIRONMENT

__all__ = ["QUICK", "START", "Effort", "Lab"]

START = {"start/help": ("--help",), "start/list": ("list",)}  # measured from outside: a process each
STARTS = 4  # processes, of which the fastest is one value: a start is short
PATIENCE = 300.0  # seconds for one measurement
SERVER = Path(__file__).with_name("server.py")
MODULES = """
import sys
from genbench.cli.main import main
main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
"""


@dataclass(frozen=True)
class Effort:
    """How much is measured: pairs of values at first, pairs for what is measured again, what goes into one value."""

    pairs: int = 5
    again: int = 10
    blocks: int = (
        50  # of which the fastest tenth is the value: short ones, as others' work on the machine comes and goes
    )
    target: float = 0.005  # CPU seconds of a block
    long: float = 0.5  # CPU seconds of all blocks of a value: there are fewer of what takes longer
    settle: bool = True  # measure again what is inconclusive, too


QUICK = Effort(blocks=25, target=0.004, long=0.15, settle=False)


class Lab:
    """The servers of one or two sides. What a side cannot do is in ``errors``, by its index and the quantity's name."""

    def __init__(self, sides: Sequence[Side], folder: Path, effort: Effort) -> None:
        self.sides, self.folder, self.effort = tuple(sides), folder, effort
        self.errors: dict[tuple[int, str], str] = {}
        self._kinds: tuple[str, ...] = ()
        self._servers: dict[int, _Server] = {}
        self._loops: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.renew()

    def renew(self, names: Iterable[str] = ()) -> None:
        """End all servers; the next ones will have imported the libraries of these quantities."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        kinds = {name.partition("/")[0] for name in names} - {"start"}
        self._kinds = tuple(sorted({kind if kind in ("metric", "model", "dataset") else "core" for kind in kinds}))

    def quantities(self) -> list[dict[str, str]]:
        """Return what each side can measure, and the distribution that provides it; raises where none can be asked."""
        found = []
        for index, side in enumerate(self.sides):
            answer = self._ask(index, {"do": "list"})
            if "error" in answer:
                raise GenbenchError(f"{side.label}: its plugins cannot be listed: {answer['error']}")
            quantities: dict[str, str] = answer["quantities"]
            found.append(dict.fromkeys(START, "genbench") | quantities)
        return found

    def facts(self, name: str, sides: Iterable[int]) -> list[dict[str, Any]]:
        """Return what is the same in every process, of each of these sides."""
        found = []
        for index in sides:
            answer = self._modules(index, name) if name in START else self._ask(index, {"do": "facts", "name": name})
            found.append(self._heard(index, name, answer).get("facts", {}))
        return found

    def values(self, name: str, sides: Sequence[int], pairs: int, first: int = 0) -> list[list[float | None]]:
        """Return CPU seconds, as many of each side as there are pairs.

        A pair is a process of each side, alive together, of which each in turn does a block: whatever else the machine
        does meets both alike. Which side begins alternates, from ``first``. What fails
        once on a side is not tried again: its values are None.
        """
        found: dict[int, list[float | None]] = {index: [] for index in sides}
        for pair in range(first, first + pairs):
            order = sides if pair % 2 == 0 else sides[::-1]
            values = self._starts(name, order) if name in START else self._pair(name, order)
            for index in sides:
                found[index].append(values.get(index))
        return [found[index] for index in sides]

    def _pair(self, name: str, order: Sequence[int]) -> dict[int, float]:
        """Return the value of each side that can do it."""
        ready = [index for index in order if (index, name) not in self.errors and self._opened(index, name)]
        times: dict[int, list[float]] = {index: [] for index in ready}
        for block in range(self._loops[name][1] if ready else 0):
            for index in ready if block % 2 == 0 else reversed(ready):  # A B B A
                answer = self._heard(index, name, self._ask(index, {"do": "block"}))
                times[index].append(answer.get("seconds", math.inf))
        for index in ready:
            if (index, name) not in self.errors:
                self._heard(index, name, self._ask(index, {"do": "end"}))
        return {index: _fast(each) for index, each in times.items() if (index, name) not in self.errors}

    def _opened(self, index: int, name: str) -> bool:
        """Start a process that is warm and waits for blocks, of as many repetitions on both sides."""
        loops, blocks = self._loops.get(name, (None, self.effort.blocks))
        given = {"target": self.effort.target, "long": self.effort.long}
        request = {"do": "time", "name": name, "loops": loops, "blocks": blocks, **given}
        answer = self._heard(index, name, self._ask(index, request))
        if "loops" in answer:
            self._loops.setdefault(name, (answer["loops"], answer["blocks"]))
        return "loops" in answer

    def _heard(self, index: int, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "error" in answer:
            self.errors[index, name] = answer["error"]
        return answer

    def _ask(self, index: int, request: Mapping[str, Any]) -> dict[str, Any]:
        if index not in self._servers:
            self._servers[index] = _Server(self.sides[index], self._kinds, self.folder)
        answer = self._servers[index].ask(request)
        if answer is None:  # ended, or hangs
            self._servers.pop(index).close()
            return {"error": f"no answer within {PATIENCE:.0f} s, or its process was ended"}
        return answer

    def _starts(self, name: str, order: Sequence[int]) -> dict[int, float]:
        """Return the CPU seconds of the fastest of a few processes of a command, of each side."""
        best = dict.fromkeys((index for index in order if (index, name) not in self.errors), math.inf)
        for number in range(STARTS):
            for index in best if number % 2 == 0 else reversed(best):
                best[index] = min(best[index], self._start(index, name))
        return {index: seconds for index, seconds in best.items() if (index, name) not in self.errors}

    def _start(self, index: int, name: str) -> float:
        """Return the CPU seconds of one process of the command."""
        command = [str(self.sides[index].python), "-P", "-m", "genbench", *START[name]]
        process = subprocess.Popen(  # noqa: S603 (genbench)
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment(), cwd=self.folder
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            self.errors[index, name] = f"genbench {' '.join(START[name])} ends with code {process.returncode}"
        return usage.ru_utime + usage.ru_stime

    def _modules(self, index: int, name: str) -> dict[str, Any]:
        """Return the names of the modules that a command has imported when it ends."""
        done = subprocess.run(  # noqa: S603 (genbench)
            [str(self.sides[index].python), "-P", "-c", MODULES, *START[name]],
            capture_output=True, text=True, check=False, env=_environment(), cwd=self.folder,
        )  # fmt: skip
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return {"facts": {"modules": last[0].split()}} if done.returncode == 0 else {}


class _Server:
    """``server.py`` in the environment of a side."""

    def __init__(self, side: Side, kinds: Sequence[str], folder: Path) -> None:
        self._log = (folder / "log.txt").open("ab")
        self._process = subprocess.Popen(  # noqa: S603 (server.py)
            [str(side.python), "-P", str(SERVER), *kinds],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=_environment(), cwd=folder,
            start_new_session=True,
        )  # fmt: skip

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the answer, or None where there is none in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def close(self) -> None:
        """End it, and whatever it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]


def _fast(times: Sequence[float]) -> float:
    """Return the lower decile: less a matter of luck than the least, and of others' work than the median."""
    return sorted(times)[(len(times) - 1) // 10]


def _environment() -> dict[str, str]:
    """Return the environment of what is measured: one thread, an allocator that keeps its memory, one hash seed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, **ENVIRONMENT, "PYTHONHASHSEED": "0", "POT_BACKEND_DISABLE_PYTORCH": "1", "NO_COLOR": "1"}
