"""A plugin whose models do what no model should, a rude one that works, and good ones to stand between them."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from genbench import DatasetSpec, MetricSpec, ModelSpec, hookimpl
from genbench.data import split
from genbench.protocol import Data, Score

HERE = Path(os.environ.get("HOSTILE_FOLDER", "."))  # where pids are written, and what must never appear
GIGABYTE = 10**9


class Dots:
    def load(self, sizes, rng):
        rows = rng.normal(3, 2, (200, 2))
        return Data(*(rows[part] for part in split(rows, sizes, rng)))


def gap(evidence):
    return Score(float(np.abs(evidence.real.rows.mean(0) - evidence.fake.mean(0)).mean()), low=0.0, high=1.0)


@dataclass(frozen=True)
class GoodConfig:
    number: int = 0  # tells it from the others


class Good:
    """Learns a mean with random numbers of torch and numpy, so that a disturbed generator shows."""

    def __init__(self, config):
        self.config = config

    def fit(self, data, run):
        self.mean = torch.zeros(data.shape, device=run.device)
        for batch in run.batches(data.train, 32):
            self.mean += 0.1 * (batch.mean(0) - self.mean) + 1e-3 * torch.randn(data.shape)
            self.mean += 1e-3 * torch.from_numpy(np.random.standard_normal(2)).float()  # noqa: NPY002
            run.log(loss=(batch - self.mean).square().mean())

    def sample(self, n):
        return self.mean + torch.randn(n, 2) @ torch.ones(2, 2)


class Base:
    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return torch.randn(n, *self.shape)


def note(name, *pids):
    """Tell the test which processes there are."""
    (HERE / name).write_text(" ".join(map(str, pids)))


# ----------------------------------------------------------------------------------------------------------- exceptions


class Raises(Base):
    def fit(self, data, run):
        print("about to raise")
        raise ValueError("two\nlines")


class RaisesWhenMade(Base):
    def __init__(self):
        raise ValueError("not to be made")


class RaisesInSample(Base):
    def sample(self, n):
        raise ValueError("no samples today")


class OddError(Exception):
    def __init__(self, a, b):
        self.a = a

    def __str__(self):
        raise SystemExit

    def __reduce__(self):
        return os.mkdir, (str(HERE / "evil"),)


class RaisesOddly(Base):
    def fit(self, data, run):
        raise OddError(1, 2)


class RaisesAtLength(Base):
    def fit(self, data, run):
        raise ValueError("x" * 10_000_000)


class Exits(Base):
    def fit(self, data, run):
        sys.exit("enough")


class Interrupts(Base):
    def fit(self, data, run):
        raise KeyboardInterrupt


class Diverges(Base):
    def fit(self, data, run):
        super().fit(data, run)
        for batch in run.batches(data.train, 32):
            run.log(loss=batch.mean() * float("nan"))


# --------------------------------------------------------------------------------------------------------------- deaths


class Leaves(Base):
    def fit(self, data, run):
        os._exit(0)


class LeavesWith7(Base):
    def fit(self, data, run):
        os._exit(7)


class LeavesInSample(Base):
    def sample(self, n):
        os._exit(0)


class Segfaults(Base):
    def fit(self, data, run):
        ctypes.string_at(0)


class Aborts(Base):
    def fit(self, data, run):
        os.abort()


class KillsItself(Base):
    def fit(self, data, run):
        os.kill(os.getpid(), signal.SIGKILL)


class KillsItsParent(Base):
    def fit(self, data, run):
        note("kills_its_parent", os.getpid())
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)


class ClosesEverything(Base):
    def fit(self, data, run):
        super().fit(data, run)
        os.closerange(0, 256)


# -------------------------------------------------------------------------------------------------------------- hanging


class Sleeps(Base):
    def fit(self, data, run):
        time.sleep(1000)


class SleepsInSample(Base):
    def sample(self, n):
        time.sleep(1000)


class IgnoresSigterm(Base):
    def fit(self, data, run):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "1000"])
        lonely = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        note("ignores_sigterm", os.getpid(), child.pid, lonely.pid)
        time.sleep(1000)


class HoldsTheGIL(Base):
    def fit(self, data, run):
        note("holds_the_gil", os.getpid())
        re.match(r"(a+)+$", "a" * 64 + "b")


class StopsItself(Base):
    def fit(self, data, run):
        note("stops_itself", os.getpid())
        os.kill(os.getpid(), signal.SIGSTOP)


class LeavesADaemon(Base):
    """A process in a session of its own whose parent is gone: nobody's child, in nobody's group."""

    def fit(self, data, run):
        super().fit(data, run)
        if os.fork() == 0:
            os.setsid()
            pid = os.fork()
            if pid:
                note("leaves_a_daemon", pid)
                os._exit(0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(1000)
        os.wait()


class LeavesThreads(Base):
    def fit(self, data, run):
        super().fit(data, run)
        threading.Thread(target=time.sleep, args=(1000,)).start()


class Forks(Base):
    """Leaves processes that fork again and again while they are ended."""

    def fit(self, data, run):
        super().fit(data, run)
        if os.fork() == 0:
            for _ in range(1000):
                if os.fork() == 0:
                    time.sleep(0.2)
                else:
                    os._exit(0)


# --------------------------------------------------------------------------------------------------------------- memory


class RaisesMemoryError(Base):
    def fit(self, data, run):
        raise MemoryError("no room")


class GrowsInPython(Base):
    def fit(self, data, run):
        kept = []
        while True:
            kept.append(bytearray(10_000_000))


class GrowsInTorch(Base):
    def fit(self, data, run):
        kept = []
        while True:
            kept.append(torch.ones(2_500_000))


class GrowsInAChild(Base):
    def fit(self, data, run):
        code = "import time\nkept = []\nwhile len(kept) < 60: kept.append(bytearray(10_000_000)); time.sleep(0.01)\n"
        children = [subprocess.Popen([sys.executable, "-c", code + "time.sleep(1000)"]) for _ in range(2)]
        children[0].wait()


class AsksForMuch(Base):
    def fit(self, data, run):
        torch.empty(80 * GIGABYTE // 4)


# -------------------------------------------------------------------------------------------------------------- results


class Evil:
    def __reduce__(self):
        return os.mkdir, (str(HERE / "evil"),)


class EvilSamples(Base):
    def sample(self, n):
        return Evil()


class UnpicklableSamples(Base):
    def sample(self, n):
        return lambda: n


class HugeSamples(Base):
    def sample(self, n):
        return torch.zeros(1, 1).expand(n, 10**11)


class HugeTrace(Base):
    def fit(self, data, run):
        super().fit(data, run)
        run.trace.append((0.0, 1, {"x": "y" * 80_000_000}))


class NotFinite(Base):
    def sample(self, n):
        x = super().sample(n)
        x[n // 2 :] = float("nan")
        return x


class Infinite(Base):
    def sample(self, n):
        return super().sample(n) / 0


class WrongShape(Base):
    def sample(self, n):
        return torch.randn(n, 3)


class Flat(Base):
    def sample(self, n):
        return torch.randn(n)


class TooFew(Base):
    def sample(self, n):
        return super().sample(max(1, n // 2))


class Empty(Base):
    def sample(self, n):
        return super().sample(0)


class Gradient(Base):
    def sample(self, n):
        return super().sample(n).requires_grad_()


class Complex(Base):
    def sample(self, n):
        return super().sample(n).to(torch.complex64)


class Integers(Base):
    def sample(self, n):
        return super().sample(n).to(torch.int64)


class Sparse(Base):
    def sample(self, n):
        return super().sample(n).to_sparse()


class Elsewhere(Base):
    def sample(self, n):
        return super().sample(n).to("meta")


class Array(Base):
    def sample(self, n):
        return super().sample(n).numpy()


class Overflows(Base):
    def sample(self, n):
        return torch.full((n, *self.shape), 1e308, dtype=torch.float64)


class BadDensity(Base):
    def log_prob(self, x):
        return x.sum(1) * float("nan")


class ColumnDensity(Base):
    def log_prob(self, x):
        return x.sum(1, keepdim=True)


class Unsendable:
    __qualname__ = "Unsendable"

    def __call__(self):
        return Base()

    def __reduce__(self):
        raise TypeError("not to be pickled")


# ----------------------------------------------------------------------------------------------------------------- rude


class Rude(Base):
    """Works, prints 100 MB, and leaves everything global in another state."""

    def fit(self, data, run):
        super().fit(data, run)
        print("the first line")
        for _ in range(100):
            sys.stdout.write("x" * 999_999 + "\n")
            sys.stderr.write("y" * 9_999 + "\n")
        print("the last line", flush=True)
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(2)
        torch.set_grad_enabled(False)
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        np.seterr(all="raise")
        os.chdir("/")
        os.environ["OMP_NUM_THREADS"] = "7"
        os.umask(0o777)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)

    def sample(self, n):
        os.umask(0o022)
        return super().sample(n)


# ----------------------------------------------------------------------------------------------- against the run itself


class FloodsDescriptors(Base):
    """Writes into whatever it finds open: pipes and sockets of the processes that started it."""

    def fit(self, data, run):
        super().fit(data, run)
        for number in range(3, 256):
            try:
                os.set_blocking(number, False)
                for _ in range(100):
                    os.write(number, b"x" * 1000)
            except OSError:
                continue


class StartsMany(Base):
    """Leaves 200 processes, each in a session of its own."""

    def fit(self, data, run):
        super().fit(data, run)
        started = [subprocess.Popen(["sleep", "1000"], start_new_session=True).pid for _ in range(200)]
        note("starts_many", *started)


class LeavesAnOrphan(Base):
    """Moves a process to a session of its own, and kills the supervisor that would end it."""

    def fit(self, data, run):
        note("leaves_an_orphan", subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)


class KillsTheServer(Base):
    """Kills the process from which cells are forked, while others run."""

    def fit(self, data, run):
        super().fit(data, run)
        supervisor = Path(f"/proc/{os.getppid()}/stat").read_text()
        os.kill(int(supervisor.rpartition(")")[2].split()[1]), signal.SIGKILL)


class SlowsTheClock(Base):
    """Has the clock by which it is timed go at half speed."""

    def fit(self, data, run):
        super().fit(data, run)
        now, start = time.perf_counter, time.perf_counter()
        time.perf_counter = lambda: start + (now() - start) / 2
        time.sleep(0.5)


class OverwritesTheRun(Base):
    """Writes over the records of the run that are there."""

    def fit(self, data, run):
        super().fit(data, run)
        for record in (HERE / "run").glob("cells/*/*/1.json"):
            record.write_text("{}")


MODELS = {
    "raises": Raises, "raises_when_made": RaisesWhenMade, "raises_in_sample": RaisesInSample,
    "raises_oddly": RaisesOddly, "raises_at_length": RaisesAtLength, "exits": Exits, "interrupts": Interrupts,
    "diverges": Diverges, "leaves": Leaves, "leaves_with_7": LeavesWith7, "leaves_in_sample": LeavesInSample,
    "segfaults": Segfaults, "aborts": Aborts, "kills_itself": KillsItself, "kills_its_parent": KillsItsParent,
    "closes_everything": ClosesEverything, "sleeps": Sleeps, "sleeps_in_sample": SleepsInSample,
    "ignores_sigterm": IgnoresSigterm, "holds_the_gil": HoldsTheGIL, "stops_itself": StopsItself,
    "leaves_a_daemon": LeavesADaemon, "leaves_threads": LeavesThreads, "forks": Forks,
    "raises_memory_error": RaisesMemoryError, "grows_in_python": GrowsInPython, "grows_in_torch": GrowsInTorch,
    "grows_in_a_child": GrowsInAChild, "asks_for_much": AsksForMuch, "evil_samples": EvilSamples,
    "unpicklable_samples": UnpicklableSamples, "huge_samples": HugeSamples, "huge_trace": HugeTrace,
    "not_finite": NotFinite, "infinite": Infinite, "wrong_shape": WrongShape, "flat": Flat, "too_few": TooFew,
    "empty": Empty, "gradient": Gradient, "complex": Complex, "integers": Integers, "sparse": Sparse,
    "elsewhere": Elsewhere, "array": Array, "overflows": Overflows, "bad_density": BadDensity,
    "column_density": ColumnDensity, "cannot_be_sent": Unsendable(), "exits_at_import": "exits_at_import:Model",
    "cannot_be_imported": "absent_module:Model", "has_no_such_class": "json:Model", "rude": Rude,
    "floods_descriptors": FloodsDescriptors, "starts_many": StartsMany, "leaves_an_orphan": LeavesAnOrphan,
    "kills_the_server": KillsTheServer, "slows_the_clock": SlowsTheClock,
    "overwrites_the_run": OverwritesTheRun,
}  # fmt: skip


@hookimpl
def genbench_register():
    known = {"bad_density": "exact", "column_density": "bound"}
    yield DatasetSpec("dots", Dots, None, "normal numbers")
    yield MetricSpec("gap", gap, None, "distance of the means")
    yield ModelSpec("good", Good, GoodConfig, "the mean, by steps", steps=10)
    for name, target in MODELS.items():
        yield ModelSpec(name, target, None, "a fault", density=known.get(name, "none"), steps=10)
