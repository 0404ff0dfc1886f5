"""The workers of a Dask scheduler as slots of a session; ``distributed`` is imported when it is used.

Dask places the tasks and runs those of a lost worker again; the session hands it no more than there are slots for, so
that floors come first and a lost worker loses one cell. All workers must see the run's folder. Only the session writes
records.
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

__all__ = ["DaskExecutor", "Peer"]

CPU, GPU = "CELL", "GPU"  # resources that workers offer
FIRST = 10.0  # seconds for a first worker of a scheduler that is there
AGAIN = 60.0  # seconds without any worker after which a run is given up
LOOK = 1.0  # seconds between two looks at who is there
SETTING = "distributed.scheduler.no-workers-timeout"  # of Dask: takes the place of both waits


# ---------------------------------------------------------------------------------------------------------- the cluster


@dataclass
class Peer:
    """A worker that passed the check: what it offers, and what it is on."""

    slots: dict[str, int]
    machine: str
    cores: int
    visible: str  # its GPUs
    here: bool = True


@dataclass(eq=False)
class _Place(Slot):
    resource: str = CPU
    taken_by: RemoteTask | None = field(default=None, repr=False)


class DaskExecutor:
    """An executor: at most ``jobs`` tasks at a time, by default as many as the checked workers have slots.

    ``device`` of the plan's cells says what training asks of a worker, ``CELL`` or ``GPU``; scoring asks for a ``CELL``
    where there is any. ``say`` is given lines that the user should read.
    """

    def __init__(
        self,
        place: SchedulerAddress,
        plan: Plan,
        directory: Path,
        *,
        limits: Limits | None = None,
        jobs: int | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.place = place
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
        self._patience = (FIRST if not place.kind else None), AGAIN
        self._peers: dict[str, Peer] = {}
        self._refused: dict[str, str] = {}
        self._busy: list[_Place] = []
        self._remotes: dict[str, RemoteTask] = {}
        self._admitting: threading.Thread | None = None
        self._looked = 0.0
        self._last_seen = time.monotonic()
        self._broken = ""

    # --------------------------------------------------------------------------------------------------- begin and end

    def open(self, cells: Iterable[Cell]) -> None:  # noqa: ARG002
        """Connect, and wait for a first worker that passes the check; raises UserError where any does not."""
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

        if (given := dask.config.get(SETTING, None)) is not None:
            self._patience = (float(parse_timedelta(given)),) * 2
        from distributed import Client

        resource = GPU if self._on_gpu else CPU
        where = start_cluster(self.place.kind, self.place.workers, resource, self._folder, self._stack, self._problems)
        try:
            client: Any = Client  # untyped
            self._client = client(where or self.place.text, set_as_default=False, timeout=FIRST)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            tls = self.place.text.startswith("tls:") and not isinstance(error, OSError)
            keys = "; tell Dask its certificates: distributed.comm.tls in ~/.config/dask" if tls else ""
            raise UserError(f"--scheduler {self.place.text}: no scheduler answers ({one_line(error)}){keys}") from None
        self._client.subscribe_topic(self._topic, self._hear)

    def _await_workers(self) -> None:
        until = None if self._patience[0] is None else time.monotonic() + self._patience[0]
        need = GPU if self._on_gpu else CPU
        if self.place.kind not in ("", "local"):
            self._say(f"waiting for the first worker of {self.place.text}")
        while True:
            self._admit(self._strangers())
            if self._refused:
                address, problem = next(iter(self._refused.items()))
                raise UserError(f"--scheduler {self.place.text}: worker {address} {problem}")
            if self._capacity(need):
                return
            if self._problems:
                told = one_line(self._problems[0])
                raise UserError(f"--scheduler {self.place.text}: a job could not be submitted: {told}")
            if until is not None and time.monotonic() > until:
                raise UserError(f"--scheduler {self.place.text}: {self._lacking(need)}")
            time.sleep(0.2)

    def _lacking(self, need: str) -> str:
        there = len(self._info())
        found = f"its {there} workers offer no {need}" if there else "it has no workers"
        return f"{found}; start some: dask worker {self.place.text} --nthreads 1 --resources {need}=1"

    def close(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """Have what is still running ended, and leave; a cluster that was started here is ended, too."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.cancel([each.future for each in self._remotes.values()], force=True)
            with contextlib.suppress(Exception):
                self._client.close(timeout=2)
            self._client = None
        self._stack.close()

    # ---------------------------------------------------------------------------------------------------- who is there

    def _info(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.scheduler_info(n_workers=-1).get("workers", {})
        return found

    def _strangers(self) -> dict[str, Any]:
        """Look who is there, and return the workers that offer slots and were not checked yet."""
        self._looked = time.monotonic()
        there = self._info()
        for address, peer in self._peers.items():
            peer.here = address in there
        known = self._peers.keys() | self._refused.keys()
        offers = {address: worker.get("resources") or {} for address, worker in there.items() if address not in known}
        return {address: given for address, given in offers.items() if given.get(CPU) or given.get(GPU)}

    def _admit(self, strangers: dict[str, Any]) -> None:
        """Check workers, and count those in that are equal to this machine."""
        if not strangers:
            return
        found: dict[str, Any] = {}
        on_gpu = [address for address, given in strangers.items() if given.get(GPU)]
        with self._token() as token:
            for device, who in (
                ("cuda:0" if self._on_gpu else "cpu", on_gpu),
                ("cpu", [each for each in strangers if each not in on_gpu]),
            ):
                arguments = (self._expected, str(self._folder), token, device)
                found |= (
                    self._client.run(worker_side.look_at, *arguments, workers=who, on_error="return") if who else {}
                )
        for address, facts in found.items():
            if isinstance(facts, OSError):  # it is gone again
                continue
            if isinstance(facts, BaseException):
                facts = {"problem": f"could not be asked ({one_line(facts)}); install the same genbench there"}
            if facts["problem"]:
                self._refused[address] = facts["problem"]
                continue
            slots = {name: int(number) for name, number in strangers[address].items()}
            self._peers[address] = Peer(slots, facts["machine"], facts["cores"], facts["visible"])

    def _admit_later(self, strangers: dict[str, Any]) -> None:
        """Check those that joined late: beside the session, which has cells to attend to."""

        def admit() -> None:
            before = set(self._refused)
            with contextlib.suppress(Exception):
                self._admit(strangers)
            for address in self._refused.keys() - before:
                self._say(f"worker {address} gets no cells: it {self._refused[address]}")

        self._admitting = threading.Thread(target=admit, daemon=True)
        self._admitting.start()

    @contextlib.contextmanager
    def _token(self) -> Iterator[str]:
        """Leave a file in the run's folder, by which a worker knows that it sees the same one."""
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
            if new:  # a run that is refused leaves nothing
                with contextlib.suppress(OSError):
                    self._folder.rmdir()

    def _here(self, resource: str) -> frozenset[str]:
        return frozenset(name for name, peer in list(self._peers.items()) if peer.here and peer.slots.get(resource))

    def _capacity(self, resource: str) -> int:
        return sum(peer.slots.get(resource, 0) for peer in list(self._peers.values()) if peer.here)

    # ------------------------------------------------------------------------------------------------------- the places

    def take(self, stage: str) -> Slot | None:
        """Return a place for a ``fit`` or a ``score``; None where all are taken, or nobody is there."""
        on_gpu = self._on_gpu and (stage == "fit" or not self._capacity(CPU))
        resource = GPU if on_gpu else CPU
        busy = sum(place.resource == resource for place in self._busy)
        if busy >= self._capacity(resource) or len(self._busy) >= (self.jobs or len(self._busy) + 1):
            return None
        place = _Place("cuda:0" if on_gpu and stage == "fit" else "cpu", stage, resource=resource)
        self._busy.append(place)
        return place

    def give(self, slot: Slot) -> None:
        """Take a place back, with what is known now of where it was."""
        assert isinstance(slot, _Place)
        self._busy.remove(slot)
        running = slot.taken_by
        if running is None:
            return
        self._remotes.pop(running.name, None)
        if running.cut_off:
            self._broken = self._gone()
        slot.machine = running.machine
        peer = self._peers.get(running.address)
        slot.shared = peer is not None and self._crowded(peer, slot.resource)

    def _crowded(self, peer: Peer, resource: str) -> bool:
        """Whether the workers of one machine may run more cells at once than it has cores, or of one GPU several."""
        on_gpu = resource == GPU
        beside = [
            other for other in list(self._peers.values())
            if other.here and other.machine == peer.machine and (not on_gpu or other.visible == peer.visible)
        ]  # fmt: skip
        most = max(1, peer.visible.count(",") + 1) if on_gpu else peer.cores
        return sum(other.slots.get(resource, 0) for other in beside) > most

    # -------------------------------------------------------------------------------------------------------- the tasks

    def start(self, task: Task, slot: Slot) -> RemoteTask:
        """Hand a task over."""
        assert isinstance(slot, _Place)
        packed = pack(replace(task, run=self._folder))
        name = f"{self._topic}-{secrets.token_hex(6)}"
        running = RemoteTask(task, name, slot.resource, lambda key: self._submit(packed, key, slot.resource))
        slot.taken_by = self._remotes[name] = running
        return running

    def _submit(self, packed: PackedTask, key: str, resource: str) -> tuple[Any, frozenset[str]]:
        here = self._here(resource)
        future = self._client.submit(
            worker_side.do_task, packed, self._files, self._limits, self._topic, key=key, pure=False, retries=0,
            resources={resource: 1}, workers=sorted(here),
        )  # fmt: skip
        return future, here

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        said = event[1]
        running = self._remotes.get(said["key"].rpartition(".")[0])
        if running is not None:
            running.progress, running.known = said["progress"], said["known"]

    def release(self, cell: Cell) -> None:
        """Do nothing: workers keep nothing between tasks."""

    def gone(self) -> str:
        """Return why no task can run any more; look now and then who is there."""
        if not self._broken and self._client.status != "running":
            self._broken = self._gone()
        if self._broken or time.monotonic() - self._looked < LOOK:
            return self._broken
        strangers = self._strangers()
        if strangers and (self._admitting is None or not self._admitting.is_alive()):
            self._admit_later(strangers)
        for each in list(self._remotes.values()):
            each.hand_over_unless(self._here(each.resource))
        if strangers or any(peer.here for peer in list(self._peers.values())):
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > self._patience[1]:
            self._broken = f"{self.place.text} has had no workers for {self._patience[1]:.0f} s"
        return self._broken

    def _gone(self) -> str:
        return f"the scheduler of {self.place.text} is gone"
