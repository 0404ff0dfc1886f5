"""What a physicist measures of an image: light and shapes of galaxies; power, one-point law and peaks of maps.

Each number is of one image alone and finite for any finite image, for a model may draw anything.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from genbench.protocol import Array

__all__ = ["galaxy_observables", "map_observables", "peak_counts", "power_in_bands"]

BLOCK = 1 << 20  # pixels in one intermediate array
WINDOW = 1.5  # half-light radii
BANDS = 4  # of wavenumber, in equal steps of its logarithm
FAINTEST = 1e-12  # power and variance below this are told as this: a logarithm of zero has no distance


# ------------------------------------------------------------------------------------------------------------ galaxies


def galaxy_observables(images: Array) -> dict[str, Array]:
    """Return what is measured of images (n, size, size) of single centred galaxies, each (n,); lengths in pixels.

    ``flux`` and ``peak`` are in units of the pixels. Half the flux lies within ``half_light_radius``, the blur of the
    point-spread function included. ``size`` and the ellipticities are of second moments, weighted by a Gaussian of 1.5
    half-light radii, as noise in the wings would swamp them: (a² - b²) / (a² + b²) for weighted axes a and b.
    """
    images = np.asarray(images, dtype=np.float64)
    radius = _half_light_radius(images)
    return {
        "flux": images.sum((1, 2)),
        "peak": images.max((1, 2)),
        "half_light_radius": radius,
        **_shapes(images, radius),
    }


def _half_light_radius(images: Array) -> Array:
    """Return the radius (n,) of the circle about the middle in which half the light is; 0 where there is no light."""
    size = images.shape[1]
    doubled = 2 * np.arange(size) - (size - 1)
    distance = (doubled**2 + doubled[:, None] ** 2).ravel()  # whole numbers: pixels at the same distance are one ring
    outwards = np.argsort(distance, kind="stable")
    first = np.flatnonzero(np.diff(distance[outwards], prepend=-1))  # of each ring
    rings = np.add.reduceat(images.reshape(len(images), -1)[:, outwards], first, axis=1)
    inside = np.cumsum(rings, axis=1)
    half = inside[:, -1] / 2
    rows, reached = np.arange(len(images)), (inside >= half[:, None]).argmax(1)
    light = rings[rows, reached]
    missing = half - (inside[rows, reached] - light)
    part = np.clip(np.divide(missing, light, out=np.zeros_like(light), where=light > 0), 0, 1)
    pixels = first[reached] + part * np.diff(first, append=size**2)[reached]
    return np.where(half > 0, np.sqrt(pixels / np.pi), 0.0)  # of the circle of this area


def _shapes(images: Array, radius: Array) -> dict[str, Array]:
    size = images.shape[1]
    position = np.arange(size) - (size - 1) / 2
    width = WINDOW * np.clip(radius, 1.0, size / 4)
    weight = np.exp(-0.5 * (position / width[:, None]) ** 2)
    weighted = images * weight[:, None, :] * weight[:, :, None]
    total = np.maximum(weighted.sum((1, 2)), 1.0)  # a blank image has no shape
    xx, yy = ((weighted.sum(axis) * position**2).sum(1) / total for axis in (1, 2))
    xy = np.einsum("nij,i,j->n", weighted, position, position) / total
    square = np.maximum(xx + yy, 0.1)
    along, across = np.clip((xx - yy) / square, -1, 1), np.clip(2 * xy / square, -1, 1)
    return {
        "size": np.sqrt(square),
        "ellipticity": np.hypot(along, across),
        "ellipticity_1": along,
        "ellipticity_2": across,
    }


# ---------------------------------------------------------------------------------------------------------------- maps


def map_observables(maps: Array, thresholds: tuple[float, ...]) -> dict[str, Array]:
    """Return what is measured of periodic maps (n, size, size), each (n,).

    Decimal logarithms of the power in four bands of wavenumber and of the variance of pixels; the pixels' skewness and
    excess kurtosis; the number of peaks above each threshold, in units of the map.
    """
    rows = max(1, BLOCK // int(np.prod(maps.shape[1:])))
    parts = [_measured(maps[start : start + rows], thresholds) for start in range(0, len(maps), rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def _measured(maps: Array, thresholds: tuple[float, ...]) -> dict[str, Array]:
    maps = np.asarray(maps, dtype=np.float64)
    power = np.log10(np.maximum(power_in_bands(maps), FAINTEST))
    centred = maps - maps.mean((1, 2), keepdims=True)
    variance = np.maximum((centred**2).mean((1, 2)), FAINTEST)
    scaled = centred / np.sqrt(variance)[:, None, None]
    peaks = peak_counts(maps, thresholds)
    return {
        **{f"log_power_{band + 1}": power[:, band] for band in range(power.shape[1])},
        "log_variance": np.log10(variance),
        "skewness": (scaled**3).mean((1, 2)),
        "kurtosis": (scaled**4).mean((1, 2)) - 3,
        **{f"peaks_above_{t:.3g}": peaks[:, i] for i, t in enumerate(thresholds)},
    }


def power_in_bands(maps: Array) -> Array:
    """Return the mean power (n, bands) of the modes |F|² / size⁴ of periodic maps (n, size, size).

    Bands are equal in the logarithm of the wavenumber, from the longest wave that fits the map to two pixels; those of
    small maps that hold no mode are left out. Power, summed over all modes but the mean, is the variance of the pixels.
    """
    size = maps.shape[1]
    power = np.abs(np.fft.fft2(maps)) ** 2 / size**4
    frequency = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(frequency, frequency[:, None])
    edges = np.geomspace(1, size / 2, BANDS + 1) * (1 + 1e-9)  # a wave at an edge belongs below it
    edges[0] = 0.5
    bands = [(radius > low) & (radius <= high) for low, high in pairwise(edges)]
    return np.stack([power[:, band].mean(1) for band in bands if band.any()], axis=1)


def peak_counts(maps: Array, thresholds: tuple[float, ...]) -> Array:
    """Return how many pixels (n, thresholds) of periodic maps are above their eight neighbours and a threshold."""
    neighbours = [np.roll(maps, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    highest = np.maximum.reduce(neighbours)
    return np.stack([((maps > highest) & (maps > t)).sum((1, 2)) for t in thresholds], axis=1).astype(np.float64)
