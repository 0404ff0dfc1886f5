"""One check of the conformance kit: what it asks, of which kind of plugin, and how it fails or is skipped."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from genbench.registry.registry import Entry, resolve

__all__ = ["HOMES", "Check", "Failed", "Skipped", "Subject", "check", "checks_for", "expect"]

HOMES = {  # where the checks of a kind stand
    "model": ("declarations", "models", "learning", "densities"),
    "dataset": ("declarations", "datasets"),
    "metric": ("declarations", "metrics"),
    "space": ("declarations", "spaces"),
}
CHECKS: dict[str, Check] = {}


class Failed(AssertionError):
    """The contract is broken: what was seen, and what was expected."""


class Skipped(Exception):
    """The check does not apply; says why."""


def expect(holds: Any, otherwise: str) -> None:
    """Raise Failed with ``otherwise`` unless ``holds``."""
    if not holds:
        raise Failed(otherwise)


@dataclass(frozen=True)
class Subject:
    """One plugin's spec under test, with the config it is tested with; ``files`` are those given by ``--plugin``."""

    entry: Entry
    config: Any = None
    files: tuple[Path, ...] = ()
    kept: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)  # what several checks share

    @property
    def spec(self) -> Any:
        """What it declares."""
        return self.entry.spec

    @cached_property
    def target(self) -> Any:
        """The class or function that the spec names."""
        return resolve(self.entry)

    def build(self) -> Any:
        """Return a new object from the config."""
        return self.target() if self.config is None else self.target(self.config)

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return ``compute()``, remembered for all checks of this subject."""
        if key not in self.kept:
            self.kept[key] = compute()
        return self.kept[key]


@dataclass(frozen=True)
class Check:
    """A part of the contract: what it asks (``summary``), what to do where it fails (``remedy``), and the test."""

    name: str
    kinds: tuple[str, ...]
    summary: str
    remedy: str
    function: Callable[[Subject], None] = field(repr=False)

    def __call__(self, subject: Subject) -> None:
        """Return where the subject keeps this part of the contract; raises Failed or Skipped."""
        self.function(subject)


def check(*kinds: str, remedy: str) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Publish a function as a check of these kinds: its name is the check's, its docstring what is asked."""

    def publish(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        summary = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        CHECKS[f"{function.__module__}.{function.__name__}"] = Check(
            function.__name__, kinds, summary, remedy, function
        )
        return function

    return publish


def checks_for(kind: str) -> list[Check]:
    """Return the checks of models, datasets, metrics or spaces, in the order in which they are run."""
    for module in HOMES[kind]:
        importlib.import_module(f"genbench.testing.checks.{module}")
    order = {f"genbench.testing.checks.{module}": i for i, module in enumerate(HOMES[kind])}
    found = [each for each in CHECKS.values() if kind in each.kinds]
    return sorted(found, key=lambda each: order[each.function.__module__])
