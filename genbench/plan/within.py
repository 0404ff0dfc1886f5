"""Fit a plan to a time: halve the budgets of training, then leave out seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from genbench.plan.plan import Plan
from genbench.text import duration

SENSIBLE_HALVINGS = 2  # a quarter of a recipe still shows what a model is good at
MAX_HALVINGS = 5  # where two seeds of a quarter take too long
MIN_SEEDS = 2  # below which no difference can be tested
MARGIN = 0.85  # of the time that a plan may be estimated to take


@dataclass(frozen=True)
class Reduction:
    """How a plan was made smaller: its budgets halved ``halvings`` times, and its first ``seeds`` seeds."""

    halvings: int
    seeds: int

    def describe(self, all_seeds: int) -> str:
        """Return it in words, given the number of seeds without it; empty where nothing is reduced."""
        parts = [f"1/{2**self.halvings} of each budget"] if self.halvings else []
        return " and ".join(parts + ([f"{self.seeds} of {all_seeds} seeds"] if self.seeds < all_seeds else []))


@dataclass(frozen=True)
class Fit:
    """A reduction and the seconds that it is estimated to take, of ``limit_s``; ``whole_s`` without it."""

    reduction: Reduction
    seconds: float
    whole_s: float
    limit_s: float
    all_seeds: int

    def describe(self) -> str:
        """Return in one line what was done to fit the time, or by how much the smallest plan exceeds it."""
        reduced, about = self.reduction.describe(self.all_seeds), duration(self.seconds)
        if self.seconds > self.limit_s:
            smallest = f"the smallest plan, {reduced}, takes" if reduced else "the plan cannot be reduced and takes"
            more = duration(self.seconds - self.limit_s)
            return f"not possible: {smallest} about {about}, {more} too long; name fewer models or datasets"
        if not reduced:
            return f"the whole plan takes about {about}"
        return f"{reduced}, about {about}; the whole plan takes about {duration(self.whole_s)}"


def reductions(seeds: int) -> Iterator[Reduction]:
    """Yield how a plan of so many seeds may be reduced, the first that fits being the one to take.

    Budgets are halved first, down to a quarter; then seeds are left out, down to two, with as much of the budgets as
    fits. Where that is not enough, budgets are halved further.
    """
    fewest = min(MIN_SEEDS, seeds)
    for count in range(seeds, fewest - 1, -1):
        yield from (Reduction(halvings, count) for halvings in range(SENSIBLE_HALVINGS + 1))
    yield from (Reduction(halvings, fewest) for halvings in range(SENSIBLE_HALVINGS + 1, MAX_HALVINGS + 1))


def fit(plan_of: Callable[[int], Plan], jobs: int, limit_s: float) -> Fit:
    """Return the first reduction of a plan that takes at most ``limit_s`` seconds, else the smallest one.

    ``plan_of`` returns the plan, with all its seeds, after a number of halvings; ``jobs`` cells run at a time.
    """
    times: dict[int, list[float]] = {}

    def seconds(reduction: Reduction) -> float:
        if reduction.halvings not in times:
            times[reduction.halvings] = seconds_by_seeds(plan_of(reduction.halvings), jobs)
        return times[reduction.halvings][reduction.seeds - 1]

    all_seeds = len(plan_of(0).request["seeds"])
    whole_s = seconds(Reduction(0, all_seeds))
    for reduction in reductions(all_seeds):
        found = Fit(reduction, seconds(reduction), whole_s, limit_s, all_seeds)
        if found.seconds <= MARGIN * limit_s:
            return found
    return found


def seconds_by_seeds(plan: Plan, jobs: int) -> list[float]:
    """Return the seconds that a plan takes with its first seed, its first two, and so on."""
    costs: dict[int, list[float]] = {seed: [] for seed in plan.request["seeds"]}
    for cell in plan.cells:
        costs[cell.seed].append(plan.seconds_of(cell))
    sums = accumulate(sum(each) for each in costs.values())
    longest = accumulate((max(each, default=0.0) for each in costs.values()), max)
    return [plan.elapsed(total, most, jobs) for total, most in zip(sums, longest, strict=True)]
