"""Gaussian mixture with full covariances, p(x) = Σ_k π_k N(x; μ_k, Σ_k), fitted by expectation maximisation.

The number K of components minimises, among those that are tried,

    BIC(K) = -2 Σ_n log p(x_n) + m(K) log n        m(K) free parameters (Schwarz 1978, doi:10.1214/aos/1176344136)

or, for images, whose rows are too few for that approximation, minus the likelihood of held-out rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import from_arrays, to_arrays
from genbench_density import GMMConfig
from genbench_density.expectation import Mixture, Prior, Rows, expectation, fit, maximisation
from genbench_density.seeding import clusters

__all__ = ["GMM", "best_number"]

NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # of components that are tried, in this order
MAX_WORSE = 2  # of them in a row, after which no larger one is tried
SEARCH = (40, 3e-4)  # iterations of a fit that compares numbers of components, and the gain, in nats, that ends it
FINAL = (200, 1e-6)  # the same of the fit that remains
MIN_ROWS = 8  # for each component
MIN_VARIANCE = 1e-6  # of the noise of vectors, in units of a column's variance
MAX_PRODUCTS = 2_000_000_000  # K n d² up to which a fit is tried: beyond, an iteration takes seconds
BLOCK_VALUES = 1 << 21  # of components and rows in memory at once


class GMM:
    """Gaussian mixture of maximum likelihood, whose density is exact; images are flattened.

    Components start from k-means++. Each covariance is drawn towards the mean covariance of the clusters at the start,
    which counts as ``shrinkage`` rows a dimension. Integer images enter as the centres of their levels, and uniform
    noise within a level as its variance, so that no single draw of that noise is learned. Weights of rows multiply
    their shares in the components; in BIC, n is then the number of equal rows that have the same error of a mean.

    Source: Dempster, Laird & Rubin 1977.
    """

    def __init__(self, config: GMMConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Fit mixtures of several numbers of components, and then the best of them on, to all rows."""
        self.shape = data.shape
        rows = rows_of(data, data.train, data.weights)
        number, shrinkage = self.config.components, self.config.shrinkage
        mixture, prior = start(rows, number, shrinkage) if number else self._chosen(data, rows)
        self.mixture = fit(rows, mixture, prior, *FINAL)
        run.log(loss=-float(rows.share @ expectation(rows, self.mixture)[0]))
        run.report(components=len(self.mixture.means))

    def _chosen(self, data: TrainingData, rows: Rows) -> tuple[Mixture, Prior]:
        """Return the mixture of the best number of components, and its prior, after the few iterations of the search.

        By BIC mixtures are fitted to all rows, else to those that are not held out.
        """
        train = held = rows
        use_bic = self.config.criterion == "bic" or (self.config.criterion == "auto" and data.kind == "vector")
        if not use_bic:
            parts = data.validation()
            train, held = (rows_of(data, part if data.conditions is None else part[0], None) for part in parts)
        tried: dict[int, tuple[Mixture, Prior]] = {}

        def criterion(number: int) -> float:
            mixture, prior = start(train, number, self.config.shrinkage)
            mixture = fit(train, mixture, prior, *SEARCH)
            tried[number] = mixture, prior
            return bic(rows, mixture) if use_bic else -float(expectation(held, mixture)[0].mean())

        n, d = rows.x.shape
        largest = max(1, min(self.config.max_components, n // MIN_ROWS, MAX_PRODUCTS // (n * d * d)))
        return tried[best_number(criterion, largest)]

    def sample(self, n: int) -> Tensor:
        """Return (n, *shape)."""
        if not hasattr(self, "mixture"):
            raise RuntimeError("fit the model before sampling")
        mixture = self.mixture
        pick = torch.multinomial(mixture.log_weights.exp(), n, replacement=True)
        x = torch.randn(n, mixture.means.shape[1], device=pick.device, dtype=mixture.means.dtype)
        for k in range(len(mixture.means)):
            inside = (pick == k).nonzero().squeeze(1)
            x[inside] = mixture.means[k] + x[inside] @ mixture.factors[k].T
        return x.float().view(n, *self.shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return (n,) nats for x (n, *shape)."""
        mixture = self.mixture
        d = mixture.means.shape[1]
        identity = torch.eye(d, dtype=mixture.means.dtype, device=mixture.means.device)
        whiten = torch.linalg.solve_triangular(mixture.factors, identity.expand_as(mixture.factors), upper=False).mT
        constant = mixture.log_weights - mixture.factors.diagonal(dim1=1, dim2=2).log().sum(1)
        constant = (constant - 0.5 * d * math.log(2 * math.pi))[:, None]  # (K, 1)
        block = max(1, BLOCK_VALUES // mixture.means.numel())
        parts = []
        for rows in torch.split(x.flatten(1).to(mixture.means.dtype), block):
            white = (rows - mixture.means[:, None]) @ whiten  # (K, b, d)
            parts.append((constant - 0.5 * white.square().sum(2)).logsumexp(0))
        return torch.cat(parts)

    def parameters(self) -> list[Tensor]:
        """Return weights (K,), means (K, d) and the lower triangles (K, d (d + 1) / 2) of the factors."""
        d = self.mixture.means.shape[1]
        i, j = torch.tril_indices(d, d, device=self.mixture.means.device)
        return [self.mixture.log_weights, self.mixture.means, self.mixture.factors[:, i, j]]

    def state(self) -> dict[str, Array]:
        """Return the mixture as arrays."""
        return to_arrays(shape=self.shape, **vars(self.mixture))

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over a mixture that ``state`` returned."""
        parts: dict[str, Any] = from_arrays(state)
        self.shape = tuple(parts.pop("shape"))
        self.mixture = Mixture(**parts)


def rows_of(data: TrainingData, x: Tensor, weights: Tensor | None) -> Rows:
    """Return rows x (n, *shape) as the mixture is fitted to them: pixels of integer images are centres of levels."""
    noise = MIN_VARIANCE
    if data.levels is not None:
        x, noise = data.from_levels(data.to_levels(x)), (2 / data.levels) ** 2 / 12  # of a uniform distribution
    x = x.flatten(1)
    return Rows(x if x.device.type == "mps" else x.double(), weights, noise)


def start(rows: Rows, number: int, shrinkage: float) -> tuple[Mixture, Prior]:
    """Return a mixture of as many components as clusters, and the prior of ``shrinkage`` rows a dimension."""
    shares = clusters(rows.x, rows.share, number)
    alone = maximisation(rows, shares)
    within = (alone.log_weights.exp()[:, None, None] * (alone.factors @ alone.factors.mT)).sum(0)
    within.diagonal().sub_(rows.noise).clamp_(min=0)  # which the M step adds
    prior = Prior(within, shrinkage * rows.x.shape[1])
    return maximisation(rows, shares, prior), prior


def bic(rows: Rows, mixture: Mixture) -> float:
    """Return Schwarz's criterion, to be minimised."""
    likelihood = float(rows.share @ expectation(rows, mixture)[0])
    return -2 * rows.effective * likelihood + mixture.free_parameters * math.log(rows.effective)


def best_number(criterion: Callable[[int], float], largest: int) -> int:
    """Return a number of components, at most ``largest``, at which the criterion is low.

    Numbers grow by a third or a half until two in a row are worse than the best; then the middle of the wider interval
    beside the best one is tried, until none is wider than a sixteenth of it.
    """
    found: dict[int, float] = {}
    best = 1
    for number in (*(number for number in NUMBERS if number < largest), largest):
        found[number] = criterion(number)
        best = min(found, key=found.__getitem__)
        if sum(other > best for other in found) == MAX_WORSE:
            break
    while True:
        tried = sorted(found)
        place = tried.index(best)
        neighbours = tried[max(0, place - 1) : place + 2]
        gap, side = max((abs(other - best), other) for other in neighbours)
        if gap <= max(1, best // 16):
            return best
        found[(best + side) // 2] = criterion((best + side) // 2)
        best = min(found, key=found.__getitem__)
