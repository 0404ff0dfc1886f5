"""The noise that each step of the chain adds; without torch, so that options can be checked before anything runs."""

from __future__ import annotations

import math
from itertools import pairwise

OFFSET = 0.008  # s of the cosine schedule: the noise of the first step is about one of 256 grey levels in [-1, 1]
MAX_BETA = 0.999  # of the cosine schedule, in its last steps
MAX_FINAL_ALPHA_BAR = 1e-3  # if more of the data is left at T, N(0, I) is the wrong distribution to start sampling from


def betas(kind: str, timesteps: int) -> list[float]:
    """Return β_1 .. β_T: ``cosine`` (Nichol & Dhariwal 2021, eq. 17) or ``linear`` from 1e-4 to 0.02 (Ho et al. 2020).

    Raises ValueError where ᾱ_T = Π (1 - β_t) is not below 1e-3: the chain does not end in noise.
    """
    if kind == "linear":
        values = [1e-4 + (0.02 - 1e-4) * t / (timesteps - 1) for t in range(timesteps)]
    else:
        level = [math.cos((t / timesteps + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2 for t in range(timesteps + 1)]
        values = [min(1 - after / before, MAX_BETA) for before, after in pairwise(level)]
    left = math.prod(1 - beta for beta in values)
    if not left < MAX_FINAL_ALPHA_BAR:
        raise ValueError(
            f"timesteps={timesteps} with schedule={kind} leave ᾱ_T = {left:.2g} of the data, expected less than "
            f"{MAX_FINAL_ALPHA_BAR:g}: take more timesteps or schedule=cosine"
        )
    return values
