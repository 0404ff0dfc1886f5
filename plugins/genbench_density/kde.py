"""Kernel density estimate with one Gaussian bandwidth: p(x) = 1/n Σ_i N(x; x_i, h² I)."""

from __future__ import annotations

import math

import torch

from genbench.protocol import RunContext, TrainingData
from genbench_density import KDEConfig

BLOCK = 1 << 22  # squared distances held at once: 32 MiB in float64


class KDE:
    """Kernel density estimate whose bandwidth maximises the held-out likelihood.

    A copy of the training rows is the model, so sampling costs a pick and some noise while ``log_prob`` costs n kernels
    a point. Images are flattened. Distances are in double precision: at a bandwidth of 0.005 single precision is off by
    several per cent.

    Source: Parzen 1962; the choice of bandwidth by likelihood: Duin 1976, doi:10.1109/TC.1976.1674577.
    """

    def __init__(self, config: KDEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Keep the rows and choose the bandwidth among ``candidates`` values."""
        self.shape = data.shape
        self.rows = double(data.train.flatten(1))  # (n, d)
        self.bandwidth = self.config.bandwidth or self._select()
        run.log(bandwidth=self.bandwidth)

    def _select(self) -> float:
        """Return the bandwidth under which points, each left out of its own density, are likeliest."""
        n, d = self.rows.shape
        scott = n ** (-1 / (d + 4)) * math.sqrt(float(self.rows.var(0, correction=0).mean()))
        if n == 1 or scott == 0:
            return scott or 1.0  # nothing to learn a width from
        tried = scott * torch.logspace(-2.5, 0.5, self.config.candidates, dtype=torch.float64)
        left_out = torch.randperm(n, device=self.rows.device)[: self.config.held_out]
        total = self.rows.new_zeros(len(tried))
        for index in left_out.split(self._block()):
            square = distances(self.rows[index], self.rows)  # (b, n)
            square[torch.arange(len(index), device=square.device), index] = math.inf
            # the n - 1 and the 2π are the same for all: what is left of the log-likelihood depends on h
            total += torch.stack([(square * (-0.5 / h**2)).logsumexp(1).sum() - len(index) * d * h.log() for h in tried])
        return float(tried[int(total.argmax())])

    def sample(self, n: int) -> torch.Tensor:
        """Return (n, *shape): training rows picked with replacement, plus noise of the bandwidth."""
        pick = torch.randint(len(self.rows), (n,), device=self.rows.device)
        rows = self.rows[pick].float()
        return rows.addcmul(torch.randn_like(rows), torch.full_like(rows[:, :1], self.bandwidth)).view(n, *self.shape)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return (m,) nats for x (m, *shape)."""
        n, d = self.rows.shape
        constant = math.log(n) + d * (math.log(self.bandwidth) + 0.5 * math.log(2 * math.pi))
        scale = -0.5 / self.bandwidth**2
        blocks = double(x.flatten(1)).split(self._block())
        return torch.cat([distances(b, self.rows).mul_(scale).logsumexp(1) for b in blocks]) - constant

    def parameters(self) -> list[torch.Tensor]:
        """Return the centres of the kernels."""
        return [self.rows]

    def _block(self) -> int:
        return max(1, BLOCK // len(self.rows))


def double(x: torch.Tensor) -> torch.Tensor:
    """Return x in double precision, or as it is on a device that has none."""
    return x if x.device.type == "mps" else x.double()


def distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return squared Euclidean distances (len(a), len(b))."""
    square = torch.addmm((b * b).sum(1), a, b.T, alpha=-2)
    return square.add_((a * a).sum(1, keepdim=True)).clamp_(min=0)
