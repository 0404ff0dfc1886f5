"""The shift between the values of two sides, and its one-sided tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy import special

from genbench.protocol import Array


@dataclass(frozen=True)
class Shift:
    """The mean difference of two sides, its standard error, and the degrees of freedom of Student's t."""

    mean: float
    error: float
    degrees: float

    @property
    def is_exact(self) -> bool:
        """Whether there is no spread beyond rounding."""
        return self.error <= 1e-12 * abs(self.mean)

    def p_values(self, chance: float = 0.0) -> tuple[float, float]:
        """Return the one-sided p-values of a shift up and down.

        Where nothing varies, that of its own direction is ``chance`` and the other 1.
        """
        if self.is_exact:
            return (chance if self.mean > 0.0 else 1.0), (chance if self.mean < 0.0 else 1.0)
        t = self.mean / self.error
        return float(special.stdtr(self.degrees, -t)), float(special.stdtr(self.degrees, t))

    def half_width(self, alpha: float) -> float:
        """Return the distance from the mean to its one-sided bound of level ``alpha``."""
        return -self.error * float(special.stdtrit(self.degrees, alpha))


def paired_shift(differences: Array) -> Shift:
    """Return the shift of pairs from their differences (n,)."""
    n = len(differences)
    return Shift(float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n), n - 1.0)


def welch_shift(x: Array, y: Array) -> Shift:
    """Return the shift from values x (n,) to y (m,), with Welch's degrees of freedom (1947)."""
    one, other = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    terms = one**2 / (len(x) - 1) + other**2 / (len(y) - 1)
    degrees = (one + other) ** 2 / terms if terms else 1.0
    return Shift(float(y.mean() - x.mean()), math.sqrt(one + other), degrees)


def one_sided_p_values(test: Callable[..., Any], *samples: Any) -> tuple[float, float]:
    """Return the p-values of a test of scipy with the alternatives ``greater`` and ``less``."""
    greater, less = (float(test(*samples, alternative=side).pvalue) for side in ("greater", "less"))
    return greater, less
