"""Generative adversarial network with the non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import softplus

from genbench.protocol import RunContext, TrainingData
from genbench.training import Average, cosine

from . import GANConfig
from .generators import GeneratorModel
from .networks import discriminator, evaluate, features_of
from .optim import Adam
from .penalty import input_gradient

__all__ = ["GAN", "discriminator_loss", "generator_loss", "r1_penalty"]


class GAN(GeneratorModel):
    """A generator trained against a discriminator, which learns to distinguish its samples from data.

    Nothing makes the generator cover the data: it can miss modes and still deceive the discriminator. The scores
    ``modes``, ``mode_kl`` and ``recall`` show this; ``r1`` and ``instance_noise`` are two remedies. Samples come from
    the generator with averaged weights. Where rows are given conditions, both networks are given them too.
    """

    config: GANConfig

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train on (n, *shape) rows. A step is one update of the discriminator and one of the generator."""
        c = self.config
        batch = c.batch or (256 if data.kind == "vector" else 64)
        learning_rate = c.learning_rate or (1e-3 if data.kind == "vector" else 5e-4)
        self.generator = self.new_generator(data.shape, data.condition_columns).to(run.device)
        count = features_of(data.condition_columns)
        self.discriminator = discriminator(data.shape, c.width, c.depth, c.channels, count).to(run.device)
        self.average = Average(self.generator, c.average, lag=10)
        adam_generator = Adam(self.generator, learning_rate, (0.5, 0.9))
        adam_discriminator = Adam(self.discriminator, learning_rate, (0.5, 0.9))

        rows = (data.train, data.conditions)
        for real, conditions in run.batches(rows, batch, sample=self.sample):  # (batch, *shape), (batch, k)
            factor, given = cosine(run.progress, c.flat), self.features(conditions)
            noise = c.instance_noise * (1 - run.progress)
            with torch.no_grad():
                fake = with_noise(self._generate(real, given), noise)
            real = with_noise(real, noise)
            loss = discriminator_loss(self._score(real, given), self._score(fake, given))
            if c.r1:
                loss = loss + c.r1 / 2 * r1_penalty(self.discriminator, real, given)
            adam_discriminator.descend(loss, factor)

            loss_generator = generator_loss(self._score(with_noise(self._generate(real, given), noise), given))
            adam_generator.descend(loss_generator, factor)
            self.average.update()
            run.log(loss=loss, loss_generator=loss_generator)

    def _generate(self, like: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
        """Return as many samples as ``like`` has rows, with gradient."""
        return evaluate(self.generator, torch.randn(len(like), self.latent, device=like.device), given)

    def _score(self, x: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
        return evaluate(self.discriminator, x, given)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the generator, then of the discriminator."""
        yield from self.generator.parameters()
        yield from self.discriminator.parameters()


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return -E log D(real) - E log (1 - D(fake)) of logits (n, 1), where D is their logistic function."""
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake: torch.Tensor) -> torch.Tensor:
    """Return -E log D(fake) of logits (n, 1); its gradient is largest where the discriminator rejects a sample."""
    return softplus(-fake).mean()


def r1_penalty(network: nn.Module, real: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
    """Return E ‖∇D(real)‖² of the logit (Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406)."""
    return input_gradient(network, real, given).flatten(1).square().sum(1).mean()


def with_noise(x: torch.Tensor, noise: float) -> torch.Tensor:
    """Return x plus Gaussian noise of this standard deviation (Sønderby et al. 2017, arXiv:1610.04490)."""
    return x + noise * torch.randn_like(x) if noise else x
