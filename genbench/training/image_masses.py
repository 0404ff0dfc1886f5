"""Check that the masses which a density gives to integer images can be those of one distribution.

A density of dequantised images, p(x + u) with u uniform on a grey level, gives an integer image x the mass E p(x + u).
The masses of distinct images sum to at most 1; so do those of the images that differ in one pixel. For a bound, and for
the mean of the log-density over u, they sum to less (Jensen; Theis et al. 2016, arXiv:1511.01844).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from genbench.errors import describe
from genbench.protocol import Array
from genbench.training.density_checks import MAX_STANDARD_ERRORS, DensityCheck

LogMass = Callable[[Array], Array]  # integer images (n, *shape) -> (n,) nats in units of a grey level, at new noise

CONFIRMING_DRAWS = 8  # of the noise, where one draw makes the sum of the masses exceed 1
TOLERANCE = 1e-3  # of the sum
IMAGES_WITH_CHANGED_PIXEL = 4  # the likeliest ones
MAX_LEVELS = 64  # of a pixel, evenly spaced where there are more


def check_distinct_images(images: Array, log_p: Array, log_mass: LogMass) -> DensityCheck:
    """Check that the masses of the distinct images among ``images`` (n, *shape) sum to at most 1.

    ``log_p`` (n,) are the log-densities of the images at one draw of the noise, which are evaluated again where they
    sum to more. The value of the check is the logarithm of the sum.
    """
    _, first = np.unique(images.reshape(len(images), -1), axis=0, return_index=True)
    first.sort()
    return _check("masses_of_images", [images[first]], lambda _: log_p[first], log_mass, "distinct images")


def check_pixel_levels(
    images: Array, log_p: Array, levels: int, log_mass: LogMass, rng: np.random.Generator
) -> DensityCheck:
    """Check that the masses of the images which differ from one of ``images`` in one pixel sum to at most 1.

    The images are the four of highest ``log_p`` (n,), each changed in one random pixel to each grey level.
    """
    shades = np.unique(np.linspace(0, levels - 1, min(levels, MAX_LEVELS)).round().astype(images.dtype))
    groups = []
    for image in images[np.argsort(-log_p, kind="stable")[:IMAGES_WITH_CHANGED_PIXEL]]:
        versions = np.repeat(image.reshape(1, -1), len(shades), axis=0)
        versions[:, rng.integers(image.size)] = shades
        groups.append(versions.reshape(-1, *image.shape))
    return _check("masses_of_levels", groups, log_mass, log_mass, "images that differ in one pixel")


def _check(name: str, groups: Sequence[Array], one_draw: LogMass, log_mass: LogMass, what: str) -> DensityCheck:
    """Check groups of distinct images; ``one_draw`` gives their masses in nats at one draw of the noise."""
    try:
        values = np.split(one_draw(np.concatenate(groups)), np.cumsum([len(group) for group in groups])[:-1])
        totals = [_log_sum(each) for each in values]
        worst = int(np.argmax(totals))
        images, total, error = groups[worst], totals[worst], 0.0
        if total > math.log1p(TOLERANCE):
            total, error = _confirmed(images, log_mass)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        return DensityCheck(name, False, reason=f"log_prob could not be checked: {describe(raised)}")
    wrong = total - MAX_STANDARD_ERRORS * error > math.log1p(TOLERANCE)
    reason = f"the masses of {len(images)} {what} sum to e^{total:.3g}, and can at most sum to 1"
    return DensityCheck(name, not wrong, total if math.isfinite(total) else None, 0.0, reason if wrong else "")


def _confirmed(images: Array, log_mass: LogMass) -> tuple[float, float]:
    """Return the logarithm of the sum of the masses, each the exponential of a mean over the noise, and its error.

    The mean of the logarithms is at most the logarithm of the mass, whatever the noise of a bound is.
    """
    draws = np.stack([log_mass(images) for _ in range(CONFIRMING_DRAWS)])
    means = draws.mean(0)
    total = _log_sum(means)
    if not math.isfinite(total):
        return total, 0.0
    possible = np.isfinite(means)
    errors = draws[:, possible].std(0, ddof=1) / math.sqrt(CONFIRMING_DRAWS)
    return total, float((np.exp(means[possible] - total) * errors).sum())


def _log_sum(values: Array) -> float:
    """Return log Σ exp of values (n,); raises ValueError where one is nan or +inf."""
    if (bad := np.isnan(values) | np.isposinf(values)).any():
        raise ValueError(f"{int(bad.sum())} of {len(values)} values are nan or +inf")
    largest = float(values.max())
    return largest if not math.isfinite(largest) else largest + math.log(float(np.exp(values - largest).sum()))
