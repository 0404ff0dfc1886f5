"""Metrics beside the libraries that are used for them, on the same arrays: what is computed, and that it is the same.

The libraries are those of the extra ``[bench]``, and geomloss where it is installed. torch-fidelity cannot be imported
without torchvision: what it computes is computed here with the calls that it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ratios import Comparison, cpu, seconds_of

from genbench.protocol import Evidence, RealSide
from genbench.registry.registry import Registry, resolve

REGISTRY = Registry.discover()

__all__ = ["DENSITIES", "METRICS", "SAMPLERS", "Pair", "comparison_of", "normal"]


@dataclass(frozen=True)
class Pair:
    """What genbench and the alternative do, and whether what they return agrees.

    Where the alternative does only a part of the work, its time counts ``times`` times.
    """

    ours: Callable[[], Any]
    other: Callable[[], Any]
    agree: Callable[[Any, Any], bool]
    times: int = 1


@dataclass(frozen=True)
class Recipe:
    """A pair that is made when it is needed, with the ratio that is aimed at and the one that tests ask for."""

    what: str
    against: str
    goal: float
    least: float
    make: Callable[[], Pair]
    slow: bool = False  # of seconds or more


def comparison_of(recipe: Recipe) -> Comparison:
    """Return the comparison of times; an alternative of seconds is timed once, as it varies little."""

    def prepare() -> Any:
        pair = recipe.make()
        return seconds_of(pair.ours), lambda: pair.times * cpu(pair.other)

    return Comparison(recipe.what, recipe.against, recipe.goal, recipe.least, prepare, recipe.slow)


def normal(seed: int, n: int, d: int, shift: float = 0.0) -> Any:
    """Return standard normal rows (n, d), shifted."""
    return shift + np.random.default_rng(seed).standard_normal((n, d))


def close(a: float, b: float, relative: float) -> bool:
    """Return whether two values agree."""
    return abs(a - b) <= relative * abs(b)


def metric_of(name: str) -> tuple[Any, Any]:
    """Return a metric and its default config."""
    entry = REGISTRY.metrics[name]
    return resolve(entry), entry.spec.config


def score(name: str, real: Any, fake: Any, **options: Any) -> float:
    """Return the value of a metric on rows that no metric has seen before."""
    metric, config = metric_of(name)
    evidence = Evidence(RealSide(real), np.array(fake))
    value: float = (metric(evidence) if config is None else metric(evidence, config(**options))).value
    return value


def moments(rows: Any) -> tuple[Any, Any]:
    """Return mean (d,) and covariance (d, d) of rows."""
    return rows.mean(0), np.cov(rows, rowvar=False)


def eigenvalues_of_product(real: tuple[Any, Any], fake: tuple[Any, Any]) -> float:
    """Return the Fréchet distance of moments by the step of torch-fidelity 0.4: `eigvals` of the product."""
    (m, s), (n, t) = real, fake
    overlap = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
    return float((m - n) @ (m - n) + np.trace(s) + np.trace(t) - 2 * overlap)


def frechet_of_wide_features() -> Pair:
    """The next model of a table: both keep the moments of the real side, where torch-fidelity keeps them on disk."""
    d = 2048
    mixing = normal(1, d, d) / d**0.5
    real, fake = normal(2, 10_000, d) @ mixing, normal(3, 10_000, d) @ mixing
    side, first = RealSide(real), moments(real)
    metric, config = metric_of("frechet")
    metric(Evidence(side, real[:10]), config())
    return Pair(
        lambda: metric(Evidence(side, np.array(fake)), config()).value,
        lambda: eigenvalues_of_product(first, moments(fake)),
        lambda a, b: close(a, b, 1e-6),
    )


def frechet_of_fewer_rows_than_columns() -> Pair:
    """300 rows of 2,048 columns."""
    real, fake = normal(1, 300, 2048), normal(2, 300, 2048, 0.1)
    return Pair(
        lambda: score("frechet", real, fake, interval_dimensions=0),
        lambda: eigenvalues_of_product(moments(real), moments(fake)),
        lambda a, b: close(a, b, 1e-4),
    )


def kid_of_all_samples() -> Pair:
    """10,000 rows of 16 columns a side."""
    from sklearn.metrics.pairwise import polynomial_kernel

    real, fake = normal(1, 10_000, 16), normal(2, 10_000, 16, 0.1)

    def matrices() -> float:
        n, total = len(real), 0.0
        for x, y, sign in ((real, real, 1.0), (fake, fake, 1.0), (real, fake, -2.0)):
            kernel = polynomial_kernel(x, y, degree=3, coef0=1)
            own = np.trace(kernel) if sign > 0 else 0.0
            total += sign * (kernel.sum() - own) / (n * (n - 1) if sign > 0 else n * n)
        return float(total)

    return Pair(lambda: score("kid", real, fake), matrices, lambda a, b: close(a, b, 1e-6))


def neighbours() -> Pair:
    """Precision, recall, density and coverage of 10,000 rows of 2 columns."""
    import prdc

    real, fake = normal(1, 10_000, 2), normal(2, 10_000, 2, 0.1)
    names = ("precision", "recall", "density", "coverage")

    def ours() -> dict[str, float]:
        side, samples, found = RealSide(real), np.array(fake), {}
        for name in names:
            metric, config = metric_of(name)
            found[name] = metric(Evidence(side, samples), config()).value
        return found

    return Pair(
        ours,
        lambda: prdc.compute_prdc(real_features=real, fake_features=fake, nearest_k=5),
        lambda a, b: all(abs(a[name] - float(b[name])) < 1e-9 for name in names),
    )


def sliced() -> Pair:
    """The sliced Wasserstein distance of 10,000 rows of 16 columns along 1,000 directions."""
    import ot

    from genbench_distances import SlicedConfig
    from genbench_distances.sliced import directions

    real, fake = normal(1, 10_000, 16), normal(2, 10_000, 16, 0.1)
    vectors, side = directions(16, 1000, 0), RealSide(real)
    (metric, _), config = metric_of("sliced_w2"), SlicedConfig(n_projections=1000)
    metric(Evidence(side, real[:10]), config)
    return Pair(
        lambda: metric(Evidence(side, np.array(fake)), config).value,
        lambda: float(ot.sliced_wasserstein_distance(real, fake, projections=vectors.T)),
        lambda a, b: close(a, b, 1e-9),
    )


def energy() -> Pair:
    """The energy distance of 5,000 rows of 16 columns."""
    import geomloss  # not in [bench]: where it is installed POT imports it, and so torch

    real, fake = normal(1, 5000, 16), normal(2, 5000, 16, 0.1)
    loss = geomloss.SamplesLoss("energy", backend="tensorized")
    return Pair(
        lambda: score("energy_v", real, fake),
        lambda: float(loss(torch.from_numpy(real), torch.from_numpy(fake))),
        lambda a, b: close(a, 2 * b, 1e-5),  # theirs is half of it
    )


def classifier() -> Pair:
    """A classifier of 1,000 rows of 10 columns a side."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPClassifier

    real, fake = normal(1, 1000, 10), normal(2, 1000, 10, 0.15)
    rows, labels = np.concatenate([real, fake]), np.repeat([0, 1], 1000)
    network = MLPClassifier((100, 100), max_iter=200, random_state=1)  # as sbibm: ten units for each column
    return Pair(
        lambda: score("c2st", real, fake),
        lambda: float(cross_val_score(network, rows, labels, cv=5, scoring="roc_auc").mean()),
        lambda a, b: a > b - 0.03,
    )


METRICS = [
    Recipe("Fréchet, 10k x 2048", "torch-fidelity's steps", 2.2, 1.2, frechet_of_wide_features, slow=True),
    Recipe(
        "Fréchet, 300 x 2048", "torch-fidelity's steps", 128, 30, frechet_of_fewer_rows_than_columns, slow=True
    ),
    Recipe("KID, 10k x 16", "kernel matrices", 611, 50, kid_of_all_samples, slow=True),
    Recipe(
        "precision, recall, density, coverage with intervals, 10k x 2", "prdc, without", 20, 10, neighbours, slow=True
    ),
    Recipe(
        "sliced W2 with its interval, 10k x 16, 1,000 directions, real side kept", "POT, without", 50, 8, sliced,
        slow=True,
    ),
    Recipe("energy with its interval, 5k x 16", "geomloss, without", 17, 4, energy, slow=True),
    Recipe("C2ST with its interval, 1k x 10", "a network of scikit-learn", 36, 10, classifier, slow=True),
]  # fmt: skip


# ------------------------------------------------------------------------------------------- likelihoods and samples


def kernel_density(shape: str) -> Callable[[], Pair]:
    """Return what makes the pair of log-densities of a kernel estimate with a narrow bandwidth, on 10,000 points."""

    def make() -> Pair:
        from sklearn.neighbors import KernelDensity

        from genbench.protocol import TrainingData
        from genbench_density import KDEConfig
        from genbench_density.kde import KDE

        rng, d = np.random.default_rng(0), 2 if shape == "grid" else 10
        rows = rng.standard_normal((20_000, d))
        if shape == "grid":
            rows = (rng.integers(-2, 3, (20_000, 2)) + 0.05 * rows) / 1.41
        train, points = np.split(rows.astype(np.float32), 2)
        bandwidth = 0.02 if shape == "grid" else 0.4
        model = KDE(KDEConfig(bandwidth=bandwidth))
        model.fit(TrainingData(torch.from_numpy(train)), NoRun())  # type: ignore[arg-type]
        tree = KernelDensity(bandwidth=bandwidth, algorithm="kd_tree", rtol=1e-4).fit(train.astype(float))
        # where densities are small, scikit-learn's tree is wrong by far more than its tolerance
        return Pair(
            lambda: model.log_prob(torch.from_numpy(points)).numpy(),
            lambda: tree.score_samples(points.astype(float)),
            lambda a, b: bool(np.median(np.abs(a - b)) < 1e-3),
        )

    return make


class NoRun:
    """A run that keeps no log, for models that do not iterate."""

    def log(self, **values: Any) -> None:
        """Do nothing."""


DENSITIES = [
    Recipe("kde: log p, 10k x 2, narrow", "scikit-learn's tree at rtol 1e-4", 1.0, 0.8, kernel_density("grid")),
    Recipe(
        "kde: log p, 10k x 10", "scikit-learn's tree at rtol 1e-4", 1.0, 0.8, kernel_density("table"), slow=True
    ),
]  # fmt: skip


def pixels() -> Pair:
    """64 images of 28 x 28 pixels, beside a network that is evaluated anew for each pixel, of which 4 are timed."""
    from genbench_autoregressive import PixelCNNConfig
    from genbench_autoregressive.causal import CausalNetwork, draw_grid
    from genbench_autoregressive.distributions import distribution_for

    side, n, timed, config, distribution = 28, 64, 4, PixelCNNConfig(), distribution_for(256)
    torch.manual_seed(0)
    network = CausalNetwork(
        256, distribution.outputs, (side, side), channels=config.channels, blocks=config.blocks, dropout=0.0
    )
    network.eval().requires_grad_(False)

    def uncached() -> Any:
        symbols = torch.zeros(n, side, side, dtype=torch.long)
        for column in range(timed):
            symbols[:, 0, column] = distribution.draw(network(symbols)[:, 0, column])
        return symbols

    cached = lambda: draw_grid(network, distribution, n)  # noqa: E731
    return Pair(cached, uncached, lambda a, b: a.shape == b.shape, side * side // timed)


SAMPLERS = [Recipe("pixelcnn: samples, 64 of 28 x 28", "an uncached loop", 50.0, 15.0, pixels, slow=True)]
