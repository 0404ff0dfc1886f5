"""The forward chain, which adds noise step by step, and its posterior in closed form (Ho et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench_diffusion.schedule import betas

__all__ = ["Chain", "column"]


class Chain:
    """The forward chain: α_t, σ_t, φ_t for t = 0 .. T on a device, and ᾱ_t in double precision on the CPU."""

    def __init__(self, kind: str, timesteps: int, device: torch.device) -> None:
        beta = torch.tensor(betas(kind, timesteps), dtype=torch.float64)
        self.alpha_bar = torch.cat([beta.new_ones(1), torch.cumprod(1 - beta, 0)])  # (T + 1,)
        self.timesteps = timesteps
        self.alpha = self.alpha_bar.sqrt().float().to(device)
        self.sigma = (1 - self.alpha_bar).sqrt().float().to(device)
        self.angle = torch.atan2((1 - self.alpha_bar).sqrt(), self.alpha_bar.sqrt()).float().to(device)

    def noised(self, x: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Return a draw x_t (b, *shape) from q(x_t | x_0) for x_0 (b, *shape) and t (b,)."""
        return column(self.alpha[t], x) * x + column(self.sigma[t], x) * noise

    def posterior(self, t: int, s: int) -> tuple[float, float, float]:
        """Return a, b, c of q(x_s | x_t, x_0) = N(a x_0 + b x_t, c I) for s < t (Ho et al., eqs. 6 and 7)."""
        before, after = float(self.alpha_bar[s]), float(self.alpha_bar[t])
        alpha, beta = after / before, 1 - after / before  # of the one step from s to t
        return (
            math.sqrt(before) * beta / (1 - after),
            math.sqrt(alpha) * (1 - before) / (1 - after),
            (1 - before) / (1 - after) * beta,
        )

    def slope(self, t: int, s: int) -> float:
        """Return |dμ̃/dε| = β / √(α (1 - ᾱ_t)), how the posterior's mean depends on ε, for the step from s to t."""
        step = float(self.alpha_bar[t] / self.alpha_bar[s])
        return (1 - step) / math.sqrt(step * (1 - float(self.alpha_bar[t])))


def column(values: Tensor, like: Tensor) -> Tensor:
    """Return values (b,) as (b, 1, ..), to multiply ``like`` (b, *shape)."""
    return values.view(-1, *[1] * (like.dim() - 1))
