"""What runs in the process of a cell: set limits, redirect output, do the task, and report its end.

The supervisor forks this process before any code of a plugin runs.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.process.clocks import read_clocks
from genbench.process.messages import explain
from genbench.process.process_tree import die_with_parent
from genbench.process.task import THREADS, Task
from genbench.record.encoding import to_json
from genbench.registry.discovery import load_file

TRACEBACK_LEAD_S = 0.2  # before its deadline, a cell writes its traceback to its log
ALLOCATOR_RESERVE_BYTES = 96 * 2**20  # which the allocator takes in advance and the process does not hold
MAX_DESCRIPTORS = 65_536  # that are closed where the system cannot list them
OOM_SCORE_ADJ = "500"  # of 1000: when memory runs out, the kernel ends a cell rather than the run


def main(
    supervisor: int,
    message_pipe: int,
    output: int,
    task: bytes,
    plugin_files: tuple[Path, ...],
    limits: Limits,
    serve: Callable[..., None] | None = None,
    real: Any = None,
) -> None:
    """Do one task and write its messages to ``message_pipe`` as lines of JSON; never returns.

    ``{"progress": ..}`` while it runs, ``{"result": ..}`` or ``{"error": ..}`` last, those of a training with the
    ``clocks`` of the process. With ``serve``, the process may stay as a zygote after a result, and then sends
    ``{"serving": ..}``. ``real`` is the ``RealSideCache`` of the zygote that forked this process, if one did.
    """
    try:
        _prepare_process(supervisor, output, limits)
        send = lambda message: _write(message_pipe, message)  # noqa: E731
        if serve is None:
            _do_task(task, plugin_files, limits, send, lambda _: real)
        else:
            _be_zygote(task, plugin_files, limits, send, functools.partial(serve, message_pipe))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)  # no handler and no thread of a plugin can delay the end


def close_inherited(kept: Collection[int]) -> None:
    """Close all descriptors but the standard streams and ``kept``.

    What the cell does to those of the fork server, such as writing into its pipes, would harm the run.
    """
    start = 3
    for end in sorted(each for each in kept if each >= start):
        os.closerange(start, end)
        start = end + 1
    os.closerange(start, max(_open_descriptors(), default=start) + 1)
    # a plugin that uses multiprocessing starts its own helpers
    tracker: Any = multiprocessing.resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None
    server: Any = multiprocessing.forkserver._forkserver
    server._forkserver_alive_fd = server._forkserver_address = server._forkserver_pid = None
    server._inherited_fds = None


def _open_descriptors() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(each.name) for each in Path(folder).iterdir()]
    return [min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MAX_DESCRIPTORS)]


def _prepare_process(supervisor: int, output: int, limits: Limits) -> None:
    os.setsid()  # so that processes that a plugin starts can be ended with this one
    die_with_parent(supervisor)
    if os.environ.get("PYTHONSAFEPATH") == "genbench":  # meant for the start of this process only
        del os.environ["PYTHONSAFEPATH"]
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    sys.stdout = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.excepthook = sys.__excepthook__  # not that of the fork server
    faulthandler.enable(sys.stderr)
    if limits.left is not None:  # in a thread that does not need the GIL
        faulthandler.dump_traceback_later(max(limits.left - TRACEBACK_LEAD_S, 0.9 * limits.left), file=sys.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE_ADJ)


Send = Callable[[dict[str, Any]], None]


def _be_zygote(
    task: bytes, plugin_files: tuple[Path, ...], limits: Limits, send: Send, serve: Callable[..., None]
) -> None:
    """Score the real row, then fork the processes that score the models with the same ``RealSideCache``."""
    from genbench.process.zygote import ZygoteState

    kept: tuple[Any, ...] = ()

    def load_real(unpacked: Task) -> Any:
        import torch

        from genbench.scoring.cell_scores import RealSideCache

        nonlocal kept
        torch.set_num_threads(THREADS)
        state = ZygoteState()
        kept = RealSideCache(unpacked.cell, unpacked.run), state
        return kept[0]

    if _do_task(task, plugin_files, limits, send, load_real):
        _lift_memory_limit()
        serve(*kept, lambda usage: send({"serving": usage}))


def _do_task(
    task: bytes, plugin_files: tuple[Path, ...], limits: Limits, send: Send, load_real: Callable[[Task], Any]
) -> bool:
    """Do the task with the ``RealSideCache`` that ``load_real`` returns, if any; return whether it has a result."""
    try:
        for path in plugin_files:
            load_file(path)  # before unpickling, which needs their classes
        unpacked: Task = pickle.loads(task)  # noqa: S301 (from the parent)
        unpacked = replace(unpacked, device=_hide_other_gpus(unpacked.device or unpacked.cell.device))
        _limit_memory(unpacked, limits)
        real = load_real(unpacked)

        def send_timed(**message: Any) -> None:
            send({**message, "clocks": read_clocks()} if unpacked.stage == "fit" else message)

        send_timed(result=run_task(unpacked, lambda **progress: send_timed(progress=progress), real))
    except BaseException as error:
        _lift_memory_limit()  # or there may be no memory left for the message
        with contextlib.suppress(BaseException):
            traceback.print_exc()
        send({"error": explain(error)})
        return False
    return True


def _hide_other_gpus(device: str) -> str:
    """Hide all GPUs but the cell's own, before CUDA is initialised, and return its name in this process."""
    name = DeviceName.parse(device)
    if not name.on_gpu:
        return device
    visible = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    number = name.indices[0] if name.indices else 0
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) else str(number)
    return "cuda:0"


def _limit_memory(task: Task, limits: Limits) -> None:
    """Have the kernel refuse memory beyond the limit; not on a GPU, where CUDA maps much more than it holds.

    The limit is on data, not on addresses, because libraries reserve addresses that they never use.
    """
    if limits.memory is None or DeviceName.parse(task.device).on_gpu:
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        data, resident = (int(status[name].split()[0]) * 1024 for name in ("VmData", "VmRSS"))
        limit = data + max(0, limits.memory - resident) + ALLOCATOR_RESERVE_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _lift_memory_limit() -> None:
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def run_task(task: Task, report: Callable[..., None], real: Any = None) -> Any:
    """Fit or score in this process and return the result; ``report(phase=...)`` is called with the progress.

    ``real`` is the ``RealSideCache`` of the cell's data, if there is one already.
    """
    import torch

    from genbench.scoring.cell_scores import score_cell
    from genbench.training.cell import fit_cell

    torch.set_num_threads(THREADS)
    if task.stage == "fit":
        is_same = task.device in ("", task.cell.device)
        cell = task.cell if is_same else replace(task.cell, device=task.device)
        return fit_cell(cell, task.run, report, keep=task.keep)
    return score_cell(task.cell, task.run, task.timings or {}, task.floors, report, real, task.digests, task.done)


def _write(pipe: int, message: dict[str, Any]) -> None:
    line = memoryview(to_json(message).encode() + b"\n")
    while line:
        line = line[os.write(pipe, line) :]
