"""Wasserstein GAN with gradient penalty (Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, arXiv:1704.00028)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from genbench.protocol import RunContext, TrainingData
from genbench.training import Average, cosine

from . import WGANGPConfig
from .generators import GeneratorModel
from .networks import MLP, discriminator, evaluate, features_of
from .optim import Adam
from .penalty import critic_gradients, gradient_penalty

__all__ = ["WGANGP", "critic_loss", "mini_batches"]


class WGANGP(GeneratorModel):
    """A generator trained with a critic f, whose mean differs between data and samples by the Wasserstein distance.

    A penalty keeps the norm of the critic's gradient near 1 on lines between data and samples. Apart from the penalty,
    minus the logged ``loss`` estimates the distance. Samples come from the generator with averaged weights. Where rows
    are given conditions, both networks are given them too: the distance is then that of rows and conditions together.
    """

    config: WGANGPConfig

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train on (n, *shape) rows. A step takes one batch, divided into a mini-batch for each critic update."""
        c = self.config
        batch = c.batch or (64 if data.kind == "vector" else 32)
        self.generator = self.new_generator(data.shape, data.condition_columns).to(run.device)
        count = features_of(data.condition_columns)
        self.critic = discriminator(data.shape, c.width, c.depth, c.channels, count).to(run.device)
        self.average = Average(self.generator, c.average, lag=10)
        adam_generator = Adam(self.generator, c.learning_rate, (0.5, 0.9))
        adam_critic = Adam(self.critic, c.learning_rate, (0.5, 0.9))

        tensors, rows = (data.train, data.conditions), c.critic_steps * batch
        for real, conditions in run.batches(tensors, rows, sample=self.sample):  # (rows, *shape), (rows, k)
            factor, given = cosine(run.progress, c.flat), self.features(conditions)
            fake, mixed = self._fake_and_mixed(real, given)
            parts: list[Sequence[Any]] = [mini_batches(x, c.critic_steps) for x in (real, fake, mixed)]
            parts.append([None] * len(parts[0]) if given is None else mini_batches(given, c.critic_steps))
            for some_real, some_fake, some_mixed, some_given in zip(*parts, strict=True):  # (batch, *shape) each
                loss, gradients = critic_step(self.critic, some_real, some_fake, some_mixed, c.penalty, some_given)
                adam_critic.step(gradients, factor)

            z = torch.randn(batch, self.latent, device=real.device)
            given = None if given is None else given[torch.arange(batch, device=given.device) % len(given)]
            loss_generator = -evaluate(self.critic, evaluate(self.generator, z, given), given).mean()
            adam_generator.descend(loss_generator, factor)
            self.average.update()
            run.log(loss=loss, loss_generator=loss_generator)

    @torch.no_grad()
    def _fake_and_mixed(self, real: torch.Tensor, given: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return samples, and uniform draws from the lines between samples and real rows, both (n, *shape).

        A sample has the conditions of the real row that it is mixed with.
        """
        fake = evaluate(self.generator, torch.randn(len(real), self.latent, device=real.device), given)
        fake = fake.to(real.dtype)  # in bf16 a network returns bf16
        share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
        return fake, torch.lerp(real, fake, share)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the generator, then of the critic."""
        yield from self.generator.parameters()
        yield from list(self.critic.parameters())[:-1]  # the last bias cancels in every loss: it learns nothing


def mini_batches(rows: torch.Tensor, count: int) -> Sequence[torch.Tensor]:
    """Return rows in ``count`` parts of nearly equal size, or in parts of one row where there are fewer rows."""
    return rows.tensor_split(min(count, len(rows)))


def critic_loss(
    critic: nn.Module,
    real: torch.Tensor,
    fake: torch.Tensor,
    mixed: torch.Tensor,
    penalty: float,
    given: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return E f(fake) - E f(real) + penalty · E (‖∇f(mixed)‖ - 1)², the paper's equation 3.

    All three are given the same features of conditions (n, k), where there are any.
    """
    distance = evaluate(critic, fake, given).mean() - evaluate(critic, real, given).mean()
    loss: torch.Tensor = distance + penalty * gradient_penalty(critic, mixed, given)
    return loss


def critic_step(
    critic: nn.Module,
    real: torch.Tensor,
    fake: torch.Tensor,
    mixed: torch.Tensor,
    penalty: float,
    given: torch.Tensor | None = None,
) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
    """Return the critic's loss and its gradients with respect to the critic's parameters."""
    if isinstance(critic, MLP):
        with torch.autocast(real.device.type, enabled=False):  # products by hand are not cast
            return critic_gradients(critic, real, fake, mixed, penalty, given)  # the same in half the time
    loss = critic_loss(critic, real, fake, mixed, penalty, given)
    return loss, torch.autograd.grad(loss, list(critic.parameters()))
