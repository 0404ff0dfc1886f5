"""Level and power of the comparison of models: how often equal ones are told apart, and worse ones are not.

``python tests/statistics/ranks.py --repeats 2000`` prints the table. Logarithms of the scores are normal, with the
spread over seeds and the correlation of two models within a seed that each line states.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genbench.table.differences import Differences, Measured
from genbench.table.ranking import better_than

SPREAD = 0.3


@dataclass(frozen=True)
class Rates:
    """Of simulated columns: the share in which equal models were told apart, and the share of worse ones still best.

    A model that is marked unstable is never bold, though it was not told from others.
    """

    any_equal_told: float
    any_unstable: float
    best_not_bold: float  # of the models that are truly the best
    worse_bold: float  # of the models that are truly worse; NaN if there are none


def columns(
    rng: np.random.Generator, models: int, worse: int, seeds: int, correlation: float, unequal: float, repeats: int
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield logarithms of scores (models, seeds); the last ``worse`` models are 1.5 to 8 times worse than the rest.

    The spread of each model is 0.3 times exp(``unequal`` normal).
    """
    for _ in range(repeats):
        means = np.zeros(models)
        if worse:
            means[-worse:] = np.log(rng.uniform(1.5, 8.0, worse))
        spread = SPREAD * np.exp(unequal * rng.normal(size=(models, 1)))
        own, shared = rng.normal(size=(models, seeds)), rng.normal(size=seeds)
        yield means[:, None] + spread * (math.sqrt(1 - correlation) * own + math.sqrt(correlation) * shared)


def judge(rows: np.ndarray[Any, Any]) -> tuple[set[int], set[int]]:
    """Return the rows that another is significantly better than, and those that are unstable; others are bold."""
    differences = Differences({str(i): Measured(dict(enumerate(row.tolist()))) for i, row in enumerate(rows)})
    above, _ = better_than(differences)
    return {i for i in range(len(rows)) if above[str(i)]}, {int(name) for name in differences.unstable}


def rates(models: int, worse: int, seeds: int, correlation: float, unequal: float, repeats: int) -> Rates:
    """Return the rates over simulated columns."""
    rng = np.random.default_rng([models, worse, seeds, int(10 * correlation), int(10 * unequal)])
    equal = models - worse
    told, noted, missed, wrong = 0, 0, 0, 0
    for rows in columns(rng, models, worse, seeds, correlation, unequal, repeats):
        worse_than_another, unstable = judge(rows)
        best = set(range(models)) - worse_than_another - unstable
        told += bool(worse_than_another & set(range(equal)))
        noted += bool(unstable & set(range(equal)))
        missed += equal - len(best & set(range(equal)))
        wrong += len(best - set(range(equal)))
    return Rates(
        told / repeats, noted / repeats, missed / repeats / equal, wrong / repeats / worse if worse else math.nan
    )


CASES = [(models, worse, seeds, correlation, unequal)
         for seeds in (3, 5, 10)
         for models, worse in ((2, 0), (3, 0), (3, 1), (6, 0), (6, 3), (6, 5))
         for correlation, unequal in ((0.8, 0.0), (0.8, 0.3))]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    names = ("models", "worse", "seeds", "correlation", "unequal spreads", "equal told apart", "equal unstable",
             "best not bold", "worse bold")  # fmt: skip
    print(f"| {' | '.join(names)} |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for models, worse, seeds, correlation, unequal in CASES:
        found = rates(models, worse, seeds, correlation, unequal, repeats)
        wrong = "–" if math.isnan(found.worse_bold) else f"{found.worse_bold:.3f}"
        print(f"| {models} | {worse} | {seeds} | {correlation} | {unequal} | {found.any_equal_told:.3f} | "
              f"{found.any_unstable:.3f} | "
              f"{found.best_not_bold:.3f} | {wrong} |")  # fmt: skip


if __name__ == "__main__":
    main()
