"""The state of a process that a plugin must leave alone: how to read, compare and restore it."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from genbench.testing.check import Failed
from genbench.training.seeding import seed_generators

__all__ = ["ProcessState", "expect_generators_unused", "expect_process_unchanged", "protect_process", "seed_of"]


@dataclass(frozen=True)
class ProcessState:
    """The state of this process that one plugin could change for the next."""

    threads: int
    dtype: torch.dtype
    gradients: bool
    deterministic: bool
    floating_point_errors: dict[str, Any]
    directory: Path
    environment: dict[str, str]
    signal_handlers: dict[int, Any]
    warning_filters: int

    @classmethod
    def read(cls) -> ProcessState:
        """Return the present state."""
        return cls(
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            dict(np.geterr()),
            Path.cwd(),
            {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
            {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)},
            len(warnings.filters),
        )

    def differences(self, other: ProcessState) -> list[str]:
        """Return the names of the fields in which two states differ."""
        return [f.name.replace("_", " ") for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def restore(self) -> None:
        """Set the process back to this state."""
        torch.set_num_threads(self.threads)
        torch.set_default_dtype(self.dtype)
        torch.set_grad_enabled(self.gradients)
        torch.use_deterministic_algorithms(self.deterministic)
        np.seterr(**self.floating_point_errors)
        os.chdir(self.directory)
        for name in set(os.environ) - set(self.environment) - {"PYTEST_CURRENT_TEST"}:
            del os.environ[name]
        os.environ.update(self.environment)
        for number, handler in self.signal_handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)


@contextmanager
def expect_process_unchanged(what: str) -> Iterator[None]:
    """Raise Failed where the state of the process differs after the block."""
    before = ProcessState.read()
    yield
    changed = before.differences(ProcessState.read())
    if changed:
        raise Failed(f"{what} changed the process's {', '.join(changed)}")


@contextmanager
def expect_generators_unused(what: str) -> Iterator[None]:
    """Raise Failed where a global random generator was used or seeded in the block."""
    before = _generators()
    yield
    used = [name for name, state in _generators().items() if state != before[name]]
    if used:
        raise Failed(f"{what} used the random generator of {', '.join(used)}")


def _generators() -> dict[str, Any]:
    numpy: Any = np.random.get_state()  # noqa: NPY002 (the global generator is what is checked)
    return {
        "random": random.getstate(),
        "numpy": (numpy[1].tobytes(), *numpy[2:]),
        "torch": torch.random.get_rng_state().numpy().tobytes(),
    }


def seed_of(seed: int, name: str) -> Any:
    """Return a context in which all global generators are seeded, by a seed and the name of a stream."""
    return seed_generators(np.random.SeedSequence([seed, *name.encode()]))


@contextmanager
def protect_process() -> Iterator[None]:
    """Run a block of a plugin on one thread, as in a cell, then restore the state of the process.

    Raises Failed where the plugin calls ``os._exit`` in this process, which is not allowed to end.
    """
    before, exit_process, own_pid = ProcessState.read(), os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != own_pid:  # a child process of the plugin may end
            exit_process(status)
        raise Failed(f"it ends the process: os._exit({status})")

    torch.set_num_threads(1)
    os._exit = refuse
    try:
        yield
    finally:
        os._exit = exit_process
        before.restore()
