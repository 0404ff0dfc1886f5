"""Distributions of one value, a symbol or a number, whose parameters a network returns on the last axis."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Categorical", "Distribution", "GaussianMixture", "LogisticMixture", "distribution_for"]

MAX_CATEGORIES = 32  # with more grey levels, most of a network's weights would be those of its outputs
COMPONENTS = 5  # of a mixture of logistic distributions
MAX_LOG_SCALE = 6.0  # of a Gaussian, above or below that of the data


class Categorical:
    """A probability for each symbol 0 .. symbols - 1."""

    def __init__(self, symbols: int) -> None:
        self.outputs = symbols

    def log_prob(self, out: Tensor, symbol: Tensor) -> Tensor:
        """Return log P (..) of symbols (..) for out (.., outputs)."""
        flat = functional.cross_entropy(out.flatten(0, -2), symbol.flatten(), reduction="none")
        return -flat.view(symbol.shape)

    def draw(self, out: Tensor) -> Tensor:
        """Return symbols (..) drawn for out (.., outputs): the largest logit with Gumbel noise."""
        return (out - torch.empty_like(out).exponential_().log()).argmax(-1)

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean symbol (..), a number, for out (.., outputs)."""
        return out.softmax(-1) @ torch.arange(self.outputs, device=out.device, dtype=out.dtype)


class LogisticMixture:
    """A mixture of logistic distributions, integrated over each grey level; the outermost levels include the tails.

    Source: Salimans et al. 2017, arXiv:1701.05517.
    """

    outputs = 3 * COMPONENTS

    def __init__(self, symbols: int) -> None:
        self.symbols = symbols

    def log_prob(self, out: Tensor, symbol: Tensor) -> Tensor:
        """Return log P (..) of symbols (..) for out (.., outputs)."""
        logits, means, log_scales = self._logistics(out)  # (.., components) each
        level, inverse = symbol[..., None], (-log_scales).exp()
        lower = (level * (2 / self.symbols) - 1 - means) * inverse
        width = 2 / self.symbols * inverse
        below, above = functional.logsigmoid(lower + width), functional.logsigmoid(-lower)
        # log(s(u) - s(l)) = log s(u) + log s(-l) + log(1 - exp(l - u)) avoids the difference of two numbers near 1
        inside = below + above + torch.log(-torch.expm1(-width))
        inside = torch.where(level == 0, below, torch.where(level == self.symbols - 1, above, inside))
        return torch.logsumexp(logits.log_softmax(-1) + inside, -1)

    def draw(self, out: Tensor) -> Tensor:
        """Return symbols (..) drawn for out (.., outputs)."""
        logits, means, log_scales = self._logistics(out)
        component = (logits - torch.empty_like(logits).exponential_().log()).argmax(-1, keepdim=True)
        mean, scale = means.gather(-1, component)[..., 0], log_scales.gather(-1, component)[..., 0].exp()
        x = mean + scale * torch.rand_like(mean).logit(1e-6)
        return ((x + 1) * (self.symbols / 2)).floor().clamp(0, self.symbols - 1).long()

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean symbol (..), a number, for out (.., outputs)."""
        logits, means, _ = self._logistics(out)
        mean = (logits.softmax(-1) * means.clamp(-1, 1)).sum(-1)
        return ((mean + 1) * self.symbols - 1) / 2

    def _logistics(self, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, means, log_scales = out.chunk(3, -1)
        spread = torch.linspace(-1, 1, COMPONENTS, device=out.device)
        # scales lie between a tenth of a level and twice the range of the image
        low, range_of_log = math.log(0.1 / self.symbols), math.log(20 * self.symbols)
        return logits, means + spread, low + range_of_log * torch.sigmoid(log_scales)


class GaussianMixture:
    """A mixture of Gaussians of a number."""

    def __init__(self, components: int) -> None:
        self.outputs = 3 * components

    def log_prob(self, out: Tensor, value: Tensor) -> Tensor:
        """Return log p (..) of numbers (..) for out (.., outputs)."""
        logits, means, log_scales = self._gaussians(out)  # (.., components) each
        residual = (value[..., None] - means) * (-log_scales).exp()
        log_normal = -0.5 * (residual.square() + math.log(2 * math.pi)) - log_scales
        return torch.logsumexp(logits.log_softmax(-1) + log_normal, -1)

    def draw(self, out: Tensor) -> Tensor:
        """Return numbers (..) drawn for out (.., outputs)."""
        logits, means, log_scales = self._gaussians(out)
        component = (logits - torch.empty_like(logits).exponential_().log()).argmax(-1, keepdim=True)
        mean, scale = means.gather(-1, component)[..., 0], log_scales.gather(-1, component)[..., 0].exp()
        return mean + scale * torch.randn_like(mean)

    def _gaussians(self, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, means, log_scales = out.chunk(3, -1)
        components = logits.shape[-1]
        spread = torch.linspace(-2, 2, components, device=out.device) if components > 1 else 0.0
        # a scale that could be anything would shrink onto single rows
        log_scales = MAX_LOG_SCALE * torch.tanh((log_scales - math.log(max(1, components / 4))) / MAX_LOG_SCALE)
        return logits, means + spread, log_scales


Distribution = Categorical | LogisticMixture | GaussianMixture


def distribution_for(levels: int) -> Categorical | LogisticMixture:
    """Return the distribution of a grey level: categorical up to 32 levels, else a mixture of logistics."""
    return Categorical(levels) if levels <= MAX_CATEGORIES else LogisticMixture(levels)
