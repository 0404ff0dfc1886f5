"""Denoising autoencoder (Vincent et al. 2008), from which samples are drawn by annealed Langevin dynamics.

    loss = E ‖D(x + σ ε, σ) - x‖² / w(σ)²,  ε ~ N(0, I), log σ uniform        w(σ) = σ s / √(s² + σ²)
    D(x, σ) = E[x_0 | x_0 + σ ε = x]  at its minimum, and   (D(x, σ) - x) / σ² = ∇ log p_σ(x)

so that a denoiser is the score of the data blurred by σ (Vincent 2011, doi:10.1162/NECO_a_00142; Alain & Bengio 2014,
arXiv:1211.4246). Samples follow this score down a ladder of noise levels, by annealed Langevin dynamics (Song & Ermon
2019, arXiv:1907.05600) with one step a level, as long as the variance of the noise falls to that of the next, σ',

    x ← x + (σ² - σ'²) ∇ log p_σ(x) + √(σ² - σ'²) z,  z ~ N(0, I)

so that the noise that is left is that of the next level (the reverse diffusion of Song et al. 2021, arXiv:2011.13456);
at the end they are denoised. The paper corrupts by one level and has no samples; Bengio et al. 2013 (arXiv:1305.6663)
draw them by corrupting and denoising in turn at that level, which mixes badly where it is low and blurs where it is
high. With the mean m of the data and their spread s about it, the network F enters as

    D(x, σ) = m + s² / (s² + σ²) (x - m) + w(σ) F((x - m) / √(s² + σ²), σ / s)

where the first terms are the best linear denoiser of a round Gaussian, and w(σ) is its error, by which the loss weighs
the levels (Karras et al. 2022, arXiv:2206.00364).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, cosine, from_arrays, to_arrays
from genbench_autoencoders import DAEConfig
from genbench_autoencoders.denoisers import denoiser

__all__ = ["DAE", "Denoiser"]

BLOCK_VALUES = 1 << 18  # of the rows that go through the network at once, after training


class DAE:
    """A network that removes noise of any level from rows.

    It has no code: rows are compressed by nothing, and what it learned is where the data are. ``reconstruct`` takes
    rows to have noise of standard deviation ``noise``, and so blurs clean ones.
    """

    def __init__(self, config: DAEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn to remove noise of all levels from ``data.train`` (n, *shape)."""
        config, device = self.config, run.device
        self.shape, self.bounded = data.shape, data.levels is not None
        mean = data.train.mean(0)
        model = Denoiser(denoiser(data.shape, config.width), mean, (data.train - mean).square().mean().sqrt() + 1e-6)
        model.to(device)
        average = Average(model)
        self.model = average.network  # used after training
        optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=device.type in ("cpu", "cuda"))
        low, high = math.log(config.low), math.log(config.high)

        for x in run.batches(data.train, config.batch, sample=self.sample):  # (b, *shape)
            optimizer.param_groups[0]["lr"] = config.lr * cosine(run.progress)
            share = (torch.arange(len(x), device=device) + torch.rand(len(x), device=device)) / len(x)  # one in each
            sigma = (low + (high - low) * share).exp()  # (b,)
            noisy = x + column(sigma, x) * torch.randn_like(x)
            loss = ((model(noisy, sigma) - x) / column(model.linear_error(sigma), x)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update()
            run.log(loss=loss)
        run.report(function_evaluations=config.levels)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return (n, *shape), each the end of a chain of its own."""
        if not hasattr(self, "model"):
            raise RuntimeError("fit the model before sampling")
        size = self._block_rows()
        blocks = [self._chains(min(size, n - start)) for start in range(0, n, size)] or [self._chains(0)]
        x = torch.cat(blocks)
        return x.clamp(-1, 1) if self.bounded else x

    def _chains(self, n: int) -> Tensor:
        """Return the ends (n, *shape) of chains that start where the highest noise leaves nothing of the data."""
        config, model = self.config, self.model
        spread = (model.spread**2 + config.high**2).sqrt()
        x = model.mean + spread * torch.randn(n, *self.shape, device=model.mean.device)
        for sigma, after in pairwise(ladder(config.high, config.low, config.levels)):
            x = langevin_step(model, x, sigma, after)
        denoised: Tensor = model(x, x.new_full((n,), config.low))
        return denoised

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return x (n, *shape) without the noise of standard deviation ``noise`` that it is taken to have."""
        blocks = torch.split(x, self._block_rows())
        return torch.cat([self.model(block, block.new_full((len(block),), self.config.noise)) for block in blocks])

    def _block_rows(self) -> int:
        return max(64, BLOCK_VALUES // math.prod(self.shape))

    def state(self) -> dict[str, Array]:
        """Return the averaged weights, with the mean and the spread of the data."""
        return to_arrays(model=self.model, shape=self.shape, bounded=self.bounded)

    def restore(self, state: dict[str, Array]) -> None:
        """Take the weights that ``state`` returned."""
        parts = from_arrays(state)
        self.shape, self.bounded = tuple(parts["shape"]), parts["bounded"]
        self.model = Denoiser(denoiser(self.shape, self.config.width), torch.zeros(self.shape), torch.ones(()))
        self.model.load_state_dict(parts["model"])
        self.model.eval().requires_grad_(False)

    def parameters(self) -> list[Tensor]:
        """Return the averaged weights."""
        return list(self.model.parameters())


class Denoiser(nn.Module):
    """D(x, σ), of a network F, the mean (*shape) of the data and their spread about it, a scalar."""

    mean: Tensor
    spread: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the rows (n, *shape) of which x (n, *shape) are noisy ones, at noise levels (n,)."""
        total = column((self.spread**2 + sigma**2).sqrt(), x)
        white = (x - self.mean) / total
        change: Tensor = column(self.linear_error(sigma), x) * self.network(white, sigma / self.spread)
        return self.mean + self.spread**2 / total * white + change

    def linear_error(self, sigma: Tensor) -> Tensor:
        """Return w (n,) of noise levels (n,), the standard error of the best linear denoiser of a round Gaussian."""
        return sigma * self.spread / (self.spread**2 + sigma**2).sqrt()


def langevin_step(model: nn.Module, x: Tensor, sigma: float, after: float) -> Tensor:
    """Return x (n, *shape), which has noise of level σ, with noise of the level ``after`` below it."""
    share = 1 - (after / sigma) ** 2  # the length of the step, σ² - σ'², in units of σ²
    drift: Tensor = model(x, x.new_full((len(x),), sigma)) - x  # σ² ∇ log p_σ
    return x + share * drift + math.sqrt(share) * sigma * torch.randn_like(x)


def ladder(high: float, low: float, levels: int) -> list[float]:
    """Return noise levels from ``high`` to ``low``, each the same part of the one before."""
    if levels == 1:
        return [low]
    return [high * (low / high) ** (k / (levels - 1)) for k in range(levels)]


def column(values: Tensor, like: Tensor) -> Tensor:
    """Return values (n,) as (n, 1, ..), to multiply ``like`` (n, *shape)."""
    return values.view(-1, *[1] * (like.dim() - 1))
