"""How processes of cells are started: the fork server, its environment, and the signals that are kept from it."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator, Mapping

from genbench.plan.device_names import DeviceName

__all__ = ["ENVIRONMENT", "context_for", "quietly", "start_server", "stop_server"]

# One thread a cell, and an allocator that keeps what it was given: timings of small models then repeat within 2 %.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "67108864",
}
# A process begins with `python -c`, which would look for modules where the user happens to be: a random.py, say.
SAFE_PATH = {"PYTHONSAFEPATH": "genbench"}
STARTING = threading.Lock()
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def context_for(device: str = "cpu", method: str | None = None) -> multiprocessing.context.BaseContext:
    """Return what starts the process of a cell: the fork server on the processor, else a fresh interpreter.

    The server is single-threaded and has only imported libraries, so forking it is safe; nothing may be forked after
    CUDA or Metal was touched, and a process of its own for each cell makes sure of that. Same numbers either way.
    """
    methods = multiprocessing.get_all_start_methods()
    method = method or ("forkserver" if DeviceName.parse(device).kind == "cpu" and "forkserver" in methods else "spawn")
    return start_server() if method == "forkserver" else multiprocessing.get_context(method)


def start_server() -> multiprocessing.context.BaseContext:
    """Return the context of the fork server, which has imported torch already; the calling process never needs it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["genbench.process.preload"])
    with quietly():
        multiprocessing.forkserver.ensure_running()  # also when somebody has killed it meanwhile
    return context


def stop_server() -> None:
    """End the fork server, also one that is still importing; what it has started is left to its supervisors."""
    if (pid := _server_pid()) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _server_pid() -> int | None:
    pid: int | None = getattr(multiprocessing.forkserver._forkserver, "_forkserver_pid", None)
    return pid


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Start processes with the environment of cells, without the user's script, and deaf to the terminal's signals."""
    with STARTING, _environment({**SAFE_PATH, **ENVIRONMENT}), _no_main():
        multiprocessing.resource_tracker.ensure_running()  # which would unblock them, were it started later
        # inherited by the server: Ctrl-C is this process's affair
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, () if _server_pid() else STOPPING)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Hide the user's script: a cell needs nothing of it, and would otherwise run it again from the top."""
    main_module = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main_module
