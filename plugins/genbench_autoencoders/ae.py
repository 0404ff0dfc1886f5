"""Autoencoder: two networks that squeeze each sample into a code and back (Hinton & Salakhutdinov 2006).

An autoencoder is no distribution. What samples here is a Gaussian mixture fitted on the codes after training, pushed
through the decoder; it has no likelihood. Where the code has as many dimensions as the data, nothing is squeezed and
the mixture does all of the work.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from genbench.protocol import RunContext, TrainingData
from genbench_autoencoders import AEConfig
from genbench_autoencoders.mixture import Mixture
from genbench_autoencoders.networks import decoder, encoder, latent_dimensions

__all__ = ["AE"]

DECAY = 0.999  # of the moving average of the weights
BLOCK = 1024  # rows that go through a network at once, after training
DRAFT = 1000  # codes that the mixture is fitted on in the middle of training


class AE:
    """Autoencoder with squared error, and a Gaussian mixture on its codes (Ghosh et al. 2020, arXiv:1903.12436)."""

    def __init__(self, config: AEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn to reconstruct ``data.train`` (n, *shape), then the density of its codes."""
        config = self.config
        latent = latent_dimensions(config.latent, data.shape)
        self.bounded = data.levels is not None
        encode, decode = encoder(data.shape, latent, config.width), decoder(latent, data.shape, config.width)
        network = nn.Sequential(encode, decode).to(run.device)
        self.network = copy.deepcopy(network).eval().requires_grad_(False)  # the moving average, which is what is used
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, fused=True)

        for step, x in enumerate(run.batches(data.train, config.batch, sample=lambda n: self._draft(data.train, n))):
            optimizer.param_groups[0]["lr"] = 0.5 * config.lr * (1 + math.cos(math.pi * run.progress))
            loss = (network(x) - x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            _average(self.network, network, step)
            run.log(loss=loss)

        self.mixture = self._mixture(data.train, len(data.train))

    def sample(self, n: int) -> Tensor:
        """Return (n, *shape): the decoder's image of codes drawn from the mixture."""
        if not hasattr(self, "mixture"):
            raise RuntimeError("fit the model before sampling")
        x = self.decode(self.mixture.sample(n))
        return x.clamp(-1, 1) if self.bounded else x

    def _mixture(self, x: Tensor, n: int) -> Mixture:
        codes = self.encode(x[torch.randperm(len(x), device=x.device)[:n]])  # (n, latent)
        held_out = math.ceil(len(codes) / 10)
        return Mixture(codes[held_out:] if len(codes) > 1 else codes, codes[:held_out])

    def _draft(self, x: Tensor, n: int) -> Tensor:
        """Return samples (n, *shape) in the middle of training, of a mixture fitted on few codes of x."""
        self.mixture = self._mixture(x, DRAFT)
        return self.sample(n)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Return codes (n, latent) of x (n, *shape)."""
        return torch.cat([self.network[0](block) for block in torch.split(x, BLOCK)])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return samples (n, *shape) of codes z (n, latent)."""
        return torch.cat([self.network[1](block) for block in torch.split(z, BLOCK)])

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return x (n, *shape) as it comes back from its code."""
        return self.decode(self.encode(x))

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors of both networks."""
        return self.network.parameters()


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, step: int) -> None:
    decay = min(DECAY, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
