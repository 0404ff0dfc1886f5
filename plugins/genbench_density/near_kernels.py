"""Sums of Gaussian kernels at points, where kernels that are too far away to change a sum are left out.

    log s(x) = log Σ_i w_i exp(-‖x - r_i‖² / 2h²)

With δ the distance of x to the nearest row, of weight w, all kernels beyond the radius

    ρ² = δ² + 2h² (log(Σ_i w_i / w) + log(1/ε))

together are at most ε times the kernel of the nearest row, and so at most ε s(x): leaving them out changes log s by at
most ε, which is half of the last digit of double precision. Points near each other share the rows of a box around them.
"""

from __future__ import annotations

import math

import torch

__all__ = ["MAX_DIMENSIONS", "distances", "log_sums"]

EPSILON = 2.0**-53
BLOCK_POINTS = 128  # that share a box
MAX_DIMENSIONS = 4  # above which a box of points is near all rows


def log_sums(
    points: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor | None, bandwidth: float, most: int
) -> torch.Tensor:
    """Return log s (m,) at points (m, d) for rows (n, d) of weights (n,), or of weight 1, all in double precision.

    At most ``most`` points share a box, which bounds the memory for their distances to n rows.
    """
    from scipy.spatial import cKDTree

    nearest, index = (torch.from_numpy(found) for found in cKDTree(rows.numpy()).query(points.numpy()))
    outweighed = math.log(len(rows)) if weights is None else (weights.sum() / weights[index]).log()
    reach = nearest.square() + 2 * bandwidth**2 * (outweighed - math.log(EPSILON))  # (m,), squared
    log_weights, out = None if weights is None else weights.log(), points.new_empty(len(points))
    for block in boxes(points, min(BLOCK_POINTS, most)):
        inside = points[block]
        gap = torch.maximum(inside.amin(0) - rows, rows - inside.amax(0)).clamp_(min=0)  # (n, d) of rows to the box
        near = (gap.square_().sum(1) <= reach[block].max()).nonzero().squeeze(1)
        kernels = distances(inside, rows[near]).mul_(-0.5 / bandwidth**2)
        out[block] = (kernels if log_weights is None else kernels.add_(log_weights[near])).logsumexp(1)
    return out


def boxes(points: torch.Tensor, most: int) -> list[torch.Tensor]:
    """Return the indices of points (m, d) in parts of at most ``most``, halved along the widest side of their box."""
    todo, parts = [torch.arange(len(points))], []
    while todo:
        part = todo.pop()
        if len(part) <= most:
            parts.append(part)
            continue
        inside = points[part]
        side = int((inside.amax(0) - inside.amin(0)).argmax())
        ordered = part[inside[:, side].argsort()]
        todo += [ordered[: len(part) // 2], ordered[len(part) // 2 :]]
    return parts


def distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return squared Euclidean distances (len(a), len(b))."""
    square = torch.addmm((b * b).sum(1), a, b.T, alpha=-2)
    return square.add_((a * a).sum(1, keepdim=True)).clamp_(min=0)
