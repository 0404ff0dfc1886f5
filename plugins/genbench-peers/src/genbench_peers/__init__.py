"""Models of other libraries under genbench's protocol: which library, not only which model."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec

__all__ = [
    "GaussianMixtureConfig", "KernelDensityConfig", "NormflowsNSFConfig", "PythaeVAEConfig", "TorchCFMConfig",
    "ZukoMAFConfig", "ZukoNSFConfig", "genbench_register",
]  # fmt: skip


@dataclass(frozen=True)
class GaussianMixtureConfig:
    """Options of scikit-learn's ``GaussianMixture``."""

    components: int = 0  # 0: the number of 1, 2, 4, 8, 16, 25, 36 with the lowest BIC
    covariance: str = "full"  # full, tied, diag or spherical

    def __post_init__(self) -> None:
        if self.components < 0:
            raise ValueError(f"components must be in [0, inf), got {self.components}")
        if self.covariance not in (allowed := ("full", "tied", "diag", "spherical")):
            raise ValueError(f"covariance must be one of {allowed}, got {self.covariance!r}")


@dataclass(frozen=True)
class KernelDensityConfig:
    """Options of scikit-learn's ``KernelDensity``."""

    bandwidth: float = 0.0  # standard deviation of the kernel, in the model's units; 0: chosen by cross-validation

    def __post_init__(self) -> None:
        if not 0 <= self.bandwidth < math.inf:
            raise ValueError(f"bandwidth must be in [0.0, inf), got {self.bandwidth}")


@dataclass(frozen=True)
class ZukoMAFConfig:
    """Options of zuko's ``MAF``, with its defaults; it is trained by Adam."""

    transforms: int = 3  # autoregressive transformations
    hidden: int = 64  # units of each of the two hidden layers
    batch: int = 256  # rows of a batch
    learning_rate: float = 1e-3  # of Adam

    def __post_init__(self) -> None:
        _check_positive(self, "transforms", "hidden", "batch", "learning_rate")


@dataclass(frozen=True)
class ZukoNSFConfig:
    """Options of zuko's ``NSF``, with its defaults; it is trained by Adam. Tuned for narrow modes: bins=32."""

    transforms: int = 3  # autoregressive transformations
    bins: int = 8  # pieces of each spline
    hidden: int = 64  # units of each of the two hidden layers
    batch: int = 256  # rows of a batch
    learning_rate: float = 1e-3  # of Adam

    def __post_init__(self) -> None:
        _check_positive(self, "transforms", "bins", "hidden", "batch", "learning_rate")


@dataclass(frozen=True)
class TorchCFMConfig:
    """Options of torchcfm, with the settings of its examples; sigma=0 keeps narrow modes sharp."""

    coupling: str = "independent"  # or optimal: batches of data and noise are matched by optimal transport
    sigma: float = 0.1  # width of the paths
    width: int = 64  # units of each of the three hidden layers
    batch: int = 256  # rows of a batch
    learning_rate: float = 1e-3  # of Adam
    tolerance: float = 1e-4  # of the solver, absolute and relative

    def __post_init__(self) -> None:
        _check_positive(self, "width", "batch", "learning_rate", "tolerance")
        if self.coupling not in (allowed := ("independent", "optimal")):
            raise ValueError(f"coupling must be one of {allowed}, got {self.coupling!r}")
        if not 0 <= self.sigma < math.inf:
            raise ValueError(f"sigma must be in [0.0, inf), got {self.sigma}")


@dataclass(frozen=True)
class NormflowsNSFConfig:
    """Options of the neural spline flow of normflows, as in its example, which has 16 transformations."""

    transforms: int = 4  # autoregressive transformations, each followed by a linear one
    bins: int = 8  # pieces of each spline
    hidden: int = 128  # units of each of the two hidden blocks
    batch: int = 512  # rows of a batch
    learning_rate: float = 5e-4  # of Adam

    def __post_init__(self) -> None:
        _check_positive(self, "transforms", "bins", "hidden", "batch", "learning_rate")


@dataclass(frozen=True)
class PythaeVAEConfig:
    """Options of pythae's ``VAE``, with its defaults and those of its trainer."""

    latent: int = 10  # dimensions of a code
    batch: int = 64  # images of a batch
    learning_rate: float = 1e-4  # of Adam

    def __post_init__(self) -> None:
        _check_positive(self, "latent", "batch", "learning_rate")


def _check_positive(config: object, *names: str) -> None:
    for name in names:
        if not 0 < (value := getattr(config, name)) < math.inf:
            raise ValueError(f"{name} must be in (0, inf), got {value}")


@hookimpl
def genbench_register() -> Iterable[ModelSpec]:
    """Return the specs of the libraries that are installed; scikit-learn always is."""
    specs = [
        ModelSpec(
            "sklearn_gmm", "genbench_peers.mixtures:GaussianMixtureModel", GaussianMixtureConfig,
            "scikit-learn's GaussianMixture", density="exact", iterative=False, paper="Pedregosa et al. 2011",
        ),
        ModelSpec(
            "sklearn_kde", "genbench_peers.mixtures:KernelDensityModel", KernelDensityConfig,
            "scikit-learn's KernelDensity", density="exact", iterative=False, paper="Pedregosa et al. 2011",
        ),
    ]  # fmt: skip
    if importlib.util.find_spec("zuko"):
        for name, config in (("maf", ZukoMAFConfig), ("nsf", ZukoNSFConfig)):
            specs.append(
                ModelSpec(
                    f"zuko_{name}", f"genbench_peers.flows:Zuko{name.upper()}", config, f"zuko's {name.upper()}",
                    density="exact", data=("vector",), conditions="optional", steps=4000, paper="Rozet et al. 2022",
                )
            )  # fmt: skip
    if importlib.util.find_spec("torchcfm") and importlib.util.find_spec("torchdiffeq"):
        specs.append(
            ModelSpec(
                "torchcfm", "genbench_peers.matching:TorchCFM", TorchCFMConfig, "torchcfm's conditional flow matching",
                data=("vector",), steps=10_000, paper="Tong et al. 2024, arXiv:2302.00482",
            )
        )  # fmt: skip
    if importlib.util.find_spec("normflows"):
        specs.append(
            ModelSpec(
                "normflows_nsf", "genbench_peers.spline_flow:NormflowsNSF", NormflowsNSFConfig,
                "normflows' neural spline flow", density="exact", data=("vector",), steps=4000,
                paper="Stimper et al. 2023, doi:10.21105/joss.05361",
            )
        )  # fmt: skip
    if importlib.util.find_spec("pythae"):
        specs.append(
            ModelSpec(
                "pythae_vae", "genbench_peers.autoencoder:PythaeVAE", PythaeVAEConfig, "pythae's VAE",
                data=("image",), steps=2000, paper="Chadebec et al. 2022, arXiv:2206.08309",
            )
        )  # fmt: skip
    return specs
