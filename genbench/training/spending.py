"""How much of a training budget is spent, of the whole of it and of the stage that is entered."""

from __future__ import annotations

import math
import time
from fractions import Fraction

from genbench.budget import Budget
from genbench.errors import UserError

MAX_DENOMINATOR = 10**6  # of a stage's share, so that .1 is a tenth and three thirds are a whole


class Spending:
    """The steps and the seconds that a training has spent of its budget.

    An epoch is as many steps as the loop that is running has batches in one. A stage has a share of the whole budget:
    its end is where the stages up to it end by their shares, so that what one leaves unused is there for the next.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.steps = 0
        self.start = time.perf_counter()
        self.in_stage = False
        self._per_epoch: int | None = None  # steps, of a budget in epochs
        self._total = Fraction(int(budget.amount)) if budget.unit == "steps" else None  # steps of the whole budget
        self._origin = Fraction(0)  # the step at which the budget would begin at the present batches in an epoch
        self._shares = self._planned = Fraction(0)  # the shares of all stages so far, and where the last one ends
        self._left_at = 0  # the step at which a stage was left
        self._spend(Fraction(0), Fraction(1))

    @property
    def elapsed(self) -> float:
        """Seconds since training began, less those of pauses."""
        return time.perf_counter() - self.start

    def pause(self, seconds: float) -> None:
        """Take as many seconds off the clock."""
        self.start += seconds

    @property
    def limit(self) -> int | None:
        """The number of steps of the whole budget; None for seconds, and for epochs before the first loop."""
        return None if self._total is None else math.ceil(self._origin + self._total)

    @property
    def progress(self) -> float:
        """Fraction of the stage, or else of the whole budget, that is spent, 0 to 1."""
        if self.budget.unit != "s":
            spent: float = self.steps - self._first
        else:
            spent = self.elapsed - self._first
        return min(1.0, max(0.0, spent / self._length)) if self._length > 0 else float(self.is_over)

    @property
    def share(self) -> float:
        """Fraction of the whole budget that is spent, 0 to 1."""
        return min(1.0, float(self._spent())) if self.in_stage else self.progress

    @property
    def is_over(self) -> bool:
        """Whether the stage, or else the whole budget, is spent."""
        if self._last is not None:
            return self.steps >= self._last
        return self.budget.unit == "s" and self.elapsed >= self._first + self._length

    def begin_loop(self, per_epoch: int | None) -> None:
        """Count epochs of ``per_epoch`` steps from here, or as before where that is None.

        Raises UserError for a budget in epochs whose steps are not known.
        """
        if self.budget.unit != "epochs":
            return
        per_epoch = self._per_epoch if per_epoch is None else per_epoch
        if per_epoch is None:
            raise UserError(
                f"--budget {self.budget}: this model's loop counts steps, not epochs; give a budget in steps or seconds"
            )
        if per_epoch == self._per_epoch:
            return
        spent = self._spent()
        self._per_epoch, self._total = per_epoch, Fraction(int(self.budget.amount) * per_epoch)
        self._origin = self.steps - spent * self._total
        self._spend(*self._span)

    def enter_stage(self, share: float) -> None:
        """Begin a stage with a share of the whole budget, in (0, 1].

        Raises RuntimeError within another stage, and ValueError for another share, or where shares sum to more than 1.
        """
        if self.in_stage:
            raise RuntimeError("run.stage within another stage: end that stage first, stages follow each other")
        if not 0 < share <= 1:
            raise ValueError(f"run.stage({share}): expected a share of the whole budget, in (0, 1]")
        exact = Fraction(share).limit_denominator(MAX_DENOMINATOR)
        if self._shares + exact > 1 + Fraction(1, MAX_DENOMINATOR):
            left = float(1 - self._shares)
            raise ValueError(f"run.stage({share}): all stages may have 1 in sum, and {left:.4g} of the budget is left")
        begin, end = self._spent(), self._planned + exact
        if self.steps > self._left_at:  # what was trained outside of stages is no part of this one
            end = max(end, begin + exact)
        self._shares, self._planned, self.in_stage = self._shares + exact, min(end, Fraction(1)), True
        self._spend(min(begin, Fraction(1)), self._planned)

    def leave_stage(self) -> None:
        """End the stage; the rest of the budget is there for what follows."""
        self.in_stage, self._left_at = False, self.steps
        self._spend(Fraction(0), Fraction(1))

    def _spent(self) -> Fraction:
        """Return the share of the whole budget that is spent."""
        if self.budget.unit == "s":
            return Fraction(self.elapsed) / Fraction(self.budget.amount)
        return Fraction(0) if self._total is None else (self.steps - self._origin) / self._total

    def _spend(self, begin: Fraction, end: Fraction) -> None:
        """Let progress go from the share ``begin`` of the budget to ``end``, where the loop ends."""
        self._span = begin, end
        total = Fraction(self.budget.amount) if self.budget.unit == "s" else self._total
        self._last: int | None = None
        self._first, self._length = 0.0, math.inf
        if total is not None:
            self._first = _number(self._origin + begin * total)
            self._length = _number((end - begin) * total)
        if self._total is not None:
            self._last = math.ceil(self._origin + end * self._total)


def _number(value: Fraction) -> float:
    """Return a fraction as an integer where it is one, so that steps divided by steps are rounded once."""
    return value.numerator if value.denominator == 1 else float(value)
