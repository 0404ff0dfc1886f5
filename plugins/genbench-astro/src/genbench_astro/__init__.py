"""Astronomy: images of galaxies, drawn by GalSim."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass, field

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = ["GalaxiesConfig", "galsim_version", "genbench_register"]

GALSIM = "galsim==2.8.5"
RANGES = {
    "size": (16, 128),
    "pixel": (0.01, 2),
    "index_min": (0.3, 6.2),  # what GalSim draws
    "index_max": (0.3, 6.2),
    "radius": (0.05, 10),
    "ellipticity": (0.01, 0.5),
    "flux": (1, 1e9),
    "psf": (0.1, 5),
    "noise": (1e-3, 1e6),
}


def galsim_version() -> str:
    """Return the version of GalSim that is installed; raises ImportError where none is."""
    try:
        return importlib.metadata.version("galsim")
    except importlib.metadata.PackageNotFoundError:
        raise ImportError(f"GalSim is not installed; try: pip install {GALSIM}") from None


@dataclass(frozen=True)
class GalaxiesConfig:
    """Options of the galaxies: lengths in arcseconds, light in counts."""

    size: int = 32  # pixels along each side
    pixel: float = 0.2  # width of a pixel
    index_min: float = 1.0  # smallest Sérsic index: 1 is an exponential disc
    index_max: float = 4.0  # largest Sérsic index: 4 is de Vaucouleurs' elliptical galaxy
    radius: float = 0.7  # median half-light radius, without the blur
    ellipticity: float = 0.3  # root mean square of (1 - q) / (1 + q) for axes of ratio q
    flux: float = 2000.0  # median flux of a galaxy
    psf: float = 0.7  # full width at half maximum of the point-spread function, that of a turbulent atmosphere
    noise: float = 1.0  # standard deviation of the noise in each pixel
    galsim: str = field(default_factory=galsim_version)  # the version that must be installed

    def __post_init__(self) -> None:
        if self.galsim != galsim_version():
            raise ValueError(f"galsim {self.galsim} is asked for, {galsim_version()} is installed")
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {getattr(self, name):g}")
        if self.index_min > self.index_max:
            raise ValueError(f"index_min must not be above index_max = {self.index_max:g}, got {self.index_min:g}")
        if self.psf < 1.4999 * self.pixel:  # a sharper image would not be sampled by its pixels
            raise ValueError(f"psf must be 1.5 pixels or more, {1.5 * self.pixel:g}, got {self.psf:g}")
        if self.radius > self.size * self.pixel / 4:
            raise ValueError(
                f"radius must be a quarter of the image or less, {self.size * self.pixel / 4:g}, got {self.radius:g}"
            )


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of the dataset; raises ImportError, with the remedy, where GalSim is not installed."""
    version = galsim_version()
    return [
        DatasetSpec(
            "galaxies_galsim",
            "genbench_astro.galaxies:Galaxies",
            GalaxiesConfig,
            "single galaxies as in a survey from the ground, drawn by GalSim: Sérsic profiles, seeing, noise",
            data="image",
            observables=True,
            simulator=True,
            licence="MIT (drawn by GalSim, BSD)",
            source=f"GalSim {version}, Rowe et al. 2015, arXiv:1407.7676",
            paper="Sérsic 1963, BAAA 6, 41",
        )
    ]
