"""The state of a process that a plugin must leave alone: seen, compared, put back."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

from genbench.testing.check import Failed
from genbench.training.seeding import seed_generators

__all__ = ["Surroundings", "generators_untouched", "seed_of", "untouched"]


@dataclass(frozen=True)
class Surroundings:
    """What one plugin can spoil for the next."""

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
    def now(cls) -> Surroundings:
        """Return how things are."""
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

    def one_thread(self) -> None:
        """Compute with one thread, as a cell does."""
        torch.set_num_threads(1)

    def differences(self, other: Surroundings) -> list[str]:
        """Return the names of what is not as it was."""
        return [f.name.replace("_", " ") for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def restore(self) -> None:
        """Put everything back."""
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
def untouched(what: str) -> Iterator[None]:
    """Raise Failed where something in the surroundings is not as it was before."""
    before = Surroundings.now()
    yield
    changed = before.differences(Surroundings.now())
    if changed:
        raise Failed(f"{what} changed the process's {', '.join(changed)}")


@contextmanager
def generators_untouched(what: str) -> Iterator[None]:
    """Raise Failed where a global random generator was drawn from, or seed_generators."""
    before = _generators()
    yield
    used = [name for name, state in _generators().items() if state != before[name]]
    if used:
        raise Failed(f"{what} used the random generator of {', '.join(used)}")


def _generators() -> dict[str, Any]:
    numpy: Any = np.random.get_state()  # noqa: NPY002 (the global one is the one in question)
    return {
        "random": random.getstate(),
        "numpy": (numpy[1].tobytes(), *numpy[2:]),
        "torch": torch.random.get_rng_state().numpy().tobytes(),
    }


def seed_of(seed: int, name: str) -> Any:
    """Return the context in which all global generators are seed_generators, for a stream of a seed."""
    return seed_generators(np.random.SeedSequence([seed, *name.encode()]))


class quiet:  # noqa: N801 (a context manager, as contextlib names them)
    """One thread inside, as in a cell; whatever a plugin changes of the process is put back, and it cannot end it."""

    def __enter__(self) -> None:
        from genbench.testing.surroundings import Surroundings

        self.before = Surroundings.now()
        self.before.one_thread()
        self.leave = os._exit
        os._exit = self._stay(os.getpid())  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        os._exit = self.leave
        self.before.restore()

    def _stay(self, here: int) -> Callable[[int], NoReturn]:
        def exits(status: int) -> NoReturn:
            if os.getpid() != here:  # a child of the plugin's own
                self.leave(status)
            raise Failed(f"it ends the process: os._exit({status})")

        return exits
