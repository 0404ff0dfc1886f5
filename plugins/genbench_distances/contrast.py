"""E k(X,X') + E k(Y,Y') - 2 E k(X,Y), the form of energy distance and MMD, from sums over pairs of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench_distances.jackknife import Interval, jackknife_square, leave_out

__all__ = ["Contrast"]

Array = npt.NDArray[Any]
PERMUTATIONS = 999  # for a p-value
MIN_MERGED_GROUPS = 3  # of the smaller side


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

    def p_value(self, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> float | None:
        """Return the one-sided p-value of equal distributions, by exchanging whole groups between the sides, or None.

        It is exact where all groups have the same size. Groups of the side with fewer rows are merged until they are as
        large as those of the other. What is left of the difference is allowed for: under equal distributions the spread
        of the statistic of n and m rows grows with 1/n + 1/m (Gretton et al. 2012, JMLR 13), by which it is divided.
        The smallest p-value is 1 / (1 + permutations). None of fewer than 5 groups a side, or 3 after merging.
        """
        groups, share = len(self.real_sizes), self.real_sizes.sum() / self.fake_sizes.sum()
        kept = [max(1, round(groups * min(1.0, ratio))) for ratio in (share, 1 / share)]
        if groups == 1 or min(kept) < MIN_MERGED_GROUPS:
            return None
        first = np.concatenate([(np.arange(k) * groups) // k + side * groups for side, k in enumerate(kept)])
        sums, selves, sizes = (np.add.reduceat(each, first, 0) for each in self._pooled())
        sums = np.add.reduceat(sums, first, 1)
        observed = np.arange(len(first)) < kept[0]  # whether a group is of the first side
        ours = np.vstack([observed, rng.permuted(np.tile(observed, (permutations, 1)), axis=1)]).astype(np.float64)
        others = 1.0 - ours
        within, mixed = ((ours @ sums) * each for each in (ours, others))
        n, m = ours @ sizes, others @ sizes
        totals = mixed.sum(1), within.sum(1), ((others @ sums) * others).sum(1), ours @ selves, others @ selves
        values = _unbiased(*totals, n, m)
        rounding = 1e-12 * np.abs(sums).sum() / sizes.sum() ** 2  # the same groups, summed in another order
        values, least = values / (1 / n + 1 / m), (values[0] - rounding) / (1 / n[0] + 1 / m[0])
        return float(np.count_nonzero(values[1:] >= least) + 1) / (1 + permutations)

    def _pooled(self) -> tuple[Array, Array, Array]:
        """Return the sums over pairs of all groups (2G, 2G), those of rows with themselves (2G,), and sizes (2G,)."""
        sums = np.block([[self.real, self.between], [self.between.T, self.fake]])
        selves = np.concatenate([self.real_selves, self.fake_selves])
        return sums, selves, np.concatenate([self.real_sizes, self.fake_sizes])

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
