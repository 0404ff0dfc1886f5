"""Feature spaces in which scores can be computed, and scores that are taken in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, SpaceSpec, Spec

__all__ = [
    "ClassifierConfig", "EfficientNetConfig", "FLDConfig", "PCAConfig", "RandomConvolutionsConfig", "VendiConfig",
    "genbench_register",
]  # fmt: skip


@dataclass(frozen=True)
class PCAConfig:
    """Options of the principal components."""

    dimensions: int = 64  # components that are kept, at most; never more than rows or columns
    variance: float = 0.999  # share of the variance that the components explain; the rest is taken for noise

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise ValueError(f"dimensions must be in [1, inf), got {self.dimensions}")
        if not 0 < self.variance <= 1:
            raise ValueError(f"variance must be in (0, 1], got {self.variance}")


@dataclass(frozen=True)
class ClassifierConfig:
    """Options of the frozen classifier."""

    width: int = 64  # features: units of the last hidden layer
    steps: int = 300  # batches of 128 rows that the classifier is trained on

    def __post_init__(self) -> None:
        for name in ("width", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [1, inf), got {getattr(self, name)}")


@dataclass(frozen=True)
class RandomConvolutionsConfig:
    """Options of the random convolutions."""

    filters: int = 64  # features: half of them of the image, half of the image at half its resolution

    def __post_init__(self) -> None:
        if self.filters < 2 or self.filters % 2:
            raise ValueError(f"filters must be even and in [2, inf), got {self.filters}")


@dataclass(frozen=True)
class EfficientNetConfig:
    """Options of the features of EfficientNet-Lite0."""

    size: int = 96  # images are scaled to this number of pixels along each side

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 512:
            raise ValueError(f"size must be in [32, 512], got {self.size}")


@dataclass(frozen=True)
class FLDConfig:
    """Options of the feature likelihood divergence."""

    max_rows: int = 1000  # samples that are used, at most

    def __post_init__(self) -> None:
        if self.max_rows < 40:
            raise ValueError(f"max_rows must be in [40, inf), got {self.max_rows}")


@dataclass(frozen=True)
class VendiConfig:
    """Options of the Vendi score."""

    max_rows: int = 2000  # of either side; more are subsampled at random

    def __post_init__(self) -> None:
        if self.max_rows < 2:
            raise ValueError(f"max_rows must be in [2, inf), got {self.max_rows}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the spaces ``pca classifier random_convolutions efficientnet`` and of three metrics."""
    image_metrics = ("frechet", "kid")
    return [
        SpaceSpec(
            "pca",
            "genbench_features.pca:PCA",
            PCAConfig,
            "principal components of the training rows, each scaled to standard deviation 1",
            image_metrics=image_metrics,
            paper="Hotelling 1933, doi:10.1037/h0071325",
        ),
        SpaceSpec(
            "classifier",
            "genbench_features.classifier:Classifier",
            ClassifierConfig,
            "last hidden layer of a small classifier trained on the labels of the training rows, then frozen",
            needs=("labels",),
            image_metrics=image_metrics,
        ),
        SpaceSpec(
            "random_convolutions",
            "genbench_features.random_convolutions:RandomConvolutions",
            RandomConvolutionsConfig,
            "convolutions with random filters, averaged over the image: without training and labels",
            data=("image",),
            paper="Rahimi & Recht 2007, NeurIPS 20; Saxe et al. 2011, ICML 28",
        ),
        SpaceSpec(
            "efficientnet",
            "genbench_features.efficientnet:EfficientNetLite0",
            EfficientNetConfig,
            "1280 ImageNet features of EfficientNet-Lite0; needs genbench[features]",
            data=("image",),
            paper="Tan & Le 2019, arXiv:1905.11946",
        ),
        MetricSpec(
            "label_tv",
            "genbench_features.histogram:label_tv",
            None,
            "total variation distance between the label histograms of samples and of held-out rows",
            best=0.0,
            needs=("samples", "labels"),
            space="classifier",
            version=2,
        ),
        MetricSpec(
            "fld",
            "genbench_features.fld:fld",
            FLDConfig,
            "feature likelihood divergence: held-out rows under Gaussians around samples, fitted to training rows",
            unit="nats per 100 dimensions",
            best=0.0,
            needs=("samples", "train"),
            data=("image",),
            space="pca",
            optional=True,
            paper="Jiralerspong et al. 2023, arXiv:2302.04440",
        ),
        MetricSpec(
            "vendi",
            "genbench_features.vendi:vendi",
            VendiConfig,
            "effective number of different samples, divided by that of real rows",
            better="higher",
            ranked=False,
            best=1.0,
            data=("image",),
            space="pca",
            optional=True,
            paper="Friedman & Dieng 2022, arXiv:2210.02410",
        ),
    ]
