"""Start processes of cells: the fork server, its environment, and the signals that are blocked in it."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import multiprocessing.process
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import shutil
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Collection, Iterator, Mapping

from genbench.plan.device_names import DeviceName
from genbench.process.process_tree import kill_descendants

# One thread per cell, and an allocator that returns no memory: timings of small models then repeat within 2 %.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "67108864",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a thread of pyarrow, which the fork server imports with pandas
}
# A process begins with `python -c`, which would import modules of the working directory: a random.py, say.
SAFE_PATH = {"PYTHONSAFEPATH": "genbench"}
LAUNCH_LOCK = threading.Lock()
MAX_SOCKET_PATH, SOCKET_NAME = 104, 32  # bytes: of a socket's path on macOS, on Linux 108; of /pymp-.../listener-...
SHORT_FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def context_for(device: str = "cpu", method: str | None = None) -> multiprocessing.context.BaseContext:
    """Return the context that starts the process of a cell: the fork server on the CPU, else a fresh interpreter.

    The server has one thread and has only imported libraries, so forking it is safe. A process that has initialised
    CUDA or Metal must not be forked, so each cell on an accelerator gets a fresh interpreter. The numbers are the same.
    """
    methods = multiprocessing.get_all_start_methods()
    method = method or ("forkserver" if DeviceName.parse(device).kind == "cpu" and "forkserver" in methods else "spawn")
    return start_server() if method == "forkserver" else multiprocessing.get_context(method)


def start_server() -> multiprocessing.context.BaseContext:
    """Start the fork server if needed and return its context; it imports torch, so that this process need not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["genbench.process.preload"])
    _use_short_socket_paths()
    with launch_environment():
        multiprocessing.forkserver.ensure_running()  # again where somebody has killed it
    return context


def _use_short_socket_paths() -> None:
    """Have multiprocessing make its sockets elsewhere where a path below TMPDIR would be too long for one."""
    config = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is not None or len(os.fsencode(tempfile.gettempdir())) + SOCKET_NAME < MAX_SOCKET_PATH:
        return
    for parent in filter(os.path.isdir, SHORT_FOLDERS):
        with contextlib.suppress(OSError):
            folder = tempfile.mkdtemp(prefix="pymp-", dir=parent)  # for this user alone
            multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-100)
            config["tempdir"] = folder
            return


class ServerRestart:
    """Starts a fork server that has died again, in a thread: it imports libraries for seconds."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def ready(self) -> bool:
        """Return whether a process can be started without waiting for a server that starts again."""
        if self._thread is not None and self._thread.is_alive():
            return False
        if not _server_died():
            return True
        self._thread = threading.Thread(target=_restart_server, daemon=True)
        self._thread.start()
        return False


def _server_died() -> bool:
    pid = _server_pid()
    if pid is None or not hasattr(os, "waitid"):
        return False
    with contextlib.suppress(ChildProcessError):  # what is found here is reaped by multiprocessing
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def _restart_server() -> None:
    """Start the server, and wait until it has forked a process; a failure shows where the next task is started."""
    with contextlib.suppress(OSError, EOFError):
        first = start_server().Process(target=os.getpid)  # type: ignore[attr-defined]
        with launch_environment():
            first.start()
        first.join()


def end_orphans(supervisors: Collection[int]) -> None:
    """Kill what cells left behind that had killed their supervisors: all below the fork server but ``supervisors``."""
    if (pid := _server_pid()) is not None:
        kill_descendants(pid, besides=supervisors)


def stop_server() -> None:
    """Kill the fork server, even while it is importing; processes that it started are left to their supervisors."""
    if (pid := _server_pid()) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _server_pid() -> int | None:
    pid: int | None = getattr(multiprocessing.forkserver._forkserver, "_forkserver_pid", None)
    return pid


@contextlib.contextmanager
def launch_environment() -> Iterator[None]:
    """While entered, processes start with the environment of cells, without the user's script, with signals blocked."""
    with LAUNCH_LOCK, _environment({**SAFE_PATH, **ENVIRONMENT}), _no_main():
        # started later, it would unblock the signals
        multiprocessing.resource_tracker.ensure_running()
        # the server inherits the mask: only this process handles Ctrl-C
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, () if _server_pid() else STOP_SIGNALS)
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
    """Hide the user's script, which a spawned process would otherwise run again."""
    main_module = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main_module
