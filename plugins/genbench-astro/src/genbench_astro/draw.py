"""Draw a chunk of images: galaxies from a population, blurred, integrated over pixels, with noise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import galsim
import numpy as np
from genbench.protocol import Array

__all__ = ["Population", "chunk", "image", "population"]

INDICES = 13  # different Sérsic indices: GalSim makes a table for each
SPREAD_RADIUS, SPREAD_FLUX = 0.25, 0.6  # standard deviations of the logarithms
MAX_ELLIPTICITY = 0.7


@dataclass(frozen=True)
class Population:
    """Parameters of n galaxies."""

    index: Array  # (n,) of Sérsic
    radius: Array  # (n,) half-light radius in arcseconds
    flux: Array  # (n,)
    ellipticity: Array  # (n, 2)


def population(options: Mapping[str, Any], n: int, rng: np.random.Generator) -> Population:
    """Return ``n`` galaxies: uniform indices, lognormal radii and fluxes, ellipticities in random directions."""
    indices = np.linspace(options["index_min"], options["index_max"], INDICES)
    rms = options["ellipticity"]  # of a circular normal distribution, truncated at the largest ellipticity
    size = rms * np.sqrt(-np.log1p(rng.random(n) * np.expm1(-((MAX_ELLIPTICITY / rms) ** 2))))
    angle = rng.uniform(0, 2 * np.pi, n)
    return Population(
        rng.choice(indices, n),
        options["radius"] * rng.lognormal(0, SPREAD_RADIUS, n),
        options["flux"] * rng.lognormal(0, SPREAD_FLUX, n),
        np.stack([size * np.cos(angle), size * np.sin(angle)], axis=1),
    )


@lru_cache(maxsize=4)
def _atmosphere(width: float) -> Any:
    return galsim.Kolmogorov(fwhm=width)


def image(options: Mapping[str, Any], index: float, radius: float, flux: float, ellipticity: Array) -> Array:
    """Return one galaxy (size, size), in float32 counts without noise, in the middle of the image."""
    profile = galsim.Sersic(n=float(index), half_light_radius=float(radius), flux=float(flux))
    sheared = profile.shear(g1=float(ellipticity[0]), g2=float(ellipticity[1]))
    blurred = galsim.Convolve(sheared, _atmosphere(options["psf"]))
    drawn = blurred.drawImage(nx=options["size"], ny=options["size"], scale=options["pixel"], dtype=np.float32)
    result: Array = drawn.array
    return result


def chunk(options: Mapping[str, Any], number: int, n: int) -> tuple[Array, float]:
    """Return ``n`` images (n, size, size) of the chunk ``number``, and the cost of an image in CPU seconds.

    Images are float32, in units of the noise.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([number])))
    drawn = population(options, n, rng)
    out = np.empty((n, options["size"], options["size"]), dtype=np.float32)
    start = time.thread_time()
    for i, galaxy in enumerate(zip(drawn.index, drawn.radius, drawn.flux, drawn.ellipticity, strict=True)):
        out[i] = image(options, *galaxy)
    out /= np.float32(options["noise"])
    out += rng.standard_normal(out.shape, dtype=np.float32)
    return out, (time.thread_time() - start) / n
