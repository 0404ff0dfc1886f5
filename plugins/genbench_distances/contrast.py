"""E k(X,X') + E k(Y,Y') - 2 E k(X,Y), the form of energy distance and MMD, from sums over pairs of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench_distances.jackknife import Interval, jackknife_square, leave_out

__all__ = ["Contrast"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Contrast:
    """Sums of a kernel over ordered pairs of rows: of two groups (G, G), and of each row with itself, by group (G,).

    The sums within a side include each row with itself.
    """

    between: Array  # (G, G): groups of X along the rows
    real: Array  # (G, G)
    fake: Array  # (G, G)
    real_selves: Array  # (G,)
    fake_selves: Array  # (G,)
    real_sizes: Array  # (G,) rows in each group
    fake_sizes: Array  # (G,)

    def value(self) -> float:
        """Return the unbiased estimate from all rows."""
        n, m = self.real_sizes.sum(), self.fake_sizes.sum()
        sums = self.between.sum(), self.real.sum(), self.fake.sum(), self.real_selves.sum(), self.fake_selves.sum()
        return float(_unbiased(*sums, n, m))

    def interval(self) -> Interval | None:
        """Return the jackknife's interval of the population value."""
        if len(self.real_sizes) == 1:
            return None
        replicates = _unbiased(
            leave_out(self.between),
            leave_out(self.real),
            leave_out(self.fake),
            *(total.sum() - total for total in (self.real_selves, self.fake_selves, self.real_sizes, self.fake_sizes)),
        )
        return jackknife_square(self.value(), replicates, quadratic=self._quadratic())

    def _quadratic(self) -> float:
        """Return the variance of the part that depends on pairs of rows, from pairs of groups.

        It is the variance of what is left of the mean kernel of two groups without the mean of each group.
        """
        n, m = self.real_sizes, self.fake_sizes
        groups = len(n)
        mixed = self.between / np.outer(n, m)
        h = self.real / np.outer(n, n) + self.fake / np.outer(m, m) - mixed - mixed.T
        np.fill_diagonal(h, 0.0)
        mean = h.sum() / (groups * (groups - 1))
        rows = (h.sum(1) - (groups - 1) * mean) / (groups - 2)
        h -= mean + rows[:, None] + rows
        np.fill_diagonal(h, 0.0)
        return float((h**2).sum()) / (groups * (groups - 3)) * 2 / groups**2


def _unbiased(between: Any, real: Any, fake: Any, real_selves: Any, fake_selves: Any, n: Any, m: Any) -> Any:
    return (real - real_selves) / (n * (n - 1)) + (fake - fake_selves) / (m * (m - 1)) - 2 * between / (n * m)
