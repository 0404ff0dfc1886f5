"""Processes of this machine: what was started, what it holds, and that all of it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from genbench.process import process_tree
from genbench.process.process_tree import TreeMemory, kernel_kills, kill_descendants

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel of Linux")

# In a process of its own, which adopts orphans: a child in a session of its own, a grandchild whose parent leaves, and
# one that is deaf to SIGTERM.
LEAVES_TREE = """
import os, signal, subprocess, sys, time
from genbench.process import process_tree as tree
assert tree.adopt_orphans()
assert tree.descendants() == []
own = subprocess.Popen(["sleep", "1000"], start_new_session=True, stdout=subprocess.DEVNULL)
orphan = subprocess.run(
    [sys.executable, "-c", "import subprocess; print("
     "subprocess.Popen(['sleep', '1000'], start_new_session=True, stdout=subprocess.DEVNULL).pid)"],
    stdout=subprocess.PIPE, text=True, check=True,
)
deaf = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(1000)"],
    stdout=subprocess.PIPE)
deaf.stdout.readline()
pids = {own.pid, int(orphan.stdout), deaf.pid}
assert {each.pid for each in tree.descendants()} == pids
assert tree.signal_all(0, ()) == 3
left = tree.end_all([own.pid])
print(left, len(tree.descendants()), *pids)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_everything_that_was_started_is_ended_orphans_and_the_deaf_included() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVES_TREE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    left, descendants, *pids = map(int, done.stdout.split())
    survivors = [pid for pid in pids if alive(pid)]
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    assert (left, descendants, survivors) == (0, 0, [])


DIES = """
import os, sys, time
from genbench.process.process_tree import die_with_parent
parent = os.getpid()
child = os.fork()
if child == 0:
    die_with_parent(parent)
    print(os.getpid(), flush=True)
    time.sleep(1000)
time.sleep(1000)
"""


def test_a_process_dies_with_the_one_that_forked_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", DIES], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 60
    while alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child)


HOLDS = """
import time
held = bytearray({size})
held[::4096] = b"x" * len(held[::4096])
print("ready", flush=True)
time.sleep(1000)
"""


def test_memory_is_that_of_the_process_and_of_what_the_one_that_asks_has_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", HOLDS.format(size=size)], stdout=subprocess.PIPE)
        for size in (0, 60 * 2**20)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        found = [psutil.Process(child.pid) for child in children]  # the tests before have started others
        monkeypatch.setattr(process_tree, "descendants", lambda: found)
        memory = TreeMemory(children[0].pid)
        assert memory.exceeds(50 * 2**20), "the other child counts too"
        assert memory.peak > 60 * 2**20
        assert not memory.exceeds(2**40)
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert not memory.exceeds(0), "what is gone holds nothing"
    assert memory.peak > 60 * 2**20, "the peak stays"


def test_descendants_are_killed_besides_those_that_are_to_stay() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ("import subprocess, time\n"
         "for _ in range(2): print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid, flush=True)\n"
         "time.sleep(1000)")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    kept, other = (int(parent.stdout.readline()) for _ in range(2))
    assert kill_descendants(parent.pid, besides=[kept]) == 0
    assert psutil.Process(other).status() == psutil.STATUS_ZOMBIE
    assert psutil.Process(kept).status() != psutil.STATUS_ZOMBIE
    assert kill_descendants(parent.pid) == 0
    assert psutil.Process(kept).status() == psutil.STATUS_ZOMBIE
    assert parent.poll() is None
    parent.kill()
    parent.wait()


def test_memory_is_measured_less_often_the_longer_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], []

    def slow(_: psutil.Process) -> int:
        calls.append(now[0])
        now[0] += 0.7
        return 10

    monkeypatch.setattr(process_tree.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(process_tree, "_resident", slow)
    memory = TreeMemory(os.getpid())
    for _ in range(2000):
        memory.exceeds(100)
        now[0] += 0.05
    assert len(calls) * 0.7 <= 0.25 * now[0], "of a core"


def test_what_the_kernel_killed_is_a_number() -> None:
    assert kernel_kills() >= 0
