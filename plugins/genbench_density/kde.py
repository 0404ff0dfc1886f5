"""Kernel density estimate with one Gaussian bandwidth: p(x) = 1/n Σ_i N(x; x_i, h² I)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import from_arrays, to_arrays
from genbench_density import KDEConfig
from genbench_density.near_kernels import MAX_DIMENSIONS, distances, log_sums

BLOCK_DISTANCES = 1 << 22  # squared distances in memory at once: 32 MiB in float64


class KDE:
    """Kernel density estimate whose bandwidth maximises the held-out likelihood.

    The model is a copy of the training rows: a sample is one of them plus noise, and ``log_prob`` evaluates n kernels
    for each point. Images are flattened. Distances are computed in double precision: at a bandwidth of 0.005, single
    precision is wrong by several per cent. Kernels of integer images are centred in their grey levels. Weights of rows
    are those of their kernels.

    Source: Parzen 1962; the choice of bandwidth by likelihood: Duin 1976, doi:10.1109/TC.1976.1674577.
    """

    def __init__(self, config: KDEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Keep the rows and choose the bandwidth among ``candidates`` values."""
        self.shape = data.shape
        rows, self.weights = data.train.flatten(1), None  # (n, d)
        if data.weights is not None:
            rows, self.weights = rows[data.weights > 0], double(data.weights[data.weights > 0])
        self.rows = double(centred(rows, data.levels) if data.levels else rows)
        self.bandwidth = self.config.bandwidth or self._select(double(rows))
        run.log(bandwidth=self.bandwidth)

    def _select(self, rows: torch.Tensor) -> float:
        """Return the bandwidth that makes the rows most likely, each left out of its own density."""
        n, d = rows.shape
        widest = 2 * scott(rows, self.weights)
        if n == 1 or widest == 0:
            return widest or 1.0  # there is nothing to choose a bandwidth by
        left_out = torch.randperm(n, device=rows.device)[: self.config.held_out]
        total = rows.new_zeros(self.config.candidates)
        for index in torch.split(left_out, self._block()):
            square = distances(rows[index], self.rows)  # (b, n)
            square[torch.arange(len(index), device=square.device), index] = math.inf
            nearest = square.amin(1, keepdim=True)
            kernel = square.sub_(nearest).mul_(-0.5 / widest**2).exp_()  # the nearest row has 1 at any bandwidth
            for k in range(self.config.candidates):  # h = widest / 2^(k/2): each kernel is the square of the last
                if self.weights is None:
                    total[k] += kernel.sum(1).log().sum() - nearest.sum() * 2**k * 0.5 / widest**2
                else:
                    log_density = (kernel @ self.weights).log() - nearest.squeeze(1) * 2**k * 0.5 / widest**2
                    total[k] += log_density @ self.weights[index]
                kernel.square_()
        count = len(left_out) if self.weights is None else self.weights[left_out].sum()
        mean = total / count + d * math.log(2) / 2 * torch.arange(len(total), device=total.device)
        return widest * 2 ** (-peak(mean.tolist()) / 2)

    def sample(self, n: int) -> torch.Tensor:
        """Return (n, *shape): training rows drawn with replacement, plus noise of the bandwidth."""
        if not hasattr(self, "rows"):
            raise RuntimeError("fit the model before sampling")
        if self.weights is None:
            pick = torch.randint(len(self.rows), (n,), device=self.rows.device)
        else:
            pick = torch.multinomial(self.weights, n, replacement=True)
        rows = self.rows[pick].float()
        return rows.addcmul(torch.randn_like(rows), torch.full_like(rows[:, :1], self.bandwidth)).view(n, *self.shape)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return (m,) nats for x (m, *shape); in few dimensions without kernels too far away to change a digit."""
        n, d = self.rows.shape
        total = math.log(n if self.weights is None else float(self.weights.sum()))
        constant = total + d * (math.log(self.bandwidth) + 0.5 * math.log(2 * math.pi))
        points = double(x.flatten(1))
        if d <= MAX_DIMENSIONS and points.is_cpu:
            return log_sums(points, self.rows, self.weights, self.bandwidth, self._block()) - constant
        scale = -0.5 / self.bandwidth**2
        blocks = torch.split(points, self._block())
        log_weights = 0.0 if self.weights is None else self.weights.log()
        kernels = (distances(b, self.rows).mul_(scale).add_(log_weights) for b in blocks)
        return torch.cat([kernel.logsumexp(1) for kernel in kernels]) - constant

    def parameters(self) -> list[torch.Tensor]:
        """Return the centres of the kernels."""
        return [self.rows]

    def state(self) -> dict[str, Array]:
        """Return the centres of the kernels, their weights and their bandwidth as arrays by name."""
        return to_arrays(rows=self.rows, weights=self.weights, bandwidth=self.bandwidth, shape=self.shape)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.rows, self.weights, self.bandwidth = parts["rows"], parts["weights"], parts["bandwidth"]
        self.shape = tuple(parts["shape"])

    def _block(self) -> int:
        return max(1, BLOCK_DISTANCES // len(self.rows))


def scott(rows: torch.Tensor, weights: torch.Tensor | None = None) -> float:
    """Return the bandwidth of Scott's rule for rows (n, d), from the mean variance of the columns.

    Rows of different weights (n,) count as so many as have the same error of a mean.
    """
    count, d = float(len(rows)), rows.shape[1]
    variance = rows.var(0, correction=0)
    if weights is not None:
        total = weights.sum()
        count = float(total**2 / weights.square().sum())
        variance = weights @ (rows - weights @ rows / total).square() / total
    factor: float = count ** (-1 / (d + 4))
    return factor * math.sqrt(float(variance.mean()))


def peak(values: list[float]) -> float:
    """Return the index of the largest of evenly spaced values, to a fraction of a step by a parabola through three."""
    k = max(range(len(values)), key=values.__getitem__)
    if k in (0, len(values) - 1):
        return float(k)
    left, top, right = values[k - 1 : k + 2]
    return k + 0.5 * (right - left) / (2 * top - left - right) if 2 * top > left + right else float(k)


def centred(rows: torch.Tensor, levels: int) -> torch.Tensor:
    """Return the centre of each pixel's grey level, where a kernel covers the level better than at a random draw."""
    return rows.add(1).mul_(levels / 2).floor_().add_(0.5).div_(levels / 2).sub_(1)


def double(x: torch.Tensor) -> torch.Tensor:
    """Return x in double precision, or unchanged on a device without it."""
    return x if x.device.type == "mps" else x.double()
