"""Observables of images: flux and shape of galaxies; power spectrum, moments and peaks of maps.

Each value depends on one image alone and is finite for any finite image, as samples of a model may be anything.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from genbench.protocol import Array

__all__ = ["galaxy_observables", "map_observables", "peak_counts", "power_in_bands"]

BLOCK_PIXELS = 1 << 20  # in one intermediate array
WINDOW_RADII = 1.5  # standard deviation of the window, in half-light radii
BANDS = 4  # of wavenumber, in equal steps of its logarithm
MIN_POWER = 1e-12  # replaces smaller powers and variances, so that logarithms are finite


# ------------------------------------------------------------------------------------------------------------ galaxies


def galaxy_observables(images: Array) -> dict[str, Array]:
    """Return the observables of images (n, size, size) of single centred galaxies, each (n,); lengths are in pixels.

    ``flux`` and ``peak`` are in units of the pixels. Half of the flux is within ``half_light_radius``, which includes
    the blur of the point-spread function. ``size`` and the ellipticities, (a² - b²) / (a² + b²) for axes a and b, come
    from second moments. These are weighted by a Gaussian of 1.5 half-light radii, as they would otherwise be dominated
    by noise in the wings.
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
    """Return the radius (n,) of the central circle that contains half of the light; 0 where there is no light."""
    size = images.shape[1]
    doubled = 2 * np.arange(size) - (size - 1)
    distance = (doubled**2 + doubled[:, None] ** 2).ravel()  # integers, so that pixels at the same distance are a ring
    order = np.argsort(distance, kind="stable")
    first = np.flatnonzero(np.diff(distance[order], prepend=-1))  # of each ring
    rings = np.add.reduceat(images.reshape(len(images), -1)[:, order], first, axis=1)
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
    width = WINDOW_RADII * np.clip(radius, 1.0, size / 4)
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
    """Return the observables of periodic maps (n, size, size), each (n,).

    They are decimal logarithms of the power in four bands of wavenumber and of the variance of pixels; the skewness and
    excess kurtosis of pixels; and the number of peaks above each threshold, which is in units of the map.
    """
    rows = max(1, BLOCK_PIXELS // int(np.prod(maps.shape[1:])))
    parts = [_measured(maps[start : start + rows], thresholds) for start in range(0, len(maps), rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def _measured(maps: Array, thresholds: tuple[float, ...]) -> dict[str, Array]:
    maps = np.asarray(maps, dtype=np.float64)
    power = np.log10(np.maximum(power_in_bands(maps), MIN_POWER))
    centred = maps - maps.mean((1, 2), keepdims=True)
    variance = np.maximum((centred**2).mean((1, 2)), MIN_POWER)
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

    Bands are equally wide in the logarithm of the wavenumber, from the longest wave that fits into the map to a wave of
    two pixels; bands without a mode, in small maps, are left out. The sum of the power over all modes but the mean is
    the variance of the pixels.
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
    """Return how many pixels (n, thresholds) of periodic maps exceed their eight neighbours and each threshold."""
    neighbours = [np.roll(maps, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    highest = np.maximum.reduce(neighbours)
    return np.stack([((maps > highest) & (maps > t)).sum((1, 2)) for t in thresholds], axis=1).astype(np.float64)
