"""Process trees: what a process has started, how much memory that holds, and how all of it is ended.

The supervisor of a cell imports this, so nothing here needs a machine-learning library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
KILL_TIMEOUT_S = 5.0  # after which a process that SIGKILL does not end is left: one that waits for a dead disk, say
MAX_MEASURING_SHARE = 0.2  # of a core, for measuring the memory of a tree, which may have hundreds of processes
MIN_SCAN_INTERVAL_S = 0.5  # between two scans of all processes of the machine, which cost milliseconds
MAX_SCAN_SHARE = 0.02  # of a core, for scans


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    return False


def adopt_orphans() -> bool:
    """Make this process the parent of orphans among its descendants; return whether the system can (Linux).

    A process that has left its group and session, and whose parent has ended, is then still found.
    """
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which forked it, ends (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before the request
        os._exit(1)


def descendants() -> list[psutil.Process]:
    """Return the children of this process, their children, and so on."""
    return _descendants_of(os.getpid())


def signal_all(number: int, groups: Iterable[int]) -> int:
    """Send a signal to these process groups and to every descendant of this process; return how many descendants live.

    A group is signalled at once, which also ends processes that fork faster than they can be listed.
    """
    found = [each for each in descendants() if _alive(each)]
    for group in {*groups, *(_group(each.pid) for each in found)} - {0, os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for each in found:
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            each.send_signal(number)
    return len(found)


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def _group(pid: int) -> int:
    with contextlib.suppress(OSError):
        return os.getpgid(pid)
    return 0


def end_all(groups: Iterable[int]) -> int:
    """Kill these groups and every descendant of this process, new ones too; return how many could not be ended."""
    groups, deadline = list(groups), time.monotonic() + KILL_TIMEOUT_S
    while left := signal_all(signal.SIGKILL, groups):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.01)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return 0


def kill_descendants(pid: int, besides: Collection[int] = ()) -> int:
    """Kill every descendant of a process, new ones too, but not itself; return how many could not be ended.

    Children whose ids are in ``besides`` are left alone, and so are their descendants.
    """

    def found() -> list[psutil.Process]:
        if not besides:
            return _descendants_of(pid)
        with contextlib.suppress(psutil.Error, OSError):
            children = [each for each in psutil.Process(pid).children() if each.pid not in besides]
            return [*children, *(each for child in children for each in _descendants_of(child.pid))]
        return []

    deadline = time.monotonic() + KILL_TIMEOUT_S
    while left := [each for each in found() if _alive(each)]:
        if time.monotonic() > deadline:
            return len(left)
        for each in left:
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                each.kill()
        time.sleep(0.01)
    return 0


def _descendants_of(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).children(recursive=True)
    return []


class TreeMemory:
    """Resident memory in bytes of a process and all descendants of the calling process; ``peak`` is the largest seen.

    The list of processes is refreshed less often than their memory, and both less often the longer they take.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._process = psutil.Process(pid)
        self._others: list[psutil.Process] = []
        self._next = self._next_scan = 0.0

    def exceeds(self, limit: int) -> bool:
        """Return whether they hold more than ``limit``; shared pages count once where the system can tell.

        False where it is too early to measure again.
        """
        start = time.monotonic()
        if start < self._next:
            return False
        if start >= self._next_scan:
            self._others = [each for each in descendants() if each.pid != self._process.pid]
            self._next_scan = start + max(MIN_SCAN_INTERVAL_S, (time.monotonic() - start) / MAX_SCAN_SHARE)
        held = sum(map(_resident, [self._process, *self._others]))
        if self._others and held > limit:  # only then, as it costs milliseconds
            held = sum(map(_proportional, [self._process, *self._others]))
        self.peak = max(self.peak, held)
        now = time.monotonic()
        self._next = now + (now - start) * (1 / MAX_MEASURING_SHARE - 1)
        return held > limit


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(process: psutil.Process) -> int:
    """Return the bytes of a process, with its part of shared pages where the system can tell."""
    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    return _resident(process)


def kernel_kills() -> int:
    """Return how many processes the kernel has killed so far because memory ran out; 0 where that is not known."""
    count = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            lines = dict(line.split()[:2] for line in Path(path).read_text().splitlines())
            count += int(lines.get("oom_kill", 0))
    return count
