"""The process of a cell, from inside: its limits, its output, its work, and what it says of an exception.

It is a child of the process in ``supervisor``, which has forked it while only this and lighter modules were at work.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.process.messages import explain
from genbench.process.process_tree import die_with_parent
from genbench.process.task import THREADS, Task
from genbench.record.encoding import to_json
from genbench.registry.discovery import load_file

__all__ = ["do", "main"]

BEFORE = 0.2  # seconds before its deadline that a cell writes where it stands
SLACK = 96 * 2**20  # bytes that the allocator takes in advance and the process does not hold
TAKE_ME_FIRST = "500"  # of 1000: when memory runs out, the kernel ends a cell rather than the run


def main(
    supervisor: int,
    said: int,
    output: int,
    task: bytes,
    plugin_files: tuple[Path, ...],
    limits: Limits,
    stay: Callable[..., None] | None = None,
    real: Any = None,
) -> None:
    """Do one task and write lines of JSON to ``said``; never returns.

    ``{"progress": ..}`` while it runs, ``{"result": ..}`` or ``{"error": ..}`` last; ``{"serving": ..}`` after a result
    where it may ``stay``, and models can be scored with what this process holds of the real rows. ``real`` is what
    it got of a host.
    """
    try:
        _settle(supervisor, output, limits)
        send = lambda message: _write(said, message)  # noqa: E731
        if stay is None:
            _work(task, plugin_files, limits, send, lambda _: real)
        else:
            _host(task, plugin_files, limits, send, functools.partial(stay, said))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)  # no handler and no thread of a plugin's has a say in when its process ends


def _settle(supervisor: int, output: int, limits: Limits) -> None:
    os.setsid()  # so that what a plugin starts can be ended with it
    die_with_parent(supervisor)
    if os.environ.get("PYTHONSAFEPATH") == "genbench":  # it was for the start of this process, not for what it starts
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
    sys.excepthook = sys.__excepthook__  # the fork server has one of its own
    faulthandler.enable(sys.stderr)
    if limits.left is not None:  # from a thread that needs no GIL
        faulthandler.dump_traceback_later(max(limits.left - BEFORE, 0.9 * limits.left), file=sys.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(TAKE_ME_FIRST)


Send = Callable[[dict[str, Any]], None]


def _host(task: bytes, plugin_files: tuple[Path, ...], limits: Limits, send: Send, stay: Callable[..., None]) -> None:
    """Score the real row, then fork those who score the models with what was made of it."""
    from genbench.process.zygote import Footing

    kept: tuple[Any, ...] = ()

    def begin(given: Task) -> Any:
        import torch

        from genbench.scoring.cell_scores import RealSideCache

        nonlocal kept
        torch.set_num_threads(THREADS)
        footing = Footing()
        kept = RealSideCache(given.cell, given.run), footing
        return kept[0]

    if _work(task, plugin_files, limits, send, begin):
        _lift_memory()
        real, footing = kept
        stay(real, footing, lambda took: send({"serving": took}))


def _work(
    task: bytes, plugin_files: tuple[Path, ...], limits: Limits, send: Send, begin: Callable[[Task], Any]
) -> bool:
    """Do the task with what ``begin`` gives of the real rows, if anything, and return whether it came to its end."""
    try:
        for path in plugin_files:
            load_file(path)  # before the task is read, which names classes of theirs
        given: Task = pickle.loads(task)  # noqa: S301 (from the parent)
        given = replace(given, device=_see_only(given.device or given.cell.device))
        _limit_memory(given, limits)
        real = begin(given)
        send({"result": do(given, lambda **progress: send({"progress": progress}), real)})
    except BaseException as error:
        _lift_memory()  # or there may be no room to say so
        with contextlib.suppress(BaseException):
            traceback.print_exc()
        send({"error": explain(error)})
        return False
    return True


def _see_only(device: str) -> str:
    """Hide all GPUs but the cell's own, before CUDA is asked anything, and return what it is called then."""
    name = DeviceName.parse(device)
    if not name.on_gpu:
        return device
    visible = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    number = name.indices[0] if name.indices else 0
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) else str(number)
    return "cuda:0"


def _limit_memory(task: Task, limits: Limits) -> None:
    """Have the kernel refuse what goes beyond the limit at once, where memory is the processor's.

    Data, not addresses: libraries reserve addresses that they never use. CUDA maps much more than it holds.
    """
    if limits.memory is None or DeviceName.parse(task.device).on_gpu:
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        data, resident = (int(status[name].split()[0]) * 1024 for name in ("VmData", "VmRSS"))
        most = data + max(0, limits.memory - resident) + SLACK
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _lift_memory() -> None:
    with contextlib.suppress(OSError, ValueError):
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def do(task: Task, report: Callable[..., None], real: Any = None) -> Any:
    """Fit or score in this process and return the result; ``report(phase=...)`` hears of the progress.

    ``real`` is the ``RealSideCache`` of the cell's data, where it is known already.
    """
    import torch

    from genbench.scoring.cell_scores import score_cell
    from genbench.training.cell import fit_cell

    torch.set_num_threads(THREADS)
    if task.stage == "fit":
        here = task.device in ("", task.cell.device)
        return fit_cell(task.cell if here else replace(task.cell, device=task.device), task.run, report)
    return score_cell(task.cell, task.run, task.timings or {}, task.floors, report, real)


def _write(target: int, message: dict[str, Any]) -> None:
    line = memoryview(to_json(message).encode() + b"\n")
    while line:
        line = line[os.write(target, line) :]
