"""Processes of this machine: what a process has started, how much memory that holds, and how all of it is ended.

Nothing here needs a library of the machine-learning kind: the process that watches a cell imports only this.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

__all__ = ["TreeMemory", "adopt_orphans", "descendants", "die_with_parent", "end_all", "kernel_kills", "signal_all"]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
PATIENCE = 5.0  # seconds until what SIGKILL does not end is given up: a process that waits for a dead disk, say
TREE_EVERY = 0.5  # seconds between two looks at all processes of the machine, which cost milliseconds
TREE_SHARE = 0.02  # and the most of a core that they may take


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    return False


def adopt_orphans() -> bool:
    """Make this process the parent of whatever its descendants leave behind; return whether the system can (Linux).

    A process that has left its group and session, and whose own parent is gone, is then still found.
    """
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which forked it, is gone (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the kernel knew
        os._exit(1)


def descendants() -> list[psutil.Process]:
    """Return what this process has started, and what that has, as far as it is still there."""
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process().children(recursive=True)
    return []


def signal_all(number: int, groups: Iterable[int]) -> int:
    """Send a signal to these process groups and to every descendant of this process; return how many of those remain.

    A group is signalled in one stroke, so that one that forks faster than it can be listed ends all the same.
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
    """Kill these groups and every descendant of this process, also those that appear meanwhile; return what is left."""
    groups, until = list(groups), time.monotonic() + PATIENCE
    while left := signal_all(signal.SIGKILL, groups):
        if time.monotonic() > until:
            return left
        time.sleep(0.01)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return 0


class TreeMemory:
    """Resident memory of a process and all that descends from the one that asks, in bytes; ``peak`` is the most seen.

    Which processes there are is asked for less often than how much they hold.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._process = psutil.Process(pid)
        self._others: list[psutil.Process] = []
        self._next = 0.0

    def exceeds(self, limit: int) -> bool:
        """Return whether they hold more: pages that several share count once, where the system can tell."""
        begun = time.monotonic()
        if begun >= self._next:
            self._others = [each for each in descendants() if each.pid != self._process.pid]
            self._next = begun + max(TREE_EVERY, (time.monotonic() - begun) / TREE_SHARE)
        held = sum(map(_resident, [self._process, *self._others]))
        if self._others and held > limit:  # which costs milliseconds
            held = sum(map(_share, [self._process, *self._others]))
        self.peak = max(self.peak, held)
        return held > limit


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _share(process: psutil.Process) -> int:
    """Return the bytes of a process, pages that several share counted once among them where the system can tell."""
    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    return _resident(process)


def kernel_kills() -> int:
    """Return how many processes the kernel has killed so far because memory ran out; 0 where it does not count."""
    count = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            lines = dict(line.split()[:2] for line in Path(path).read_text().splitlines())
            count += int(lines.get("oom_kill", 0))
    return count
