"""Variational autoencoder of pythae (Chadebec et al. 2022, arXiv:2206.08309)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from genbench.protocol import RunContext, TrainingData
from pythae.data.datasets import DatasetOutput
from pythae.models import VAE, VAEConfig

from genbench_peers import PythaeVAEConfig

BLOCK_ROWS = 4096  # that the decoder makes at once


class PythaeVAE:
    """The library's VAE with its default networks, whose decoder ends in pixels from 0 to 1.

    Its samples are the means of the decoder, as those of the library's ``NormalSampler``.
    """

    def __init__(self, config: PythaeVAEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the evidence lower bound of ``data.train`` (n, c, h, w) by Adam, as the library's trainer does."""
        c = self.config
        self.model = VAE(VAEConfig(input_dim=data.shape, latent_dim=c.latent)).to(run.device)
        self.device = run.device
        adam = torch.optim.Adam(self.model.parameters(), lr=c.learning_rate)
        for x in run.batches(data.train, c.batch):
            loss = self.model(DatasetOutput(data=_pixels(x))).loss
            adam.zero_grad()
            loss.backward()
            adam.step()
            run.log(loss=loss)
        self.model.eval()

    @torch.no_grad()
    def sample(self, n: int) -> torch.Tensor:
        """Return (n, c, h, w)."""
        if not hasattr(self, "model"):
            raise RuntimeError("fit the model before sampling")
        codes = torch.randn(n, self.config.latent, device=self.device)
        return torch.cat([self._decode(part) for part in torch.split(codes, BLOCK_ROWS)])

    @torch.no_grad()
    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """Return x (n, c, h, w), encoded by the mean of its code and decoded."""
        return torch.cat(
            [self._decode(self.model.encoder(_pixels(part)).embedding) for part in torch.split(x, BLOCK_ROWS)]
        )

    def _decode(self, codes: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = 2 * self.model.decoder(codes)["reconstruction"] - 1
        return images

    def parameters(self) -> Iterator[torch.Tensor]:
        """Return the weights."""
        weights: Iterator[torch.Tensor] = self.model.parameters()
        return weights


def _pixels(x: torch.Tensor) -> torch.Tensor:
    return (x + 1) / 2
