"""Distributions p(x|z) whose parameters a decoder returns, each with a density in the model's space.

Integer images are dequantised: each of the grey levels 0 .. levels - 1 is an interval of width 2 / levels in [-1, 1],
and the density in it is the probability of the level divided by that width.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid

__all__ = ["Categorical", "Gaussian", "LogisticMixture", "Quantised", "likelihood_for"]

MAX_CATEGORIES = 32  # with more grey levels, most of a decoder's weights would be those of its outputs
MIXTURE_COMPONENTS = 5


def likelihood_for(shape: tuple[int, ...], levels: int | None, sigma: float) -> Gaussian | Quantised:
    """Return p(x|z) for samples of this shape: Gaussian where ``levels`` is None, else over that many grey levels."""
    if levels is None:
        return Gaussian(shape, sigma)
    return Categorical(levels) if levels <= MAX_CATEGORIES else LogisticMixture(levels)


class Gaussian(nn.Module):
    """N(x; decoded, σ²) with a learned σ: one for each column of a table, one for all pixels of an image.

    Source: Rybkin et al. 2021 (arXiv:2006.13202).
    """

    outputs = 1  # of the decoder, for each value of x

    def __init__(self, shape: tuple[int, ...], sigma: float) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.full(shape if len(shape) == 1 else (1, 1, 1), math.log(sigma)))

    def log_prob(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return (n,) nats for decoded and x (n, *shape)."""
        residual = (x - decoded) * (-self.log_sigma).exp()
        return -(0.5 * residual.square() + self.log_sigma + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def sample(self, decoded: Tensor) -> Tensor:
        """Return x (n, *shape) drawn from p(x|z)."""
        return decoded + self.log_sigma.exp() * torch.randn_like(decoded)

    def mean(self, decoded: Tensor) -> Tensor:
        """Return the mean (n, *shape) of p(x|z)."""
        return decoded

    def calibrate(self, decoded: Tensor, x: Tensor) -> None:
        """Set σ to the root mean square of x - decoded (n, *shape), with x decoded from draws of its codes."""
        axes = [0] if self.log_sigma.dim() == 1 else [0, 1, 2, 3]
        square = (x - decoded).square().mean(axes).clamp(min=1e-6)
        self.log_sigma.data.copy_(0.5 * square.log())

    def encoder_input(self, x: Tensor) -> Tensor:
        """Return what the encoder is given for x (n, *shape): x itself."""
        return x


class Quantised(nn.Module, ABC):
    """A distribution over grey levels; given the code, the values of an image are independent."""

    outputs: int

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    @abstractmethod
    def log_mass(self, decoded: Tensor, level: Tensor) -> Tensor:
        """Return log P(level|z) (n, C, H, W) for decoded (n, outputs, C, H, W), levels (n, C, H, W)."""

    @abstractmethod
    def draw(self, decoded: Tensor) -> Tensor:
        """Return levels (n, C, H, W), integers, for decoded (n, outputs, C, H, W)."""

    @abstractmethod
    def mean(self, decoded: Tensor) -> Tensor:
        """Return the mean (n, *shape) of p(x|z)."""

    def log_prob(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return (n,) nats for decoded (n, outputs * C, H, W) and dequantised x (n, C, H, W)."""
        mass = self.log_mass(self.split(decoded), self.level(x)).flatten(1)  # (n, d)
        return mass.sum(1) - mass.shape[1] * math.log(2 / self.levels)

    def sample(self, decoded: Tensor) -> Tensor:
        """Return x (n, *shape) drawn from p(x|z)."""
        level = self.draw(self.split(decoded))
        return (level + torch.rand(level.shape, device=level.device)) * (2 / self.levels) - 1

    def calibrate(self, decoded: Tensor, x: Tensor) -> None:
        """Do nothing: there is no σ to set."""

    def split(self, decoded: Tensor) -> Tensor:
        """Return the decoder's outputs with an axis of their own, (n, outputs, C, H, W)."""
        return torch.unflatten(decoded, 1, (self.outputs, -1))

    def level(self, x: Tensor) -> Tensor:
        """Return the grey levels of dequantised x, integers of the same shape."""
        return ((x + 1) * (self.levels / 2)).floor().clamp(0, self.levels - 1).long()

    def centre(self, level: Tensor) -> Tensor:
        """Return the middle of each level's interval in [-1, 1]."""
        return (level + 0.5) * (2 / self.levels) - 1

    def encoder_input(self, x: Tensor) -> Tensor:
        """Return the centre of each value's level: x (n, *shape) without the noise of dequantisation."""
        return self.centre(self.level(x))


class Categorical(Quantised):
    """A probability for each grey level."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.outputs = levels

    def log_mass(self, decoded: Tensor, level: Tensor) -> Tensor:
        """Return log P(level|z) (n, C, H, W) for decoded (n, outputs, C, H, W), levels (n, C, H, W)."""
        return -cross_entropy(decoded, level, reduction="none")

    def draw(self, decoded: Tensor) -> Tensor:
        """Return levels (n, C, H, W), integers, for decoded (n, outputs, C, H, W)."""
        gumbel = -torch.empty_like(decoded).exponential_().log()
        return (decoded + gumbel).argmax(1)

    def mean(self, decoded: Tensor) -> Tensor:
        """Return the mean (n, *shape) of p(x|z)."""
        probability = self.split(decoded).softmax(1)
        levels = torch.arange(self.levels, device=decoded.device).view(1, -1, 1, 1, 1)
        return self.centre((probability * levels).sum(1))


class LogisticMixture(Quantised):
    """A mixture of logistic distributions, integrated over each grey level; the outermost levels include the tails.

    Source: Salimans et al. 2017 (arXiv:1701.05517), with independent colours.
    """

    outputs = 3 * MIXTURE_COMPONENTS

    def log_mass(self, decoded: Tensor, level: Tensor) -> Tensor:
        """Return log P(level|z) (n, C, H, W) for decoded (n, outputs, C, H, W), levels (n, C, H, W)."""
        logits, means, log_scales = self._logistics(decoded)  # (n, components, C, H, W) each
        level, inverse = level[:, None], (-log_scales).exp()
        lower = (level * (2 / self.levels) - 1 - means) * inverse
        width = 2 / self.levels * inverse
        below, above = logsigmoid(lower + width), logsigmoid(-lower)
        # log(s(u) - s(l)) = log s(u) + log s(-l) + log(1 - exp(l - u)) avoids the difference of two numbers near 1
        inside = below + above + torch.log(-torch.expm1(-width))
        inside = torch.where(level == 0, below, torch.where(level == self.levels - 1, above, inside))
        return torch.logsumexp(logits.log_softmax(1) + inside, 1)

    def draw(self, decoded: Tensor) -> Tensor:
        """Return levels (n, C, H, W), integers, for decoded (n, outputs, C, H, W)."""
        logits, means, log_scales = self._logistics(decoded)
        component = (logits - torch.empty_like(logits).exponential_().log()).argmax(1, keepdim=True)
        mean, scale = means.gather(1, component)[:, 0], log_scales.gather(1, component)[:, 0].exp()
        return self.level(mean + scale * torch.rand_like(mean).logit(1e-6))

    def mean(self, decoded: Tensor) -> Tensor:
        """Return the mean (n, *shape) of p(x|z)."""
        logits, means, _ = self._logistics(self.split(decoded))
        return (logits.softmax(1) * means).sum(1).clamp(-1, 1)

    def _logistics(self, decoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, means, log_scales = decoded.chunk(3, 1)
        spread = torch.linspace(-1, 1, MIXTURE_COMPONENTS, device=decoded.device).view(-1, 1, 1, 1)
        # scales lie between a tenth of a level and twice the range of the image
        return (
            logits,
            means + spread,
            math.log(0.1 / self.levels) + (math.log(20 * self.levels)) * torch.sigmoid(log_scales),
        )
