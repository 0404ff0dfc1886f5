"""Wasserstein GAN with weight clipping (Arjovsky, Chintala, Bottou 2017, arXiv:1701.07875).

    W(p, q) = sup E_p f(x) - E_q f(x)  over all f whose slope is at most 1 everywhere       (eq. 2 of the paper)

The critic f stands for the best such function. Here its slope is bounded by clipping each weight to [-c, c] after each
update, "a clearly terrible way to enforce a Lipschitz constraint" in the paper's words (section 3): most weights end at
-c or c, so that the critic is a simple function of one slope, to which one mode is as good as two that lie near each
other. The gradient penalty of ``wgan_gp`` replaced it. On a grid of 25 Gaussians, with 25 CPU s of training, 14 modes
are found and the energy distance to the data is 0.043, more than that of one Gaussian (0.017); with the penalty, and
twice the time, it is 25 modes and 0.0007. The paper's learning rate of 5e-5 is for many more steps: here it is 5e-4.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from genbench.protocol import RunContext, TrainingData
from genbench.training import Average, cosine

from . import WGANConfig
from .generators import GeneratorModel
from .networks import discriminator
from .optim import RMSprop
from .wgan_gp import mini_batches

__all__ = ["WGAN", "clip", "critic_loss"]


class WGAN(GeneratorModel):
    """A generator trained with a critic, whose weights are clipped.

    ``wgan_gp`` is the same with a penalty in place of the clipping, and better. The critic starts with weights within
    the clip. Samples come from the generator with averaged weights.
    """

    config: WGANConfig

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train on (n, *shape) rows. A step takes one batch, divided into a mini-batch for each critic update."""
        c = self.config
        batch = c.batch or (64 if data.kind == "vector" else 32)
        self.generator = self.new_generator(data.shape).to(run.device)
        self.critic = discriminator(data.shape, c.width, c.depth, c.channels).to(run.device)
        with torch.no_grad():
            for weight in self.critic.parameters():  # larger ones would all be clipped to ±c at the first update
                weight.uniform_(-c.clip, c.clip)
        self.average = Average(self.generator, c.average, lag=10)
        optimiser_generator = RMSprop(self.generator, c.learning_rate)
        optimiser_critic = RMSprop(self.critic, c.learning_rate)

        for real in run.batches(data.train, c.critic_steps * batch, sample=self.sample):  # (critic_steps · batch, ..)
            factor = cosine(run.progress, c.flat)
            with torch.no_grad():
                fake = self.generator(torch.randn(len(real), self.latent, device=real.device))
            parts = (mini_batches(x, c.critic_steps) for x in (real, fake))
            for some_real, some_fake in zip(*parts, strict=True):  # (batch, *shape) each
                loss = critic_loss(self.critic, some_real, some_fake)
                optimiser_critic.descend(loss, factor)
                clip(optimiser_critic.weights, c.clip)

            z = torch.randn(batch, self.latent, device=real.device)
            loss_generator = -self.critic(self.generator(z)).mean()
            optimiser_generator.descend(loss_generator, factor)
            self.average.update()
            run.log(loss=loss, loss_generator=loss_generator)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the generator, then of the critic."""
        yield from self.generator.parameters()
        yield from list(self.critic.parameters())[:-1]  # the last bias cancels in every loss: it learns nothing


def critic_loss(critic: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Return E f(fake) - E f(real), minus the estimate of the Wasserstein distance in units of the critic's slope."""
    loss: torch.Tensor = critic(fake).mean() - critic(real).mean()
    return loss


@torch.no_grad()
def clip(weights: list[nn.Parameter], limit: float) -> None:
    """Set each weight to the nearest number in [-limit, limit], in place."""
    for weight in weights:
        weight.clamp_(-limit, limit)
