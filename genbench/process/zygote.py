"""A zygote: a process that has scored the real row of a dataset and seed, and forks those that score its models.

A forked process finds the data loaded and the features of real rows computed. It has its own supervisor, and whatever
it does to its process ends with it. Forking is safe while there is only one thread, and fair while metrics have left
the process as they found it; where either does not hold, each cell is scored in a fresh process.
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

import psutil

from genbench.process.process_tree import descendants

MAXRSS_UNIT_BYTES = 1024  # on Linux
THREAD_GRACE_S = 1.0  # for the thread of a watchdog that was just cancelled to end


class ZygoteState:
    """The state of a process before metrics run in it: what they must not change, and global random states."""

    def __init__(self) -> None:
        self._state = _state()
        self._random = _random_states()

    def restore(self) -> str:
        """Restore random states; return what else was changed or keeps this process from being forked, if anything.

        What a metric draws from global generators then depends on no other cell.
        """
        for set_state, state in self._random:
            set_state(state)
        now = _state()
        changed = [name for name, value in self._state.items() if now[name] != value]
        deadline = time.monotonic() + THREAD_GRACE_S
        while threads() != 1 and time.monotonic() < deadline:
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
    requests: socket.socket,
    supervise: Callable[..., None],
    message_pipe: int,
    real: Any,
    state: ZygoteState,
    ready: Callable[[dict[str, Any]], None],
) -> None:
    """Fork a supervisor for each request, until the run closes its end of ``requests``.

    ``ready`` is called once, with the usage of this process so far. A request is one byte and two descriptors: the
    connection of a supervisor to the run, and a file with its other arguments; ``supervise`` is its main function.
    """
    faulthandler.cancel_dump_traceback_later()
    if changes := state.restore():
        sys.stdout.write(f"genbench: each model is scored in a fresh process: a metric changed {changes}\n")
        return
    gc.collect()
    gc.freeze()  # a collection would copy every shared page
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # return free memory to the system, which the allocator was set to keep
    ready(_usage())
    sys.stdout.flush()
    sys.stderr.flush()
    while request := _receive(requests):
        if os.fork() == 0:
            requests.close()
            os.close(message_pipe)
            _supervise(supervise, *request, real)
            os._exit(0)
        for end in request:
            os.close(end)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _receive(requests: socket.socket) -> tuple[int, int] | None:
    """Return the descriptors of the next request; None where the run has closed its end."""
    data, ends, _, _ = socket.recv_fds(requests, 1, 2)
    return (ends[0], ends[1]) if data and len(ends) == 2 else None


def _supervise(supervise: Callable[..., None], channel: int, file: int, real: Any) -> None:
    from multiprocessing.connection import Connection

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("0")  # the kernel should end a cell before its supervisor
    with os.fdopen(file, "rb") as stream:
        stream.seek(0)
        task, log, limits = pickle.load(stream)  # noqa: S301 (from the parent)
    supervise(Connection(channel), task, (), log, limits, real=real)


def _usage() -> dict[str, Any]:
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    held = psutil.Process().memory_info().rss
    return {"cpu_s": round(cpu, 3), "peak": own.ru_maxrss * MAXRSS_UNIT_BYTES, "held": held}
