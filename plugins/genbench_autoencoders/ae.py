"""Autoencoder: one network compresses each sample into a code, another restores it (Hinton & Salakhutdinov 2006).

An autoencoder is not a distribution. Samples are codes drawn from a Gaussian mixture, which is fitted after training,
and then decoded; they have no likelihood. Where the code has as many dimensions as the data, nothing is compressed and
the mixture does all of the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, cosine, from_arrays, to_arrays
from genbench_autoencoders import AEConfig
from genbench_autoencoders.mixture import Mixture
from genbench_autoencoders.networks import decoder, encoder, latent_dimensions

__all__ = ["AE"]

BLOCK_ROWS = 1024  # that go through a network at once, after training
SNAPSHOT_CODES = 1000  # that the mixture is fitted on for a snapshot during training


class AE:
    """Autoencoder with squared error, and a Gaussian mixture on its codes (Ghosh et al. 2020, arXiv:1903.12436)."""

    def __init__(self, config: AEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn to reconstruct ``data.train`` (n, *shape), then the density of its codes."""
        config, self.shape = self.config, data.shape
        self.latent = latent_dimensions(config.latent, data.shape)
        self.bounded = data.levels is not None
        network = self._networks().to(run.device)
        average = Average(network)
        self.network = average.network  # used after training
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, fused=True)

        for x in run.batches(data.train, config.batch, sample=lambda n: self._snapshot(data.train, n)):
            optimizer.param_groups[0]["lr"] = config.lr * cosine(run.progress)
            loss = (network(x) - x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update()
            run.log(loss=loss)

        self.mixture = self._mixture(data.train, len(data.train))

    def sample(self, n: int) -> Tensor:
        """Return (n, *shape): codes drawn from the mixture, decoded."""
        if not hasattr(self, "mixture"):
            raise RuntimeError("fit the model before sampling")
        x = self.decode(self.mixture.sample(n))
        return x.clamp(-1, 1) if self.bounded else x

    def _networks(self) -> nn.Sequential:
        """Return the encoder and the decoder."""
        encode = encoder(self.shape, self.latent, self.config.width)
        return nn.Sequential(encode, decoder(self.latent, self.shape, self.config.width))

    def _mixture(self, x: Tensor, n: int) -> Mixture:
        codes = self.encode(x[torch.randperm(len(x), device=x.device)[:n]])  # (n, latent)
        held_out = math.ceil(len(codes) / 10)
        return Mixture(codes[held_out:] if len(codes) > 1 else codes, codes[:held_out])

    def _snapshot(self, x: Tensor, n: int) -> Tensor:
        """Return samples (n, *shape) during training, from a mixture fitted on a few codes of x."""
        self.mixture = self._mixture(x, SNAPSHOT_CODES)
        return self.sample(n)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Return codes (n, latent) of x (n, *shape)."""
        return torch.cat([self.network[0](block) for block in torch.split(x, BLOCK_ROWS)])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return samples (n, *shape) of codes z (n, latent)."""
        return torch.cat([self.network[1](block) for block in torch.split(z, BLOCK_ROWS)])

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return x (n, *shape) encoded and decoded again."""
        return self.decode(self.encode(x))

    def state(self) -> dict[str, Array]:
        """Return the averaged weights and the mixture of the codes as arrays by name."""
        sizes = {"shape": self.shape, "latent": self.latent, "bounded": self.bounded}
        return to_arrays(network=self.network, **sizes, **self.mixture.parts)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.shape, self.latent, self.bounded = tuple(parts["shape"]), parts["latent"], parts["bounded"]
        self.network = self._networks().eval().requires_grad_(False)
        self.network.load_state_dict(parts["network"])
        self.mixture = Mixture.of(parts)

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors of both networks."""
        return self.network.parameters()
