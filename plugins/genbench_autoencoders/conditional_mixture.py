"""A Gaussian mixture of the codes of a trained autoencoder given conditions, from which new codes are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from genbench.spec import Column
from genbench_autoencoders.mixture import PARTS, Mixture

__all__ = ["ConditionalMixture"]

SEPARATOR = "_of_class_"  # between the name of a part of a mixture and the number of its class
MIN_CODES = 10  # of a class in either part; a class with fewer has the mixture of all


class ConditionalMixture:
    """p(z|c) of codes z (n, latent) given conditions c (n, k), with columns as ``TrainingData`` has them.

    Numbers u among the conditions are modelled together with the codes: p(z|u) is that of a mixture of (u, z). Where
    one of the conditions is a class, each class has its own mixture; of several classes it does not depend.
    """

    def __init__(
        self, codes: Tensor, given: Tensor, held_out: tuple[Tensor, Tensor], columns: Sequence[Column]
    ) -> None:
        self._divide(columns)
        both = torch.cat([given[:, self.numbers], codes], 1)  # (n, numbers + latent)
        held = torch.cat([held_out[1][:, self.numbers], held_out[0]], 1)
        self.mixtures: list[Mixture] = []
        everything: Mixture | None = None
        for level in range(1 if self.category is None else len(columns[self.category].levels)):
            own, own_held = both[self._is(level, given)], held[self._is(level, held_out[1])]
            if min(len(own), len(own_held)) < MIN_CODES:
                everything = everything or Mixture(both, held)
                self.mixtures.append(everything)
            else:
                self.mixtures.append(Mixture(own, own_held))

    def _divide(self, columns: Sequence[Column]) -> None:
        """Note which of the conditions are numbers, and which is the class."""
        categories = [i for i, column in enumerate(columns) if column.kind == "category"]
        self.numbers = [i for i in range(len(columns)) if i not in categories]
        self.category = categories[0] if len(categories) == 1 else None

    @classmethod
    def of(cls, parts: Mapping[str, Tensor], columns: Sequence[Column]) -> ConditionalMixture:
        """Return the mixtures whose ``parts`` these are, given conditions of these columns."""
        found = cls.__new__(cls)
        found._divide(columns)
        count = len({name.rpartition(SEPARATOR)[2] for name in parts if SEPARATOR in name})
        found.mixtures = [Mixture.of({name: parts[f"{name}{SEPARATOR}{k}"] for name in PARTS}) for k in range(count)]
        return found

    @property
    def parts(self) -> dict[str, Tensor]:
        """The parts of the mixture of each class, by name and number of the class."""
        return {f"{name}{SEPARATOR}{k}": part for k, m in enumerate(self.mixtures) for name, part in m.parts.items()}

    def sample(self, given: Tensor) -> Tensor:
        """Return codes (n, latent) given conditions (n, k)."""
        z = given.new_empty(len(given), self.mixtures[0].means.shape[1] - len(self.numbers))
        for mixture, rows in self._parts(given):
            z[rows] = _conditional_sample(mixture, given[rows][:, self.numbers])
        return z

    def log_prob(self, z: Tensor, given: Tensor) -> Tensor:
        """Return the log-density (..., n) in nats of codes (..., n, latent) given conditions (n, k)."""
        found = z.new_empty(z.shape[:-1])
        for mixture, rows in self._parts(given):
            u = given[rows][:, self.numbers]
            both = torch.cat([u.expand(*z.shape[:-2], *u.shape), z[..., rows, :]], -1)
            found[..., rows] = mixture.log_prob(both) - torch.logsumexp(_components(mixture, u)[0], 1)
        return found

    def _is(self, level: int, given: Tensor) -> Tensor:
        """Return whether conditions (n, k) are of a class, (n,); all are where there is none."""
        if self.category is None:
            return torch.ones(len(given), dtype=torch.bool, device=given.device)
        return given[:, self.category] == level

    def _parts(self, given: Tensor) -> Iterator[tuple[Mixture, Tensor]]:
        """Return the mixture of each class that is among conditions (n, k), and the numbers of its rows."""
        for level, mixture in enumerate(self.mixtures):
            rows = self._is(level, given).nonzero()[:, 0]
            if len(rows):
                yield mixture, rows


def _components(mixture: Mixture, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return log (w_k N(u; k)) (n, K) for u (n, m), the first m columns of a mixture, and u whitened, (n, K, m)."""
    m = u.shape[1]
    scale = mixture.scale[:, :m, :m]  # (K, m, m), lower triangular
    white = torch.linalg.solve_triangular(scale, (u[:, None] - mixture.means[:, :m])[..., None], upper=False)[..., 0]
    log_volume = scale.diagonal(dim1=1, dim2=2).log().sum(1) + 0.5 * m * math.log(2 * math.pi)  # (K,)
    return mixture.weights.log() - log_volume - 0.5 * white.square().sum(2), white


def _conditional_sample(mixture: Mixture, u: Tensor) -> Tensor:
    """Return the other columns (n, latent) of draws from a mixture whose first columns are u (n, m).

    With the lower triangular factor L of a component's covariance, a draw is mean + L ε, whose first m of ε u decides.
    """
    n, m = u.shape
    log_weights, white = _components(mixture, u)
    k = torch.multinomial(log_weights.softmax(1), 1)[:, 0]  # (n,)
    latent = mixture.means.shape[1] - m
    noise = torch.cat([white[torch.arange(n, device=u.device), k], torch.randn(n, latent, device=u.device)], 1)
    z: Tensor = mixture.means[k, m:] + (mixture.scale[k, m:] @ noise[..., None])[..., 0]
    return z
