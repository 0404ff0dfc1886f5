"""Ratios of processor times of one thread: two ways to compute the same thing take turns in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from threadpoolctl import threadpool_limits

__all__ = ["Comparison", "Ratio", "cpu", "one_thread", "ratio_of", "seconds_of"]

ROUNDS = 5
Timed = Callable[[], float]  # does the work once, and returns its processor seconds


@dataclass(frozen=True)
class Comparison:
    """What genbench computes, beside the tightest alternative; ``prepare`` returns both as timed functions.

    ``goal`` is the ratio of the times that is aimed at, and ``least`` the one below which the tests fail: in both, the
    time of the alternative is divided by that of genbench, so that 2 is twice as fast. ``prepare`` raises ImportError
    where the alternative is not installed. One that takes seconds takes part in one round, and genbench in three.
    """

    what: str
    against: str
    goal: float
    least: float
    prepare: Callable[[], tuple[Timed, Timed]]
    slow: bool = False


@dataclass(frozen=True)
class Ratio:
    """Time of an alternative over that of genbench: of the least times, and of the medians; and both least times."""

    least: float
    median: float
    ours_s: float
    other_s: float

    @property
    def best(self) -> float:
        """The larger of both: what other programs on the machine do to one of them, they rarely do to both."""
        return max(self.least, self.median)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and the libraries of linear algebra compute with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def cpu(function: Callable[[], Any]) -> float:
    """Return the processor seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def seconds_of(function: Callable[[], Any]) -> Timed:
    """Return a function that does the work once, and returns its processor seconds."""
    return lambda: cpu(function)


def ratio_of(comparison: Comparison, rounds: int = ROUNDS) -> Ratio:
    """Return how many times faster genbench is; both ways take turns, and who begins changes from round to round."""
    ours, other = comparison.prepare()
    mine: list[float] = []
    theirs: list[float] = []
    for k in range(min(rounds, 3) if comparison.slow else rounds):
        pairs = [(ours, mine)] if comparison.slow and k else [(ours, mine), (other, theirs)]
        for timed, times in pairs[:: 1 - 2 * (k % 2)]:
            times.append(timed())
    return Ratio(min(theirs) / min(mine), statistics.median(theirs) / statistics.median(mine), min(mine), min(theirs))
