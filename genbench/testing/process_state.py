"""The state of a process that a plugin must leave alone: how to read, compare and restore it."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from genbench.testing.check import Failed
from genbench.training.seeding import seed_generators


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def _restore_environment(before: dict[str, str]) -> None:
    for name in _environment().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _signal_handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}


def _restore_signal_handlers(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


# of this process, which one plugin could change for the next: how each is read and restored
SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "deterministic": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    "floating point errors": (np.geterr, lambda before: np.seterr(**before)),
    "directory": (Path.cwd, os.chdir),
    "environment": (_environment, _restore_environment),
    "signal handlers": (_signal_handlers, _restore_signal_handlers),
    "warning filters": (lambda: len(warnings.filters), lambda _: None),
}


def _settings() -> dict[str, Any]:
    return {name: read() for name, (read, _) in SETTINGS.items()}


@contextmanager
def expect_process_unchanged(what: str) -> Iterator[None]:
    """Raise Failed where the state of the process differs after the block."""
    before = _settings()
    yield
    after = _settings()
    if changed := [name for name in SETTINGS if before[name] != after[name]]:
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
    before, exit_process, own_pid = _settings(), os._exit, os.getpid()

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
        for name, (_, restore) in SETTINGS.items():
            restore(before[name])
