"""Run tasks in the workers of a Dask scheduler; ``distributed`` is imported when it is used.

Dask places tasks on workers and runs those of a lost worker again. The session submits no more tasks than there are
slots, so that floors come first and a lost worker loses one cell. All workers must see the run's folder. Only the
session writes records.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.executor.base import Executor
from genbench.executor.dask import worker_side
from genbench.executor.dask.address import SchedulerAddress
from genbench.executor.dask.job_queue import start_cluster
from genbench.executor.dask.remote_task import RemoteTask, one_line
from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.process.task import PackedTask, Task
from genbench.process.worker import pack

CPU, GPU = "CELL", "GPU"  # resources that workers offer
CONNECT_TIMEOUT_S = 10.0
FIRST_WORKER_TIMEOUT_S = 10.0  # where the scheduler was not started for this run
NO_WORKERS_TIMEOUT_S = 60.0  # without any worker, after which the run ends
WORKER_POLL_S = 1.0  # between two requests for the list of workers
TIMEOUT_OPTION = "distributed.scheduler.no-workers-timeout"  # of Dask: overrides both timeouts for workers


@dataclass
class CheckedWorker:
    """A worker that passed the check: its slots by resource, and its machine."""

    slots: dict[str, int]
    machine: str
    cores: int
    visible: str  # its GPUs, as in CUDA_VISIBLE_DEVICES
    present: bool = True


@dataclass(eq=False)
class _RemoteSlot(Slot):
    resource: str = CPU
    task: RemoteTask | None = field(default=None, repr=False)


class DaskExecutor(Executor):
    """An executor: at most ``jobs`` tasks at a time, by default as many as the checked workers have slots.

    The device of the plan's cells decides which resource of a worker training takes, ``CELL`` or ``GPU``; scoring takes
    a ``CELL`` where there is any. ``say`` is called with lines for the user.
    """

    def __init__(
        self,
        address: SchedulerAddress,
        plan: Plan,
        directory: Path,
        *,
        limits: Limits | None = None,
        jobs: int | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.address = address
        self._plan = plan
        self._folder = directory.resolve()
        self._files = tuple(path.resolve() for path in plan.plugin_files)
        self._limits = limits or Limits()
        self.jobs = jobs
        self._say = say
        self._on_gpu = bool(plan.cells) and DeviceName.parse(plan.cells[0].device).on_gpu
        self._topic = f"genbench-{secrets.token_hex(6)}"
        self._stack = contextlib.ExitStack()
        self._client: Any = None
        self._problems: list[Exception] = []  # of jobs that could not be submitted
        self._first_worker_timeout_s = None if address.kind else FIRST_WORKER_TIMEOUT_S
        self._no_workers_timeout_s = NO_WORKERS_TIMEOUT_S
        self._workers: dict[str, CheckedWorker] = {}
        self._refused: dict[str, str] = {}  # address -> reason
        self._busy: list[_RemoteSlot] = []
        self._tasks: dict[str, RemoteTask] = {}
        self._check_thread: threading.Thread | None = None
        self._last_poll = 0.0
        self._last_worker = time.monotonic()  # when any worker was present
        self._failure = ""

    # --------------------------------------------------------------------------------------------------- begin and end

    def open(self, cells: Iterable[Cell]) -> None:  # noqa: ARG002
        """Connect, and wait for a first worker that passes the check; raises UserError if any fails it."""
        if self._client is not None:
            return
        self._expected = worker_side.expectations(self._plan)
        try:
            self._connect()
            self._await_workers()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        import dask.config

        quiet = {"distributed": "critical", "tornado.application": "critical"}
        self._stack.enter_context(dask.config.set({"distributed.worker.daemon": False, "logging": quiet}))
        from dask.utils import parse_timedelta

        if (timeout := dask.config.get(TIMEOUT_OPTION, None)) is not None:
            self._first_worker_timeout_s = self._no_workers_timeout_s = float(parse_timedelta(timeout))
        from distributed import Client

        resource = GPU if self._on_gpu else CPU
        kind, workers = self.address.kind, self.address.workers
        cluster = start_cluster(kind, workers, resource, self._folder, self._stack, self._problems)
        try:
            client: Any = Client  # untyped
            self._client = client(cluster or self.address.text, set_as_default=False, timeout=CONNECT_TIMEOUT_S)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            tls = self.address.text.startswith("tls:") and not isinstance(error, OSError)
            keys = "; tell Dask its certificates: distributed.comm.tls in ~/.config/dask" if tls else ""
            raise UserError(
                f"--scheduler {self.address.text}: no scheduler answers ({one_line(error)}){keys}"
            ) from None
        self._client.subscribe_topic(self._topic, self._take_progress)

    def _await_workers(self) -> None:
        timeout = self._first_worker_timeout_s
        deadline = None if timeout is None else time.monotonic() + timeout
        need = GPU if self._on_gpu else CPU
        if self.address.kind not in ("", "local"):
            self._say(f"waiting for the first worker of {self.address.text}")
        while True:
            self._check_workers(self._unchecked_workers())
            if self._refused:
                address, problem = next(iter(self._refused.items()))
                raise UserError(f"--scheduler {self.address.text}: worker {address} {problem}")
            if self._capacity(need):
                return
            if self._problems:
                problem = one_line(self._problems[0])
                raise UserError(f"--scheduler {self.address.text}: a job could not be submitted: {problem}")
            if deadline is not None and time.monotonic() > deadline:
                raise UserError(f"--scheduler {self.address.text}: {self._missing(need)}")
            time.sleep(0.2)

    def _missing(self, need: str) -> str:
        count = len(self._info())
        found = f"its {count} workers offer no {need}" if count else "it has no workers"
        return f"{found}; start some: dask worker {self.address.text} --nthreads 1 --resources {need}=1"

    def close(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Cancel running tasks and disconnect; a cluster that was started for the run is closed."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.cancel([each.future for each in self._tasks.values()], force=True)
            with contextlib.suppress(Exception):
                self._client.close(timeout=2)
            self._client = None
        self._stack.close()

    # --------------------------------------------------------------------------------------------------------- workers

    def _info(self) -> dict[str, Any]:
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1).get("workers", {})
        return workers

    def _unchecked_workers(self) -> dict[str, Any]:
        """Update which workers are present, and return the resources of those with slots that were not checked yet."""
        self._last_poll = time.monotonic()
        present = self._info()
        for address, worker in self._workers.items():
            worker.present = address in present
        known = self._workers.keys() | self._refused.keys()
        resources = {address: info.get("resources") or {} for address, info in present.items() if address not in known}
        return {address: offer for address, offer in resources.items() if offer.get(CPU) or offer.get(GPU)}

    def _check_workers(self, unchecked: dict[str, Any]) -> None:
        """Check workers, and add those with the same software and files as this machine."""
        if not unchecked:
            return
        found: dict[str, Any] = {}
        on_gpu = [address for address, offer in unchecked.items() if offer.get(GPU)]
        with self._token() as token:
            for device, addresses in (
                ("cuda:0" if self._on_gpu else "cpu", on_gpu),
                ("cpu", [each for each in unchecked if each not in on_gpu]),
            ):
                if addresses:
                    arguments = (self._expected, str(self._folder), token, device)
                    check = worker_side.check_worker
                    found |= self._client.run(check, *arguments, workers=addresses, on_error="return")
        for address, facts in found.items():
            if isinstance(facts, OSError):  # it has left
                continue
            if isinstance(facts, BaseException):
                facts = {"problem": f"could not be asked ({one_line(facts)}); install the same genbench there"}
            if facts["problem"]:
                self._refused[address] = facts["problem"]
                continue
            slots = {name: int(number) for name, number in unchecked[address].items()}
            self._workers[address] = CheckedWorker(slots, facts["machine"], facts["cores"], facts["visible"])

    def _check_in_background(self, unchecked: dict[str, Any]) -> None:
        """Check workers that joined during the run in a thread, so that the session is not delayed."""

        def check() -> None:
            before = set(self._refused)
            with contextlib.suppress(Exception):
                self._check_workers(unchecked)
            for address in self._refused.keys() - before:
                self._say(f"worker {address} gets no cells: it {self._refused[address]}")

        self._check_thread = threading.Thread(target=check, daemon=True)
        self._check_thread.start()

    @contextlib.contextmanager
    def _token(self) -> Iterator[str]:
        """Create a file in the run's folder while entered, by which a worker knows that it sees the same folder."""
        path = self._folder / f".seen.{secrets.token_hex(6)}"
        new = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise UserError(f"--out {self._folder}: cannot be written ({error.strerror})") from None
        try:
            yield path.name
        finally:
            path.unlink(missing_ok=True)
            if new:  # a refused run leaves nothing behind
                with contextlib.suppress(OSError):
                    self._folder.rmdir()

    def _present(self, resource: str) -> frozenset[str]:
        workers = list(self._workers.items())
        return frozenset(address for address, each in workers if each.present and each.slots.get(resource))

    def _capacity(self, resource: str) -> int:
        return sum(each.slots.get(resource, 0) for each in list(self._workers.values()) if each.present)

    # ----------------------------------------------------------------------------------------------------------- slots

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score`` task; None where all are taken, or no worker is present."""
        on_gpu = self._on_gpu and (stage == "fit" or not self._capacity(CPU))
        resource = GPU if on_gpu else CPU
        busy = sum(slot.resource == resource for slot in self._busy)
        if busy >= self._capacity(resource) or len(self._busy) >= (self.jobs or len(self._busy) + 1):
            return None
        slot = _RemoteSlot("cuda:0" if on_gpu and stage == "fit" else "cpu", stage, resource=resource)
        self._busy.append(slot)
        return slot

    def give(self, slot: Slot) -> None:
        """Take back a slot, and note the machine of its task and whether other tasks contended for it."""
        assert isinstance(slot, _RemoteSlot)
        self._busy.remove(slot)
        if slot.task is None:
            return
        self._tasks.pop(slot.task.name, None)
        if slot.task.disconnected:
            self._failure = self._scheduler_gone()
        slot.machine = slot.task.machine
        worker = self._workers.get(slot.task.address)
        slot.shared = worker is not None and self._is_contended(worker, slot.resource)

    def _is_contended(self, worker: CheckedWorker, resource: str) -> bool:
        """Return whether a machine has slots for more tasks than cores, or a GPU for more than one."""
        on_gpu = resource == GPU
        neighbours = [
            other for other in list(self._workers.values())
            if other.present and other.machine == worker.machine and (not on_gpu or other.visible == worker.visible)
        ]  # fmt: skip
        limit = max(1, worker.visible.count(",") + 1) if on_gpu else worker.cores
        return sum(other.slots.get(resource, 0) for other in neighbours) > limit

    # ----------------------------------------------------------------------------------------------------------- tasks

    def start(self, task: Task, slot: Slot) -> RemoteTask:
        """Submit a task; raises PluginError where it cannot be pickled."""
        assert isinstance(slot, _RemoteSlot)
        packed = pack(replace(task, run=self._folder))
        name = f"{self._topic}-{secrets.token_hex(6)}"
        running = RemoteTask(task, name, slot.resource, lambda key: self._submit(packed, key, slot.resource))
        slot.task = self._tasks[name] = running
        return running

    def _submit(self, packed: PackedTask, key: str, resource: str) -> tuple[Any, frozenset[str]]:
        present = self._present(resource)
        future = self._client.submit(
            worker_side.do_task, packed, self._files, self._limits, self._topic, key=key, pure=False, retries=0,
            resources={resource: 1}, workers=sorted(present),
        )  # fmt: skip
        return future, present

    def _take_progress(self, event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]
        running = self._tasks.get(message["key"].rpartition(".")[0])
        if running is not None:
            running.progress, running.known = message["progress"], message["known"]

    def failure(self) -> str:
        """Return why no task can run any more; once a second, update which workers are present."""
        if not self._failure and self._client.status != "running":
            self._failure = self._scheduler_gone()
        if self._failure or time.monotonic() - self._last_poll < WORKER_POLL_S:
            return self._failure
        unchecked = self._unchecked_workers()
        if unchecked and (self._check_thread is None or not self._check_thread.is_alive()):
            self._check_in_background(unchecked)
        for each in list(self._tasks.values()):
            each.resubmit_if_stranded(self._present(each.resource))
        if unchecked or any(each.present for each in list(self._workers.values())):
            self._last_worker = time.monotonic()
        elif time.monotonic() - self._last_worker > self._no_workers_timeout_s:
            self._failure = f"{self.address.text} has had no workers for {self._no_workers_timeout_s:.0f} s"
        return self._failure

    def _scheduler_gone(self) -> str:
        return f"the scheduler of {self.address.text} is gone"
