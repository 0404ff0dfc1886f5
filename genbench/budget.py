"""The length of a training (``2000steps``, ``60s``, ``20epochs``) and the sizes of the splits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from genbench.errors import UserError

__all__ = ["SPLIT_FRACTIONS", "Budget", "RecipeShare", "Sizes"]

MAX_AMOUNT = 1e12  # a larger one is a typing error
SPLIT_FRACTIONS = (0.70, 0.15, 0.15)  # train, test and reference, of data with fewer rows than were requested
PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(steps?|epochs?|s|sec|seconds?|min|minutes?|h|hours?)?")
SHARE_PATTERN = re.compile(r"recipe x ([0-9.e+-]+), at most (\d+)steps")


@dataclass(frozen=True)
class Budget:
    """How long a model may train: ``amount`` in ``unit``, which is ``steps``, ``epochs`` or ``s``."""

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read ``2000steps``, ``60s``, ``2min``, ``1h`` or ``20epochs``; raises UserError."""
        match = PATTERN.fullmatch(text.strip().lower())
        if match is None or match[2] is None or not 0 < float(match[1]) < math.inf:
            raise UserError(f"--budget {text}: expected a positive number and a unit, as 2000steps, 60s or 20epochs")
        amount, unit = float(match[1]), match[2]
        if amount > MAX_AMOUNT:
            raise UserError(f"--budget {text}: at most {MAX_AMOUNT:g} is allowed")
        if unit.startswith(("m", "h")):
            amount, unit = amount * (60 if unit.startswith("m") else 3600), "s"
        unit = "steps" if unit.startswith("st") else "epochs" if unit.startswith("e") else "s"
        if unit != "s" and amount != int(amount):
            raise UserError(f"--budget {text}: {unit} are whole numbers")
        return cls(amount, unit)

    def steps(self, per_epoch: int) -> int:
        """Return the number of steps, given those ``per_epoch``; raises ValueError for a budget in seconds."""
        if self.unit == "s":
            raise ValueError("a budget in seconds has no number of steps")
        return math.ceil(self.amount * (per_epoch if self.unit == "epochs" else 1))

    def __str__(self) -> str:
        whole = self.amount == int(self.amount)
        # without an exponent, which ``parse`` does not read: never 1e+06
        return f"{int(self.amount) if whole else format(Decimal(repr(self.amount)), 'f')}{self.unit}"


@dataclass(frozen=True)
class RecipeShare:
    """The budget of a recipe whose steps depend on the data: ``factor`` times its steps, and at most ``cap``."""

    factor: float
    cap: int

    @classmethod
    def parse(cls, text: str) -> RecipeShare | None:
        """Read what ``str`` returns; None for any other text, such as a budget of a number of steps."""
        match = SHARE_PATTERN.fullmatch(text)
        return None if match is None else cls(float(match[1]), int(match[2]))

    def steps(self, recipe: int) -> int:
        """Return the number of steps for a recipe of ``recipe`` steps, at least 1."""
        return max(1, min(self.cap, round(self.factor * recipe)))

    def __str__(self) -> str:
        return f"recipe x {self.factor!r}, at most {self.cap}steps"


@dataclass(frozen=True)
class Sizes:
    """How many rows of each split a dataset shall return; one with fewer rows splits them 70 : 15 : 15."""

    train: int = 10_000
    test: int = 10_000
    reference: int = 10_000

    def train_of(self, rows: int | None) -> int:
        """Return how many of ``rows`` rows, None for any number, are trained on, before copies are kept together."""
        if rows is None or self.train + self.test + self.reference <= rows:
            return self.train
        return min(self.train, int(SPLIT_FRACTIONS[0] * rows))

    def test_of(self, rows: int | None) -> int:
        """Return how many of ``rows`` rows, None for any number, are held out for the scores, about."""
        if rows is None or self.train + self.test + self.reference <= rows:
            return self.test
        return min(self.test, int(SPLIT_FRACTIONS[1] * rows))
