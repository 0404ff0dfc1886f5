"""Coverage of the interval of each metric, and the size of z and of the mark "better than real", on known laws.

``python tests/statistics/intervals.py --repeats 500`` prints the table. Each repeat draws training, test and fresh rows
of a law, and samples of a model: the law itself (the null), or the law with every row moved by 0.1 standard deviations.
Where an interval is of the population, the truth is 0 under the null (and the best value of the metric); of sliced
distances and of Fréchet's it is known for the moved law too. For other metrics of the moved law, and where an interval
is of the mean at these sizes, it is the mean over all repeats of the value without its bias. Where most repeats have
no interval, as where tails are too heavy for one, a dash stands for its coverage.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import laws
import numpy as np

from genbench.protocol import Evidence, RealSide
from genbench.record.score import shown_value
from genbench.registry.registry import Registry, resolve
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floor_test import Floors
from genbench.scoring.floors import add_floor_spread
from genbench.scoring.scorer import Scorer
from genbench_distances import SlicedConfig
from genbench_distances.sliced import directions

SHIFT = 0.1
ROWS_FOR_SHIFT = 100_000
MIN_WITH_INTERVAL = 0.5  # share of the repeats, for a coverage
METRICS = ("energy", "sliced_w1", "sliced_w2", "max_sliced_w2", "w1_marginal", "correlation", "frechet", "kid", "mmd",
           "precision", "recall", "density", "coverage", "c2st")  # fmt: skip
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Line:
    """One line of the table: a metric on a law at some sizes."""

    law: str
    n: int
    m: int
    moved: bool
    metric: str
    coverage: float
    large_z: float  # share of abs(z) > 3 under the null
    suspect: float
    repeats: int


def scorers(names: Sequence[str]) -> list[Scorer]:
    """Return the metrics with their default options, in the standard space."""
    registry = Registry.discover()
    entries = [registry.find("metric", name) for name in names]
    return [Scorer(e.spec, resolve(e), e.spec.config() if e.spec.config else None) for e in entries]


def repeat(
    law: Callable[[int, np.random.Generator], Array], n: int, m: int, moved: bool, chosen: Sequence[Scorer], seed: int
) -> list[dict[str, Any]]:
    """Return the scores of m samples against n rows of a law, each with its floor: m fresh rows against the same n."""
    rng = np.random.default_rng([n, m, seed])
    real, fake, fresh, train = law(n, rng), law(m, rng), law(m, rng), law(n, rng)
    fields: dict[str, Any] = {"train": train, "train_raw": train, "test_raw": real, "seed": seed}
    views, side = Views({}), RealSide(real)
    reference = Evidence(side, fresh, fake_raw=fresh, **fields)
    floors = Floors({
        score["label"]: score
        for score in add_floor_spread(reference, chosen, evaluate(reference, chosen, views=views), views)
    })  # fmt: skip
    shift = SHIFT * _standard_deviations(law) if moved else np.zeros(train.shape[1])
    samples = fake + shift
    scores = evaluate(Evidence(side, samples, fake_raw=samples, **fields), chosen, floors, views=views)
    truths = true_distances(shift)
    return [{**score, "truth": truths.get(score["metric"])} for score in scores]


@cache
def _standard_deviations(law: Callable[[int, np.random.Generator], Array]) -> Array:
    """Return those of many rows: of a few with heavy tails they differ from draw to draw, and the truth with them."""
    found: Array = law(ROWS_FOR_SHIFT, np.random.default_rng(0)).std(0)
    return found


def true_distances(shift: Array) -> dict[str, float]:
    """Return the distances of a law from itself moved by a vector (d,)."""
    along = np.abs(directions(len(shift), SlicedConfig.n_projections, SlicedConfig.directions_seed) @ shift)
    return {
        "sliced_w1": float(along.mean()),
        "sliced_w2": math.sqrt(float((along**2).mean())),
        "max_sliced_w2": float(along.max()),
        "frechet": float(shift @ shift),
    }


def table(law: str, n: int, m: int, moved: bool, repeats: int, metrics: Sequence[str] = METRICS) -> list[Line]:
    """Return one line for each metric on a law."""
    chosen = scorers(metrics)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for seed in range(repeats):
        for score in repeat(laws.LAWS[law], n, m, moved, chosen, seed):
            found[score["metric"]].append(score)
    return [_line(law, n, m, moved, metric, scores) for metric, scores in found.items()]


def _line(law: str, n: int, m: int, moved: bool, metric: str, scores: Sequence[dict[str, Any]]) -> Line:
    values = np.array([shown_value(s) for s in scores], float)
    of = (scores[0].get("detail") or {}).get("interval_of")
    best = scores[0].get("best")
    mean = best if of == "population" and not moved and best is not None else float(np.nanmean(values))
    covered = []
    for score in scores:
        truth = mean if score["truth"] is None else score["truth"]
        slack = 1e-9 * (abs(truth) + 1.0)
        if score["low"] is not None:
            covered.append(score["low"] - slack <= truth <= score["high"] + slack)
    z = np.array([math.nan if s["z"] is None else s["z"] for s in scores], float)
    return Line(
        law, n, m, moved, metric,
        float(np.mean(covered)) if len(covered) >= MIN_WITH_INTERVAL * len(scores) else math.nan,
        float(np.mean(np.abs(z[np.isfinite(z)]) > 3.0)) if np.isfinite(z).any() else math.nan,
        float(np.mean([bool(s["suspect"]) for s in scores])), len(scores),
    )  # fmt: skip


SIZES = ((300, 300), (2000, 2000), (300, 600), (2000, 1000))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--laws", default=",".join(laws.LAWS))
    parser.add_argument("--metrics", default=",".join(METRICS))
    parser.add_argument("--sizes", default=",".join(f"{n}x{m}" for n, m in SIZES))
    asked = parser.parse_args()
    print("| law | n | m | samples | metric | coverage | abs(z) > 3 | better than real | repeats |")
    print("|:--|--:|--:|:--|:--|--:|--:|--:|--:|")
    for law in asked.laws.split(","):
        for n, m in (map(int, size.split("x")) for size in asked.sizes.split(",")):
            for moved in (False, True):
                for line in table(law, n, m, moved, asked.repeats, asked.metrics.split(",")):
                    what = "moved" if moved else "null"
                    z = "" if moved else f"{line.large_z:.4f}"
                    covers = "—" if math.isnan(line.coverage) else f"{line.coverage:.3f}"
                    print(f"| {law} | {n} | {m} | {what} | {line.metric} | {covers} | {z} | "
                          f"{line.suspect:.4f} | {line.repeats} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
