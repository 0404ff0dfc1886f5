"""How much noise each step adds, without importing torch: a config checks its chain before anything runs."""

from __future__ import annotations

import math
from itertools import pairwise

OFFSET = 0.008  # s of the cosine schedule: the first step's noise is about a grey level of 256 in [-1, 1]
LARGEST = 0.999  # β of the last steps of the cosine schedule
REMAINS = 1e-3  # ᾱ_T must be below: more than this of the data left at T, and sampling starts from a wrong prior


def betas(kind: str, timesteps: int) -> list[float]:
    """Return β_1 .. β_T: ``cosine`` (Nichol & Dhariwal 2021, eq. 17) or ``linear`` from 1e-4 to 0.02 (Ho et al. 2020).

    Raises ValueError where ᾱ_T = Π (1 - β_t) is not below 1e-3: the chain does not end in noise.
    """
    if kind == "linear":
        values = [1e-4 + (0.02 - 1e-4) * t / (timesteps - 1) for t in range(timesteps)]
    else:
        level = [math.cos((t / timesteps + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2 for t in range(timesteps + 1)]
        values = [min(1 - after / before, LARGEST) for before, after in pairwise(level)]
    left = math.prod(1 - beta for beta in values)
    if not left < REMAINS:
        raise ValueError(
            f"timesteps={timesteps} with schedule={kind} leave ᾱ_T = {left:.2g} of the data, expected less than "
            f"{REMAINS:g}: take more timesteps or schedule=cosine"
        )
    return values
