"""Likelihoods of a diffusion model: the variational bound of Ho et al. 2020, and the probability-flow ODE."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from genbench_diffusion.chain import Chain

MAX_EXACT_DIMENSIONS = 64  # up to which the divergence is computed exactly
PROBES = 1  # random vectors that the divergence is estimated with in more dimensions
ROW_VALUES = 1 << 12  # of all terms of a row, if the number of terms is not given; the terms are 4 to 64


class ReverseChain(Protocol):
    """What the bound needs of a model: its forward chain, and the mean and variance of its reverse steps."""

    chain: Chain
    gamma: Tensor  # (T + 1,): mean squared error of the predicted noise per dimension, in [0, 1]

    def predict(self, x: Tensor, t: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x̂_0 and ε_θ (b, *shape) for x_t (b, *shape) at t (b,) or (1,), given features c (b, features)."""
        ...

    def variance(self, t: int, s: int) -> float:
        """Return the variance of p(x_s | x_t) for s < t."""
        ...


@torch.no_grad()
def variational_bound(
    model: ReverseChain,
    x: Tensor,
    terms: int = 0,
    visited: Sequence[int] | None = None,
    c: Tensor | None = None,
) -> Tensor:
    """Return (n,) nats for x (n, *shape): -L_T - Σ_k L_{k-1} - L_0 (Ho et al. 2020, eq. 5), a bound of log p(x).

    Given features c (n, features) of conditions, it is one of log p(x | c): the noise added does not depend on them.

    It is at most log p(x) on average over the noise, for the p of the reverse chain through the timesteps ``visited``,
    0 < .. < T; all of them by default. L_T is in closed form and L_0 is always evaluated. Of the other terms, one less
    than there are steps, all are summed if ``terms`` is at least the number of steps; else ``terms`` of them are drawn
    for each row, one in each stratum, with probabilities π_k, and divided by ``terms`` π_k: an unbiased estimate of the
    same bound. Each term has its own draw of x_t. 0 ``terms`` take 4 to 64, fewer in more dimensions.
    """
    n, d = len(x), x[0].numel()
    chain, visited = model.chain, visited or range(model.chain.timesteps + 1)
    steps = len(visited) - 1
    terms = terms or min(64, max(4, ROW_VALUES // d))
    at = torch.tensor(list(visited))  # (steps + 1,)
    log_part, factor = (table.to(x.device) for table in term_tables(model, visited))  # (steps + 1,) each
    gamma, at = model.gamma[at].to(x.device), at.to(x.device)

    def term(k: Tensor) -> Tensor:
        """Return (n,) for step k (n,) or (1,), from t to s: KL(q(x_s | x_t, x_0) ‖ p), or L_0 at k = 1."""
        noise, t = torch.randn_like(x), at[k]
        predicted = model.predict(chain.noised(x, t, noise), t, c)[1]
        # control variate: ‖ε‖² - d is 0 on average, and makes most of the variance where ε is hardly predictable
        control = gamma[k] ** 2 * (noise.square().flatten(1).sum(1) - d)
        return d * log_part[k] + factor[k] * ((noise - predicted).square().flatten(1).sum(1) - control)

    left = float(chain.alpha_bar[visited[-1]])
    L = 0.5 * (left * x.square() - left - math.log1p(-left)).flatten(1).sum(1)  # L_T = KL(q(x_T | x_0) ‖ N(0, I))
    L += term(torch.ones(1, dtype=torch.long, device=x.device))
    if terms >= steps:
        for k in range(2, steps + 1):
            L += term(torch.tensor([k], device=x.device))
        return -L
    weight = log_part[2:] + factor[2:] * gamma[2:]  # the terms that the errors of the training lead to
    if not weight.sum() > 0:  # with the lower variance, errors are taken to be none
        weight = torch.ones_like(weight)
    proposal = 0.5 * weight / weight.sum() + 0.5 / len(weight)  # never small, so that no single draw dominates
    cumulative = proposal.cumsum(0)
    for stratum in range(terms):
        quantile = (stratum + torch.rand(n, device=x.device)) / terms
        index = torch.searchsorted(cumulative, quantile).clamp(max=steps - 2)
        L += term(index + 2) / (terms * proposal[index])
    return -L


def term_tables(model: ReverseChain, visited: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return A_k and C_k (steps + 1,) such that the term of step k, from t to s, is d A_k + C_k ‖ε - ε_θ‖².

    KL(N(μ̃, β̃ I) ‖ N(μ, v I)) = d/2 (β̃/v - 1 + ln(v/β̃)) + ‖μ̃ - μ‖² / 2v, and L_0 = -ln N(x_0; μ, v I).
    """
    log_part, factor = torch.zeros(len(visited)), torch.zeros(len(visited))
    for k, (s, t) in enumerate(pairwise(visited), start=1):
        exact, v = model.chain.posterior(t, s)[2], model.variance(t, s)  # β̃ and v
        log_part[k] = 0.5 * (math.log(2 * math.pi * v) if s == 0 else exact / v - 1 + math.log(v / exact))
        factor[k] = 0.5 * model.chain.slope(t, s) ** 2 / v
    return log_part, factor


def flow_log_prob(
    flow: Callable[[Tensor, Tensor], Tensor], x: Tensor, last: float, steps: int, probes: int | None = None
) -> Tensor:
    """Return (n,) nats for x (n, *shape) by the probability-flow ODE dx/dφ = F(x, φ) from φ = 0 to ``last``.

    Fourth-order Runge-Kutta on φ_k = last (k / steps)², finest where the noise is smallest. The divergence is exact up
    to 64 dimensions. In more, or with ``probes``, it is Hutchinson's estimate with that many vectors of random signs,
    which are the same along the path.
    Source: Song et al. 2021, arXiv:2011.13456, section 4.3; the angle as time: Salimans & Ho 2022, arXiv:2202.00512.
    """
    n, d = len(x), x[0].numel()
    probes = probes or (None if d <= MAX_EXACT_DIMENSIONS else PROBES)
    if probes is None:
        signs = torch.unflatten(torch.eye(d, device=x.device)[:, None].expand(d, n, d), 2, x.shape[1:])
    else:
        signs = torch.randint(0, 2, (probes, *x.shape), device=x.device).mul(2).sub(1).to(x.dtype)

    def slope(x: Tensor, angle: float) -> tuple[Tensor, Tensor]:
        """Return F (n, *shape) and its divergence (n,)."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            out = flow(x, torch.full((1,), angle, device=x.device))
            products = (torch.autograd.grad(out, x, sign, retain_graph=True)[0] * sign for sign in signs)
            trace = sum(product.flatten(1).sum(1) for product in products) / (probes or 1)
        return out.detach(), trace.detach()

    total = torch.zeros(n, dtype=torch.float64, device=x.device) if x.device.type != "mps" else torch.zeros(n).to(x)
    angles = [last * (k / steps) ** 2 for k in range(steps + 1)]
    for begin, end in pairwise(angles):
        h, middle = end - begin, (begin + end) / 2
        k1, t1 = slope(x, begin)
        k2, t2 = slope(x + h / 2 * k1, middle)
        k3, t3 = slope(x + h / 2 * k2, middle)
        k4, t4 = slope(x + h * k3, end)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        total += h / 6 * (t1 + 2 * t2 + 2 * t3 + t4)
    return total - 0.5 * (x.square() + math.log(2 * math.pi)).flatten(1).sum(1)
