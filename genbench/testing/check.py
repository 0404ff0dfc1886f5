"""The checks of the conformance kit, their registry by kind of plugin, and the subject that they test."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from genbench.registry.registry import Entry, resolve

T = TypeVar("T")
CHECK_MODULES = {  # of each kind of plugin, in the order in which they are run
    "model": ("declarations", "models", "learning", "densities", "conditions", "tasks"),
    "dataset": ("declarations", "datasets"),
    "metric": ("declarations", "metrics"),
    "space": ("declarations", "spaces"),
    "suite": ("declarations", "suites"),
}
CHECKS: dict[str, Check] = {}


class Failed(AssertionError):
    """A check found the contract broken; the message says what was found and what was expected."""


class Skipped(Exception):
    """A check does not apply; the message says why."""


def expect(condition: Any, message: str) -> None:
    """Raise Failed with the message unless the condition holds."""
    if not condition:
        raise Failed(message)


@dataclass(frozen=True)
class Subject:
    """The spec of a plugin under test, with the config to test; ``files`` are those given by ``--plugin``.

    ``fast`` asks for shorter trainings and fewer kinds of data, so that a small model takes seconds.
    """

    entry: Entry
    config: Any = None
    files: tuple[Path, ...] = ()
    fast: bool = False
    cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # results that checks share

    @property
    def spec(self) -> Any:
        """The spec that the plugin declares."""
        return self.entry.spec

    @cached_property
    def target(self) -> Any:
        """The class or function that the spec names."""
        return resolve(self.entry)

    def build(self) -> Any:
        """Return a new object of the plugin, built from the config."""
        return self.target() if self.config is None else self.target(self.config)

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """Return ``compute()``, computed once for all checks of this subject."""
        if key not in self.cache:
            self.cache[key] = compute()
        return self.cache[key]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Check:
    """One part of the contract: what it asks (``summary``), how to mend a failure (``remedy``), and the test."""

    name: str
    kinds: tuple[str, ...]
    summary: str
    remedy: str
    function: Callable[[Subject], None] = field(repr=False)

    def __call__(self, subject: Subject) -> None:
        """Run the test on a subject; raises Failed or Skipped."""
        self.function(subject)


def check(*kinds: str, remedy: str) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Register a function as a check of these kinds of plugins, under its name, with its docstring as the summary."""

    def register(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        summary = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        CHECKS[f"{function.__module__}.{function.__name__}"] = Check(
            function.__name__, kinds, summary, remedy, function
        )
        return function

    return register


def checks_for(kind: str) -> list[Check]:
    """Return the checks of a kind (model, dataset, metric, space or suite), in the order in which they are run."""
    modules = [importlib.import_module(f"genbench.testing.checks.{name}").__name__ for name in CHECK_MODULES[kind]]
    found = [each for each in CHECKS.values() if kind in each.kinds]
    return sorted(found, key=lambda each: modules.index(each.function.__module__))
