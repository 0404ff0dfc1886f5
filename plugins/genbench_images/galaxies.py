"""Images of galaxies as a survey would take them: elliptical profiles, blurred, integrated over pixels, with noise.

Each galaxy has a Spergel profile (Spergel 2010, arXiv:1007.3248), which approximates Sérsic profiles from a disc to an
elliptical galaxy and has an elementary Fourier transform. So the shear, the Gaussian point-spread function and the
pixels are applied in Fourier space, exactly but for the aliasing of the far wings.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import gamma, kv

from genbench.budget import Sizes
from genbench.protocol import Array, Data
from genbench_images import GalaxiesConfig
from genbench_images.observables import galaxy_observables

__all__ = ["Galaxies", "half_light_radius", "render"]

BLOCK_IMAGES = 500  # that are drawn at once
MIN_INDEX, MAX_INDEX = -0.5, 0.5  # of Spergel: 0.5 is an exponential disc, -0.6 is near de Vaucouleurs' profile
SOFTENING = 3.0  # standard deviations of the noise, at which the scale changes from linear to logarithmic


def half_light_radius(index: Array) -> Array:
    """Return the radius (n,), in scale radii, that contains half of the light of Spergel profiles with indices (n,)."""

    def outer_light(u: float, nu: float) -> float:
        return float(2 * (1 + nu) * (u / 2) ** (nu + 1) * kv(nu + 1, u) / gamma(nu + 2) - 0.5)

    nodes = np.linspace(MIN_INDEX, MAX_INDEX, 33)
    radius: Array = np.interp(index, nodes, [brentq(outer_light, 1e-6, 10.0, args=(nu,)) for nu in nodes])
    return radius


def render(size: int, index: Array, radius: Array, ratio: Array, angle: Array, psf: float) -> Array:
    """Return images (n, size, size) of galaxies of flux 1 in the middle of the image.

    ``index`` (n,) is Spergel's, ``radius`` (n,) the half-light radius in pixels of a circle with the same area,
    ``ratio`` (n,) the ratio of the axes, ``angle`` (n,) the direction of the long axis in radians; ``psf`` is a
    standard deviation in pixels.
    """
    field = 2 * size  # twice the image, so that only faint light is aliased
    kx = 2 * np.pi * np.fft.rfftfreq(field)
    ky = 2 * np.pi * np.fft.fftfreq(field)[:, None]
    pixel = np.sinc(kx / (2 * np.pi)) * np.sinc(ky / (2 * np.pi))
    centre = np.exp(-1j * (kx + ky) * (size - 1) / 2)  # of an even number of pixels, the middle is a corner
    blur = pixel * np.exp(-0.5 * psf**2 * (kx**2 + ky**2)) * centre
    scale = (radius / half_light_radius(index))[:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    stretch = np.sqrt(ratio)[:, None, None]
    along, across = (cos * kx + sin * ky) / stretch, (cos * ky - sin * kx) * stretch
    profile = (1 + scale**2 * (along**2 + across**2)) ** -(1 + index)[:, None, None]
    return np.fft.irfft2(profile * blur, s=(field, field))[:, :size, :size]


class Galaxies:
    """Single galaxies of random brightness, size, shape and profile, with noise of standard deviation 1.

    Pixels are arcsinh(pixel / 3), as surveys display them, so that faint wings are visible beside bright centres.
    """

    def __init__(self, config: GalaxiesConfig) -> None:
        self.size = config.size
        self.psf = config.psf / math.sqrt(8 * math.log(2))

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return independent images (n, 1, size, size), float32; each split is drawn with its own generator."""
        seeds = rng.integers(2**63, size=3)
        wanted = (sizes.train, sizes.test, sizes.reference)
        parts = [self._sample(n, np.random.default_rng(seed)) for n, seed in zip(wanted, seeds, strict=True)]
        return Data(*parts, observables=self._observables)

    def _sample(self, n: int, rng: np.random.Generator) -> Array:
        out = np.empty((n, 1, self.size, self.size), dtype=np.float32)
        for start in range(0, n, BLOCK_IMAGES):
            m = min(BLOCK_IMAGES, n - start)
            index = rng.uniform(MIN_INDEX, MAX_INDEX, m)
            radius = self.size / 12 * rng.lognormal(0, 0.25, m)
            ratio = rng.uniform(0.3, 1.0, m)
            angle = rng.uniform(0, np.pi, m)
            flux = 1000 * rng.lognormal(0, 0.6, m)
            images = flux[:, None, None] * render(self.size, index, radius, ratio, angle, self.psf)
            images += rng.standard_normal(images.shape)
            out[start : start + m, 0] = np.arcsinh(images / SOFTENING)
        return out

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of images (n, 1, size, size), each (n,): in pixels, and in units of the noise."""
        stretched = np.clip(np.asarray(x, dtype=np.float64)[:, 0], -30, 30)  # samples of a model may be anywhere
        return galaxy_observables(SOFTENING * np.sinh(stretched))
