"""Density of a flow by the change of variables along its paths (Chen et al. 2018, arXiv:1806.07366)."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["MAX_EXACT_DIMENSIONS", "flow_log_prob", "signs_for"]

MAX_EXACT_DIMENSIONS = 32  # up to which the trace of the Jacobian is computed exactly
Velocity = Callable[[Tensor, float], Tensor]  # x (n, *shape), t -> (n, *shape)


def signs_for(x: Tensor) -> Tensor:
    """Return the vectors (probes, n, *shape) along which the Jacobian at x (n, *shape) is taken.

    They are unit vectors, whose sum is the exact trace, up to 32 dimensions; beyond, one vector of random signs,
    which gives Hutchinson's unbiased estimate (Grathwohl et al. 2019, arXiv:1810.01367).
    """
    n, d = len(x), x[0].numel()
    if d > MAX_EXACT_DIMENSIONS:
        return torch.randint(0, 2, (1, *x.shape), device=x.device).mul(2).sub(1).to(x.dtype)
    unit = torch.eye(d, dtype=x.dtype, device=x.device)[:, None].expand(d, n, d)
    return torch.unflatten(unit, 2, x.shape[1:])


def velocity_and_trace(velocity: Velocity, x: Tensor, t: float, signs: Tensor) -> tuple[Tensor, Tensor]:
    """Return v (n, *shape) and the sum of s·(∂v/∂x)s over the vectors s of ``signs``, (n,)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        v = velocity(x, t)
        products = (torch.autograd.grad(v, x, sign, retain_graph=True)[0] * sign for sign in signs)
        trace = sum(product.flatten(1).sum(1) for product in products)
    assert isinstance(trace, Tensor)
    return v.detach(), trace.detach()


def flow_log_prob(velocity: Velocity, x: Tensor, times: list[float]) -> Tensor:
    """Return (n,) nats at x (n, *shape): log p_1(x) = log N(x_0; 0, I) - ∫ tr(∂v/∂x) dt, with the path that ends at x.

    Fourth-order Runge-Kutta backwards through ``times``, which rise from 0 to 1.
    """
    signs = signs_for(x)
    total = torch.zeros(len(x), device=x.device, dtype=x.dtype if x.device.type == "mps" else torch.float64)
    for begin, end in pairwise(reversed(times)):
        h, middle = end - begin, (begin + end) / 2  # h < 0
        k1, t1 = velocity_and_trace(velocity, x, begin, signs)
        k2, t2 = velocity_and_trace(velocity, x + h / 2 * k1, middle, signs)
        k3, t3 = velocity_and_trace(velocity, x + h / 2 * k2, middle, signs)
        k4, t4 = velocity_and_trace(velocity, x + h * k3, end, signs)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        total += h / 6 * (t1 + 2 * t2 + 2 * t3 + t4)  # -∫_0^1 tr dt
    return total - 0.5 * (x.square() + math.log(2 * math.pi)).flatten(1).sum(1)
