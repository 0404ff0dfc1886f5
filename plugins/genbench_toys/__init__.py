"""Toy datasets whose density is known exactly, so that models can be compared with the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = [
    "BananaConfig",
    "CheckerboardConfig",
    "FunnelConfig",
    "GaussianConfig",
    "GaussianRingConfig",
    "GridConfig",
    "MixtureConfig",
    "MoonsConfig",
    "PinwheelConfig",
    "RingConfig",
    "SpiralsConfig",
    "TurnedMoonsConfig",
    "genbench_register",
]


def _within(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless ``low <= value <= high`` and the value is finite."""
    if not (low <= value <= high and value < inf):
        end = f"{high:g})" if high == inf else f"{high:g}]"
        raise ValueError(f"{name} must be in [{low:g}, {end}, got {value}")


def _positive(name: str, value: float) -> None:
    if not 0 < value < inf:
        raise ValueError(f"{name} must be in (0, inf), got {value}")


@dataclass(frozen=True)
class RingConfig:
    """Options of the ring of Gaussians.

    Much published code takes ``linspace(0, 2π, modes)`` with both ends: then the first mode counts twice, and only
    modes - 1 are distinct. ``angles="linspace"`` reproduces such results.
    """

    modes: int = 8  # Gaussians on the circle
    radius: float = 1.0  # of the circle
    sigma: float = 0.01  # standard deviation of each Gaussian
    angles: Literal["even", "linspace"] = "even"  # linspace repeats the first mode, as much published code does

    def __post_init__(self) -> None:
        _within("modes", self.modes, 2, 64)
        _positive("radius", self.radius)
        _positive("sigma", self.sigma)
        if self.angles not in ("even", "linspace"):
            raise ValueError(f"angles must be 'even' or 'linspace', got {self.angles!r}")


@dataclass(frozen=True)
class GridConfig:
    """Options of the grid of Gaussians."""

    side: int = 5  # Gaussians along each side
    spacing: float = 2.0  # between neighbours
    sigma: float = 0.05  # standard deviation of each Gaussian

    def __post_init__(self) -> None:
        _within("side", self.side, 1, 10)
        _positive("spacing", self.spacing)
        _positive("sigma", self.sigma)


@dataclass(frozen=True)
class MixtureConfig:
    """Options of the mixture of Gaussians in many dimensions."""

    dim: int = 16  # dimensions
    components: int = 8  # Gaussians of standard deviation 1 and equal weight
    separation: float = 20.0  # root mean square distance between two centres
    placement: int = 0  # seed of the random centres, which are the same for all seeds of a run

    def __post_init__(self) -> None:
        _within("dim", self.dim, 1, 1024)
        _within("components", self.components, 1, 64)
        _within("separation", self.separation, 0, inf)
        _within("placement", self.placement, 0, 2**32 - 1)

    @property
    def shape(self) -> tuple[int]:
        """Shape of one row."""
        return (self.dim,)


@dataclass(frozen=True)
class GaussianConfig:
    """Options of the Gaussian of any dimension."""

    dim: int = 2  # dimensions
    correlation: float = 0.0  # of neighbouring columns; columns k apart have its k-th power

    def __post_init__(self) -> None:
        _within("dim", self.dim, 1, 1024)
        if not -1 < self.correlation < 1:
            raise ValueError(f"correlation must be in (-1, 1), got {self.correlation}")

    @property
    def shape(self) -> tuple[int]:
        """Shape of one row."""
        return (self.dim,)


@dataclass(frozen=True)
class MoonsConfig:
    """Options of the two moons."""

    noise: float = 0.1  # standard deviation of the Gaussian noise around the two half circles

    def __post_init__(self) -> None:
        _within("noise", self.noise, 0.01, 1.0)


@dataclass(frozen=True)
class TurnedMoonsConfig:
    """Options of the two moons that are turned by a given angle."""

    noise: float = 0.1  # standard deviation of the Gaussian noise around the two half circles

    def __post_init__(self) -> None:
        _within("noise", self.noise, 0.01, 1.0)


@dataclass(frozen=True)
class SpiralsConfig:
    """Options of the two spirals."""

    turns: float = 1.5  # of each arm
    noise: float = 0.1  # standard deviation of the Gaussian noise around the arms

    def __post_init__(self) -> None:
        _within("turns", self.turns, 0.25, 4.0)
        _within("noise", self.noise, 0.05, 1.0)


@dataclass(frozen=True)
class GaussianRingConfig:
    """Options of the annulus."""

    radius: float = 1.0  # of the circle
    noise: float = 0.1  # standard deviation of the Gaussian noise around the circle, in units of the radius

    def __post_init__(self) -> None:
        _positive("radius", self.radius)
        _within("noise", self.noise, 0.01, 1.0)


@dataclass(frozen=True)
class PinwheelConfig:
    """Options of the pinwheel."""

    blades: int = 5  # arms
    radial: float = 0.3  # standard deviation along a blade, whose centre is at radius 1
    tangential: float = 0.1  # standard deviation across a blade
    twist: float = 0.25  # a point at radius r is rotated by twist * exp(r) radians

    def __post_init__(self) -> None:
        _within("blades", self.blades, 1, 12)
        _within("radial", self.radial, 0.05, 1.0)
        _within("tangential", self.tangential, 0.05, 1.0)
        _within("twist", self.twist, 0, 2)


@dataclass(frozen=True)
class CheckerboardConfig:
    """Options of the checkerboard."""

    tiles: int = 4  # along each side; the density is constant on every other tile
    width: float = 2.0  # of a tile

    def __post_init__(self) -> None:
        _within("tiles", self.tiles, 2, 64)
        _positive("width", self.width)


@dataclass(frozen=True)
class BananaConfig:
    """Options of the banana."""

    curvature: float = 1.0  # curvature * (x0² - 1) is added to x1; 0 is a plain Gaussian
    width: float = 0.5  # standard deviation across the banana

    def __post_init__(self) -> None:
        if not -inf < self.curvature < inf:
            raise ValueError(f"curvature must be in (-inf, inf), got {self.curvature}")
        _positive("width", self.width)


@dataclass(frozen=True)
class FunnelConfig:
    """Options of Neal's funnel."""

    dim: int = 10  # dimensions, the first of which sets the width of all others
    sigma: float = 3.0  # standard deviation of the first

    def __post_init__(self) -> None:
        _within("dim", self.dim, 2, 1024)
        _within("sigma", self.sigma, 0.01, 10)

    @property
    def shape(self) -> tuple[int]:
        """Shape of one row."""
        return (self.dim,)


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the toy datasets."""

    def toy(
        name: str,
        target: str,
        config: type | None,
        summary: str,
        *,
        modes: bool = False,
        conditions: bool = False,
        paper: str = "",
    ) -> Spec:
        return DatasetSpec(
            name,
            f"genbench_toys.{target}",
            config,
            summary,
            density=True,
            modes=modes,
            shape=(1,) if name == "michel" else (2,),  # the options of some change it
            conditions=conditions,
            licence="MIT",
            source="drawn by genbench",
            paper=paper,
        )

    return [
        toy(
            "ring",
            "mixtures:Ring",
            RingConfig,
            "8 narrow Gaussians on a circle: are all modes found?",
            modes=True,
            paper="Metz et al. 2017, arXiv:1611.02163",
        ),
        toy(
            "grid",
            "mixtures:Grid",
            GridConfig,
            "25 narrow Gaussians on a square grid: are all modes found?",
            modes=True,
            paper="Srivastava et al. 2017, arXiv:1705.07761",
        ),
        toy("mixture", "mixtures:Mixture", MixtureConfig, "Gaussians at random places in many dimensions", modes=True),
        toy(
            "gaussian",
            "gaussian:Gaussian",
            GaussianConfig,
            "one Gaussian in any dimension, to measure the curse of dimensionality",
        ),
        toy(
            "moons",
            "curves:Moons",
            MoonsConfig,
            "two interleaved half circles with Gaussian noise",
            paper="Pedregosa et al. 2011, arXiv:1201.0490",
        ),
        toy(
            "turned_moons",
            "turned_moons:TurnedMoons",
            TurnedMoonsConfig,
            "two moons, turned by a given angle: does a model follow its condition?",
            conditions=True,
        ),
        toy(
            "spirals",
            "curves:Spirals",
            SpiralsConfig,
            "two spiral arms with Gaussian noise",
            paper="Grathwohl et al. 2019, arXiv:1810.01367",
        ),
        toy(
            "gaussian_ring",
            "curves:GaussianRing",
            GaussianRingConfig,
            "a circle with Gaussian noise, whose inside a model must leave empty",
        ),
        toy(
            "pinwheel",
            "pinwheel:Pinwheel",
            PinwheelConfig,
            "Gaussian blades, twisted",
            paper="Johnson et al. 2016, arXiv:1603.06277",
        ),
        toy(
            "checkerboard",
            "planar:Checkerboard",
            CheckerboardConfig,
            "every other tile of a board: sharp edges, zero density between them",
            paper="Grathwohl et al. 2019, arXiv:1810.01367",
        ),
        toy(
            "banana",
            "planar:Banana",
            BananaConfig,
            "a bent Gaussian",
            paper="Haario et al. 1999, doi:10.1007/s001800050022",
        ),
        toy(
            "funnel",
            "funnel:Funnel",
            FunnelConfig,
            "Neal's funnel: a width that varies by orders of magnitude",
            paper="Neal 2003, doi:10.1214/aos/1056562461",
        ),
        toy(
            "michel",
            "michel:Michel",
            None,
            "energy of the electron from a muon's decay: one dimension, a sharp edge",
            paper="Michel 1950, doi:10.1088/0370-1298/63/5/311",
        ),
    ]
