"""MNIST (LeCun et al. 1998), of which 10,000 digits are stored, and Fashion-MNIST (Xiao et al. 2017)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Data
from genbench.stored import load_stored
from genbench_images import FashionMNISTConfig, MNISTConfig
from genbench_images.idx import read_labelled
from genbench_images.labelled import split_images

__all__ = ["MNIST", "FashionMNIST"]

DATA_FILE = Path(__file__).parent / "data" / "mnist.npz"


class MNIST:
    """Handwritten digits: the stored 10,000, or those of the IDX files at ``path``."""

    def __init__(self, config: MNISTConfig) -> None:
        self.path = config.path

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits of images (n, 1, 28, 28) with 256 grey levels, labelled 0 .. 9.

        Raises DataError where the files are missing or damaged.
        """
        if self.path:
            remedy = "give mnist.path the folder that holds them, or leave it out for the stored 10,000"
            images, labels = read_labelled(Path(self.path).expanduser(), remedy)
        else:
            stored = load_stored(DATA_FILE)
            images, labels = stored["images"], stored["labels"]
        return split_images(images, labels, 256, sizes, rng)


class FashionMNIST:
    """Photographs of clothes in 10 classes, from T-shirts to ankle boots."""

    def __init__(self, config: FashionMNISTConfig) -> None:
        self.path = config.path

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits of images (n, 1, 28, 28) with 256 grey levels, labelled 0 .. 9.

        Raises DataError where the files are missing or damaged.
        """
        remedy = (
            "on Debian: apt install dataset-fashion-mnist; elsewhere give fashion_mnist.path the folder of the files"
        )
        images, labels = read_labelled(Path(self.path).expanduser(), remedy)
        return split_images(images, labels, 256, sizes, rng)
