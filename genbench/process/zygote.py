"""A process that has scored the real row of a dataset and seed, and forks those that score the models beside it.

They find the data loaded and all that depends on the real side alone made. Each has its own supervisor and is no other
cell's successor: what it does to its process ends with it. Forking is safe while there is a single thread, and fair
while the metrics have left the process as they found it: where either does not hold, each cell gets a process of its
own that begins afresh.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genbench.process.process_tree import descendants

__all__ = ["Footing", "serve", "threads"]

UNIT = 1024  # of ru_maxrss, on Linux


class Footing:
    """How a process stands before metrics have run in it: what they must leave alone, and random states."""

    def __init__(self) -> None:
        self._state = _state()
        self._random = _random_states()

    def lost(self) -> str:
        """Return what was changed since, or why this process cannot be forked, empty where all is well.

        Global random states are put back: what a metric draws from them depends on no other cell.
        """
        for put_back, state in self._random:
            put_back(state)
        now = _state()
        changed = [name for name, value in self._state.items() if now[name] != value]
        patience = (
            time.monotonic() + 1.0
        )  # the thread of a watchdog that was just cancelled may still be on its way out
        while threads() != 1 and time.monotonic() < patience:
            time.sleep(0.01)
        if threads() != 1:
            changed.append("threads")
        if descendants():
            changed.append("processes left behind")
        return ", ".join(changed)


def _state() -> dict[str, Any]:
    import numpy as np
    import torch

    signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {
        "signal handlers": signals,
        "working directory": str(Path.cwd()),
        "environment": dict(os.environ),
        "numpy's error handling": np.geterr(),
        "torch's defaults": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()),
        "determinism": torch.are_deterministic_algorithms_enabled(),
    }


def _random_states() -> list[tuple[Callable[[Any], Any], Any]]:
    import numpy as np
    import torch

    return [
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),  # noqa: NPY002 (a plugin may use it)
        (torch.set_rng_state, torch.get_rng_state()),
    ]


def threads() -> int:
    """Return how many threads this process has, 0 where the system cannot tell."""
    with contextlib.suppress(OSError):
        return len(list(Path("/proc/self/task").iterdir()))
    return 0


def serve(
    door: socket.socket,
    supervise: Callable[..., None],
    said: int,
    real: Any,
    footing: Footing,
    ready: Callable[[dict[str, Any]], None],
) -> None:
    """Fork a supervisor for each request that comes through the door, until the run shuts it.

    ``ready`` hears what this process took so far and holds. A request is one byte and two descriptors: a supervisor's
    connection to the run, and a file with the rest; ``supervise`` is its main function.
    """
    faulthandler.cancel_dump_traceback_later()
    if why := footing.lost():
        sys.stdout.write(f"genbench: each model is scored in a process that begins afresh: a metric changed {why}\n")
        return
    gc.collect()
    gc.freeze()  # a collection would copy every page of what is shared
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # the allocator keeps what it was given
    ready(_took())
    sys.stdout.flush()
    sys.stderr.flush()
    while request := _received(door):
        if os.fork() == 0:
            door.close()
            os.close(said)
            _supervise(supervise, *request, real)
            os._exit(0)
        for end in request:
            os.close(end)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _received(door: socket.socket) -> tuple[int, int] | None:
    data, ends, _, _ = socket.recv_fds(door, 1, 2)
    return (ends[0], ends[1]) if data and len(ends) == 2 else None


def _supervise(supervise: Callable[..., None], channel: int, file: int, real: Any) -> None:
    from multiprocessing.connection import Connection

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("0")  # a cell goes before its supervisor
    with os.fdopen(file, "rb") as stream:
        stream.seek(0)
        task, log, limits = pickle.load(stream)  # noqa: S301 (from the parent)
    supervise(Connection(channel), task, (), log, limits, real=real)


def _took() -> dict[str, Any]:
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    held = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return {"cpu_s": round(cpu, 3), "peak": own.ru_maxrss * UNIT, "held": held}
