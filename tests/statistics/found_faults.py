"""Measure again what was wrong with verdicts, each beside the figure that was found before.

``python tests/statistics/found_faults.py [RUN]`` prints the table; with the directory of a run, also what only a run
shows. What `intervals.py`, `equivalent.py`, `ranks.py` and ``genbench audit`` measure is in their tables.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from laws import normal10, sign_law

from genbench.budget import Sizes
from genbench.data import split
from genbench.protocol import Column, Data, Evidence, RealSide
from genbench.record.score import shown_value
from genbench.record.store import read_records
from genbench.registry.registry import Registry, resolve
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floor_test import Floors
from genbench.scoring.floors import add_floor_spread
from genbench.scoring.scorer import Scorer
from genbench.training.image_masses import check_distinct_images, check_pixel_levels
from genbench.training.periodic import wrapped_density, wrapping_of
from genbench.training.standardise import VectorSpace, transform_of
from genbench_distances import C2STConfig
from genbench_distances.c2st import c2st

Array = np.ndarray[Any, Any]
Row = tuple[str, str, str]
REPEATS = 50


def with_an_integer(n: int, rng: np.random.Generator) -> Array:
    """Return rows (n, 3), of which one column is a count."""
    return np.stack([rng.standard_normal(n), rng.poisson(3, n), rng.standard_normal(n)], axis=1)


def areas_through_a_model(
    stream: tuple[int, ...], draw: Callable[[Array, Array, np.random.Generator], Array]
) -> list[float | None]:
    """Return the classifier's areas of rows that ``draw`` takes of training and test rows, on the path of a model."""
    areas = []
    for seed in range(10):
        rng = np.random.default_rng([*stream, seed])
        train, test = (with_an_integer(2000, rng) for _ in range(2))
        space = transform_of(Data(train, test, test, columns=tuple(Column(name) for name in "xny")))
        samples = space.from_model(space.to_model(draw(train, test, rng), rng))
        evidence = Evidence(
            RealSide(space.to_scores(test)), space.to_scores(samples), columns=space.columns,
            train=space.to_scores(train), test_raw=test, fake_raw=samples, train_raw=train, seed=seed,
        )  # fmt: skip
        areas.append(c2st(evidence, C2STConfig()).value)
    return areas


def area_through_single_precision() -> Row:
    """Return the classifier's area of real rows against themselves through the path of a model."""
    areas = areas_through_a_model((), lambda _, test, __: test)
    return "c2st of real rows through single precision, one integer column", ".9999", _range(areas)


def area_of_copies() -> Row:
    """Return the classifier's area of a memoriser's samples on a table with integers."""
    areas = areas_through_a_model((1,), lambda train, _, rng: train[rng.integers(0, len(train), 2000)])
    return "c2st of the memoriser on a table with integers", ".9997", _range(areas)


def area_of_three_columns() -> Row:
    """Return the classifier's area on the law of the sign of a product, of which the best possible is .75."""
    areas = []
    for seed in range(10):
        rng = np.random.default_rng([2, seed])
        evidence = Evidence(RealSide(normal10(2000, rng)), sign_law(2000, rng), seed=seed)
        areas.append(c2st(evidence, C2STConfig()).value)
    return "c2st of sign(x3) = sign(x1 x2) in 10-d, n 2,000 (goal .64)", ".556", _range(areas)


def narrower_draws_called_copies() -> Row:
    """Return the share of fresh draws, all deviations times 0.8, that any metric of the core calls copies."""
    registry, scorers = Registry.discover(), []
    for name in ("duplicates", "membership", "ct", "authenticity"):
        entry = registry.find("metric", name)
        scorers.append(Scorer(entry.spec, resolve(entry), entry.spec.config() if entry.spec.config else None))
    marked = 0
    for seed in range(REPEATS):
        rng = np.random.default_rng([3, seed])
        train, test, fresh = (rng.standard_normal((1000, 5)) for _ in range(3))
        views, side = Views({}), RealSide(test)
        fields: dict[str, Any] = {"train": train, "train_raw": train, "test_raw": test, "seed": seed}
        reference = Evidence(side, fresh, fake_raw=fresh, **fields)
        scored = add_floor_spread(reference, scorers, evaluate(reference, scorers, views=views), views)
        samples = 0.8 * rng.standard_normal((1000, 5))
        found = evaluate(
            Evidence(side, samples, fake_raw=samples, **fields),
            scorers,
            Floors({s["label"]: s for s in scored}),
            views=views,
        )
        marked += any(score.get("copying") for score in found)
    return (
        f"fresh draws that are narrower (0.8) marked copying, of {REPEATS}",
        "86-100 %",
        f"{100 * marked / REPEATS:.0f} %",
    )


def rows_of_counts() -> Row:
    """Return how many rows of two counts are trained on, and their means, beside those of the file."""
    rng = np.random.default_rng(4)
    rows = np.stack([rng.poisson(2, 5000), rng.poisson(1, 5000)], axis=1).astype(float)
    train, _, _ = split(rows, Sizes(10_000, 2_000, 2_000), rng)
    file, kept = rows.mean(0), rows[train].mean(0)
    shown = f"{len(train)} rows, mean ({kept[0]:.2f}, {kept[1]:.2f}) of ({file[0]:.2f}, {file[1]:.2f})"
    return "5,000 rows of two counts: training rows", "32 rows, mean (3.28, 2.44) of (2.00, .98)", shown


def mass_in_a_period() -> Row:
    """Return the integral over one period of the density of a Gaussian whose samples are wrapped."""
    masses = []
    for sd in (0.3, 1.0, 2.0, 4.0):
        rng = np.random.default_rng(5)
        angle = (rng.normal(0, 1.5, (2000, 1)) + math.pi) % (2 * math.pi) - math.pi
        space = VectorSpace.fit(angle, (Column("phi", period=2 * math.pi),))
        wrapping = wrapping_of(space, rng.normal(0, sd, (5000, 1)).astype(np.float32))
        assert wrapping is not None
        density = wrapped_density(
            lambda rows, sd=sd: (-0.5 * (rows / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))).sum(1), wrapping
        )
        grid = wrapping.low + (np.arange(4000)[:, None] + 0.5) / 4000 * wrapping.period
        masses.append(float(np.exp(density(grid)).mean() * wrapping.period[0]))
    return "integral of the density of a wrapped Gaussian over a period", ".71-.97", _range(masses, 4)


def zero_bits() -> Row:
    """Return which checks a density of 0 bits for every image passes."""
    rng = np.random.default_rng(6)
    images = rng.integers(0, 16, (200, 1, 8, 8)).astype(np.uint8)

    def log_mass(rows: Array) -> Array:
        return np.zeros(len(rows))

    checks = (
        check_distinct_images(images, log_mass(images), log_mass),
        check_pixel_levels(images, log_mass(images), 16, log_mass, rng),
    )
    failed = [check.name for check in checks if not check.passed]
    return "density of 0 bits for every image", "passes, ranked first", f"fails {' and '.join(failed)}"


def of_run(run: Path) -> Iterator[Row]:
    """Yield what a run shows: values outside their own intervals, and marks of copying."""
    outside, total, better = 0, 0, 0
    copying: Counter[str] = Counter()
    for record in read_records(run):
        for score in record.get("scores") or ():
            if not record.get("baseline") and record["label"] != "real":
                better += bool(score.get("suspect"))
                copying[record["label"]] += bool(score.get("copying"))
            value, low, high = shown_value(score), score["low"], score["high"]
            if value is None or low is None or high is None:
                continue
            total += 1
            outside += not low - 1e-12 * abs(low) <= value <= high + 1e-12 * abs(high)
    marked = ", ".join(f"{label} {n}" for label, n in copying.most_common() if n) or "none"
    yield "shown values outside their own interval", "27 of 27 digits cells (frechet)", f"{outside} of {total} scores"
    yield "scores of single seeds marked copying", "7 notes, 6 with another cause", marked
    yield "scores of models marked better than real", "called copying", str(better)


def _range(values: list[Any], digits: int = 3) -> str:
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    """Print the table."""
    rows = [
        area_through_single_precision(), area_of_copies(), area_of_three_columns(), narrower_draws_called_copies(),
        rows_of_counts(), mass_in_a_period(), zero_bits(), *(of_run(Path(sys.argv[1])) if sys.argv[1:] else ()),
    ]  # fmt: skip
    print("| what | before | now |\n|:--|:--|:--|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
