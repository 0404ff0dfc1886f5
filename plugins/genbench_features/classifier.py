"""Features of a small classifier, which is trained on the labels of the training rows and then frozen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from genbench.protocol import Array
from genbench_features import ClassifierConfig

__all__ = ["Classifier"]

BATCH_ROWS = 128
BLOCK_ROWS = 2048  # transformed at once
MAX_LEARNING_RATE = 3e-3  # of the one-cycle schedule: Smith & Topin 2019, arXiv:1708.07120
MAX_FULL_SIDE = 12  # pixels: the first layer halves larger images


class Classifier:
    """Features (n, width): the last hidden layer of a network that predicts the labels of the training rows.

    It has two convolutional layers for images, two dense ones for vectors. It is trained with AdamW on the CPU with a
    seed, so that the same rows give the same features, and never on held-out rows or samples.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        self.config = config

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Train on rows (n, d) or (n, channels, height, width) and integer labels (n,)."""
        if labels is None:
            raise ValueError("a classifier needs labels of the training rows")
        self.classes, targets = np.unique(labels, return_inverse=True)
        if len(self.classes) < 2:
            raise ValueError(f"a classifier needs two classes, all labels are {self.classes[0]}")
        flat = train.reshape(len(train), -1)
        self.centre, self.scale = flat.mean(0), np.full(flat.shape[1], max(float(flat.std()), 1e-12))
        self.shape = np.array(train.shape[1:])
        seed = int(rng.integers(2**63))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # fixes the order of sums, and is faster for small batches
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                torch.manual_seed(seed)
                self._build()
                self._train(self._tensor(train), torch.from_numpy(targets), torch.Generator().manual_seed(seed))
        finally:
            torch.set_num_threads(threads)

    def _build(self) -> None:
        width, classes = self.config.width, len(self.classes)
        shape = [int(n) for n in self.shape]
        body: list[nn.Module]
        if len(shape) == 1:
            body = [nn.Linear(shape[0], 2 * width), nn.SiLU()]
            last = 2 * width
        else:
            stride = 2 if min(shape[1:]) > MAX_FULL_SIDE else 1
            body = [
                nn.Conv2d(shape[0], 16, 3, stride=stride, padding=1), nn.SiLU(),
                nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.SiLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            ]  # fmt: skip
            last = 32 * 16
        self.features = nn.Sequential(*body, nn.Linear(last, width), nn.SiLU())
        self.head = nn.Linear(width, classes)

    def _train(self, rows: torch.Tensor, targets: torch.Tensor, order: torch.Generator) -> None:
        network = nn.Sequential(self.features, self.head)
        steps = self.config.steps
        optimiser = torch.optim.AdamW(network.parameters(), lr=MAX_LEARNING_RATE, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, MAX_LEARNING_RATE, total_steps=steps)
        for _ in range(steps):
            batch = torch.randint(len(rows), (min(BATCH_ROWS, len(rows)),), generator=order)
            loss = nn.functional.cross_entropy(network(rows[batch]), targets[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        network.eval()

    def _tensor(self, rows: Array) -> torch.Tensor:
        flat = (rows.reshape(len(rows), -1) - self.centre) / self.scale
        return torch.from_numpy(flat.reshape(rows.shape)).float()

    @torch.no_grad()
    def transform(self, rows: Array) -> Array:
        """Return features (n, width)."""
        blocks = [self.features(self._tensor(rows[i : i + BLOCK_ROWS])) for i in range(0, len(rows), BLOCK_ROWS)]
        return torch.cat(blocks).double().numpy()

    @torch.no_grad()
    def predict(self, features: Array) -> Array:
        """Return the most probable label (n,) of rows whose features are (n, width)."""
        return np.asarray(self.classes[self.head(torch.from_numpy(features).float()).argmax(1).numpy()])

    def state(self) -> Mapping[str, Array]:
        """Return the fitted arrays."""
        parts = {"features": self.features, "head": self.head}
        weights = {f"{part}.{name}": w.numpy() for part, net in parts.items() for name, w in net.state_dict().items()}
        own = {"classes": self.classes, "centre": self.centre, "scale": self.scale, "shape": self.shape}
        return {**own, **weights}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore the fitted arrays."""
        self.classes, self.centre = state["classes"], state["centre"]
        self.scale, self.shape = state["scale"], state["shape"]
        with torch.random.fork_rng(devices=[]):
            self._build()
        for part, network in (("features.", self.features), ("head.", self.head)):
            weights = {k.removeprefix(part): torch.from_numpy(v) for k, v in state.items() if k.startswith(part)}
            network.load_state_dict(weights)
            network.eval()
