"""Mean shape and fluctuations of electromagnetic showers, parametrised for homogeneous media.

Along the shower the energy follows a gamma distribution of the depth (Longo & Sestili 1975,
doi:10.1016/0029-554X(75)90679-5), whose maximum T and shape α fluctuate from shower to shower and are correlated
(Grindhammer, Rudowicz & Peters 1990, doi:10.1016/0168-9002(90)90566-O). Across it, a core and a tail (Grindhammer &
Peters 2000, arXiv:hep-ex/0001020, appendix A.1, whose symbols and numbers these are). Depths are in radiation lengths,
radii in Molière radii, energies in GeV.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc

from genbench.protocol import Array

__all__ = ["CRITICAL_ENERGY", "core_and_tail", "longitudinal", "shares_of_layers", "shares_of_rings"]

Z = 82  # lead
CRITICAL_ENERGY = 0.00743  # GeV, of lead


def longitudinal(energy: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the depth T of the maximum and the shape α of showers of these energies (n,), each (n,).

    Their logarithms are normal and correlated; α is kept above 1.1, so that each shower has a maximum.
    """
    y = np.log(energy / CRITICAL_ENERGY)
    mean_t, spread_t = np.log(y - 0.812), 1 / (-1.4 + 1.26 * y)
    mean_a, spread_a = np.log(0.81 + (0.458 + 2.26 / Z) * y), 1 / (-0.58 + 0.86 * y)
    correlation = 0.705 - 0.023 * y
    first, second = rng.standard_normal((2, len(energy)))
    log_t = mean_t + spread_t * first
    log_a = mean_a + spread_a * (correlation * first + np.sqrt(1 - correlation**2) * second)
    return np.exp(log_t), np.maximum(np.exp(log_a), 1.1)


def shares_of_layers(maximum: Array, shape: Array, edges: Array) -> Array:
    """Return the shares of the energy between ``edges`` (k + 1,), (n, k), of showers with T and α (n,) each.

    dE/dt is proportional to (βt)^(α-1) exp(-βt) with β = (α - 1) / T. What lies behind the last edge leaks out.
    """
    rate = (shape - 1) / maximum
    return np.diff(gammainc(shape[:, None], rate[:, None] * edges), axis=1)


def core_and_tail(energy: Array, depth: Array) -> tuple[Array, Array, Array]:
    """Return the radii of core and tail and the share of the core, at depths in units of that of the maximum."""
    log_e, tau = np.log(energy), depth
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * Z) * tau
    tail = (0.659 - 0.00309 * Z) * (np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log_e) * (tau - 0.645)))
    lag = (0.401 + 0.00187 * Z - tau) / (1.313 - 0.0686 * log_e)
    share = np.clip((2.632 - 0.00094 * Z) * np.exp(lag - np.exp(lag)), 0, 1)
    return core, tail, share


def shares_of_rings(core: Array, tail: Array, share: Array, edges: Array) -> Array:
    """Return the shares of a layer's energy between radii ``edges`` (m + 1,), as (..., m).

    A part of radius R has r² / (r² + R²) of its energy within r.
    """
    square = edges**2
    with np.errstate(invalid="ignore"):

        def within(radius: Array) -> Array:
            return np.where(np.isinf(square), 1.0, square / (square + radius[..., None] ** 2))

        inside = share[..., None] * within(core) + (1 - share[..., None]) * within(tail)
    return np.diff(inside, axis=-1)
