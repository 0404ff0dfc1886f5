"""Monotone rational-quadratic splines with linear tails (Durkan et al. 2019, section 3.1; Gregory & Delbourgo 1982).

Knots (x_k, y_k) rise from (-B, -B) to (B, B), with slopes δ_k > 0, and 1 at both ends. In bin k, of height over width
s_k and with ξ = (x - x_k) / (x_{k+1} - x_k),

    y = y_k + (y_{k+1} - y_k) (s_k ξ² + δ_k ξ(1-ξ)) / D,     D = s_k + (δ_{k+1} + δ_k - 2 s_k) ξ(1-ξ)
    dy/dx = s_k² (δ_{k+1} ξ² + 2 s_k ξ(1-ξ) + δ_k (1-ξ)²) / D²

and y = x beyond B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["outputs_for", "spline", "spline_inverse"]

MIN_SIZE = 1e-3  # of a bin, as a share of all of them together
MIN_SLOPE = 1e-3
UNIT_SLOPE = math.log(math.expm1(1 - MIN_SLOPE))  # the parameter at which a slope is 1


def outputs_for(bins: int) -> int:
    """Return the number of parameters of a spline: widths, heights, and slopes between bins."""
    return 3 * bins - 1


@dataclass(frozen=True)
class Bin:
    """Of each value the bin that it lies in: its lower knot, width, height, and slopes at both ends, (...) each."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    low: Tensor
    high: Tensor


def spline(x: Tensor, theta: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Return y and log dy/dx, (...) each, for x (...) and parameters theta (..., outputs_for(bins))."""
    inside = x.abs() < bound
    b = find(x, theta, bound, axis=0)
    xi = ((x - b.x) / b.width).clamp(0, 1)  # beyond the bound, where the value is not used, it stays finite
    s, cross = b.height / b.width, xi * (1 - xi)
    denominator = s + (b.high + b.low - 2 * s) * cross
    y = b.y + b.height * (s * xi.square() + b.low * cross) / denominator
    slope = b.high * xi.square() + 2 * s * cross + b.low * (1 - xi).square()
    log_slope = 2 * (s / denominator).log() + slope.log()
    return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)


def spline_inverse(y: Tensor, theta: Tensor, bound: float) -> Tensor:
    """Return the x (...) whose image is y (...): the root in [0, 1] of a quadratic equation in ξ."""
    b = find(y, theta, bound, axis=1)
    s, rise = b.height / b.width, y - b.y
    bend = rise * (b.high + b.low - 2 * s)
    p, q, r = b.height * (s - b.low) + bend, b.height * b.low - bend, -s * rise
    root = (q.square() - 4 * p * r).clamp(min=0).sqrt()
    xi = (2 * r / (-q - root)).clamp(0, 1)  # of the two forms of the root, the one that is stable here
    return torch.where(y.abs() < bound, b.x + xi * b.width, y)


def find(value: Tensor, theta: Tensor, bound: float, axis: int) -> Bin:
    """Return the bins of values (...) by their x (axis 0) or y (axis 1)."""
    bins = (theta.shape[-1] + 1) // 3
    sizes = torch.unflatten(theta[..., : 2 * bins], -1, (2, bins)).softmax(-1)
    sizes = MIN_SIZE + (1 - MIN_SIZE * bins) * sizes  # (..., 2, bins), of widths and heights
    below = torch.ones(bins, bins + 1, dtype=theta.dtype, device=theta.device).triu(1)
    knots = bound * (2 * sizes @ below - 1)  # (..., 2, bins + 1): cheaper than a cumulative sum, in the gradient too
    k = (value[..., None] >= knots[..., axis, 1:-1]).sum(-1, keepdim=True)  # (..., 1) in 0 .. bins - 1
    ends = torch.cat([k, k + 1], -1)  # (..., 2)
    near = knots.gather(-1, ends.unsqueeze(-2).expand(*k.shape[:-1], 2, 2))  # (..., 2, 2)
    slopes = functional.pad(theta[..., 2 * bins :], (1, 1), value=0.0).gather(-1, ends)
    slopes = MIN_SLOPE + functional.softplus(slopes + UNIT_SLOPE)
    (x, y), (width, height) = near[..., 0].unbind(-1), (near[..., 1] - near[..., 0]).unbind(-1)
    return Bin(x, y, width, height, *slopes.unbind(-1))
