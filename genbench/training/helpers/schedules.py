"""Factors of a learning rate, or of a weight of the loss, as functions of ``run.progress``; they need no torch."""

from __future__ import annotations

import math


def cosine(progress: float, flat: float = 0.0) -> float:
    """Return 1 up to ``progress`` = ``flat``, then half a cosine that falls to 0 at 1 (arXiv:1608.03983)."""
    return 1.0 if progress <= flat else 0.5 + 0.5 * math.cos(math.pi * (progress - flat) / (1 - flat))


def warm_up(progress: float, share: float = 0.05) -> float:
    """Return a factor that rises from 0 to 1 over the first ``share`` of the budget, in (0, 1], and then stays."""
    return min(1.0, progress / share)
