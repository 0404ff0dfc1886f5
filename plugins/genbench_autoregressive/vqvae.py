"""VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937): images as grids of discrete codes, with a learned prior.

k(x) = argmin_k ‖E(x) - e_k‖                                            the codes of an image, one a place
loss = -log p(x | e_k(x)) + β ‖E(x) - sg(e_k(x))‖²                      stage 1; e are moving averages of E(x)
loss = -log p(k(x))                                                     stage 2: a causal network over the codes
log p(x) = log Σ_k p(k) p(x | e_k) >= log p(k(x)) + log p(x | e_k(x))   the bound that log_prob returns
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, cosine, from_arrays, to_arrays
from genbench_autoregressive import VQVAEConfig
from genbench_autoregressive.autoregressive import start_at_frequencies
from genbench_autoregressive.causal import CausalNetwork, draw_grid
from genbench_autoregressive.coder import Coder
from genbench_autoregressive.distributions import Categorical, distribution_for
from genbench_autoregressive.likelihood import BestWeights, Recipe, groups_of, held_part, maximise_likelihood

__all__ = ["VQVAE"]

BLOCK_ROWS = 512  # images that are encoded, decoded or sampled together
CODER_SHARE = 0.75  # of the budget; the rest is the prior's
HELD_OUT_CHECKS = 25  # of the coder on held-out rows, during training


class VQVAE:
    """A vector-quantised autoencoder, and an autoregressive prior over its codes that is trained after it.

    What is not in the paper (van den Oord et al. 2017):

        here                                 in the paper              reason
        -----------------------------------  ------------------------  ------------------------------------------------
        p(x | codes): a probability for      a Gaussian: squared       a probability of grey levels, comparable with
        each grey level, above 32 a mixture  error                     that of other models
        of logistics; samples have its noise
        codes that are not used are          unused codes stay         Dhariwal et al. 2020, arXiv:2005.00341
        restarted at vectors of a batch
        64 codes on a grid of half the       512 codes, a quarter      for images of 8x8 and 28x28 pixels
        sides, a quarter beyond 16 pixels
        the prior starts with the vectors    codes without vectors     similar codes have similar neighbours
        of the codes as its inputs
        dropout, weight decay, averaged      none                      small data are memorised
        weights, the best on held-out rows
    """

    def __init__(self, config: VQVAEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train the coder on the grey levels of ``data.train`` (n, *shape), then the prior on the codes."""
        if data.levels is None:
            raise ValueError("vqvae learns probabilities of grey levels, which these images do not have")
        self.shape, self.levels = data.shape, data.levels
        rows, held = (data.to_levels(part) for part in data.validation())
        coder, prior = self._build()
        with run.stage(CODER_SHARE):
            self.coder = self._train_coder(coder.to(run.device), rows, held_part(held), run)
        codes, held_codes = self._codes(rows), self._codes(held)
        start_at_frequencies(prior.to(run.device), codes)
        start_at_vectors(prior, self.coder.codebook.vectors)
        average = Average(prior, self.config.ema)
        self.prior = average.network  # which snapshots are drawn with
        recipe = Recipe(self.config.batch, self.config.learning_rate, self.config.weight_decay)
        with run.stage(1 - CODER_SHARE):
            parts = (codes, None), (held_codes, None)
            self.prior = maximise_likelihood(prior, average, log_prior, parts, recipe, run, self.sample)
        used = torch.zeros(self.config.codes, device=codes.device).index_fill_(0, codes.flatten(), 1.0)
        run.report(codes_used=used.mean())

    def _build(self) -> tuple[Coder, CausalNetwork]:
        config = self.config
        coder = Coder(
            self.shape, self.levels, distribution_for(self.levels),
            codes=config.codes, channels=config.channels, dropout=config.dropout,
        )  # fmt: skip
        prior = CausalNetwork(
            config.codes, config.codes, coder.grid,
            channels=config.prior_channels, blocks=config.prior_blocks, dropout=config.prior_dropout,
        )  # fmt: skip
        return coder, prior

    def _train_coder(self, coder: Coder, rows: Tensor, held: Tensor, run: RunContext) -> Coder:
        """Train encoder, codebook and decoder; return those with the best log p(x | codes) on held-out rows."""
        config = self.config
        average = Average(coder, config.ema)
        best, checks = BestWeights(average.network), 0
        adam = torch.optim.AdamW(groups_of(coder, config.weight_decay), lr=config.learning_rate, fused=True)
        with torch.no_grad():
            coder.codebook.start(coder.encode(rows[:BLOCK_ROWS]).flatten(0, 2))
        for level in run.batches(rows, config.batch, dequantise=False):
            for group in adam.param_groups:
                group["lr"] = config.learning_rate * cosine(run.progress)
            z = coder.encode(level)  # (b, rows, columns, dimensions)
            code = coder.codebook.nearest(z.detach())
            vector = coder.codebook.vectors[code]
            commitment = (z - vector).square().flatten(1).sum(1).mean()
            # straight through: the gradient at the code's vector is taken for that at z
            distortion = -coder.log_mass(level, z + (vector - z).detach()).mean()
            loss: Any = distortion + config.beta * commitment
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.autocast(z.device.type, enabled=False):  # sums over many vectors, in single precision
                coder.codebook.update(z.detach().flatten(0, 2).float(), code.flatten())
            average.update()
            run.log(loss=loss, commitment=commitment)
            if run.progress * HELD_OUT_CHECKS >= checks + 1:
                checks += 1
                best.offer(average.network, coded_likelihood(average.network, held))
        best.offer(average.network, coded_likelihood(average.network, held))
        return best.network

    @torch.no_grad()
    def _codes(self, level: Tensor) -> Tensor:
        """Return the codes (n, rows, columns) of images of levels (n, *shape)."""
        return torch.cat([self.coder.codes(block) for block in torch.split(level, BLOCK_ROWS)])

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return (n, *shape): codes drawn from the prior, decoded, levels drawn from p(x | codes)."""
        if not hasattr(self, "prior"):
            raise RuntimeError("fit the model before sampling")
        distribution, blocks = Categorical(self.config.codes), []
        for start in range(0, n, BLOCK_ROWS):
            codes = draw_grid(self.prior, distribution, min(BLOCK_ROWS, n - start))
            blocks.append(self.coder.distribution.draw(self._decoded(codes)))
        return self._centre_of(torch.cat(blocks))

    def _decoded(self, codes: Tensor) -> Tensor:
        return self.coder.decode(self.coder.codebook.vectors[codes])

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Return a lower bound (n,) in nats of the log-probability of the levels of x (n, *shape)."""
        bounds = []
        for level in torch.split(self._level_of(x), BLOCK_ROWS):
            codes = self.coder.codes(level)
            bounds.append(log_prior(self.prior, codes) + self.coder.log_prob(level, codes))
        return torch.cat(bounds)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the means (n, *shape) of p(x | codes) for the codes of x (n, *shape)."""
        blocks = torch.split(self._level_of(x), BLOCK_ROWS)
        return self._centre_of(
            torch.cat([self.coder.distribution.mean(self._decoded(self.coder.codes(block))) for block in blocks])
        )

    def _level_of(self, x: Tensor) -> Tensor:
        return ((x + 1) * (self.levels / 2)).floor().clamp(0, self.levels - 1).long()

    def _centre_of(self, level: Tensor) -> Tensor:
        return (2 * level.float() + 1) / self.levels - 1

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors of coder and prior."""
        return chain(self.coder.parameters(), self.prior.parameters())

    def state(self) -> dict[str, Array]:
        """Return what sampling and the bound need."""
        return to_arrays(coder=self.coder, prior=self.prior, shape=self.shape, levels=self.levels)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Become the model that had this state."""
        parts = from_arrays(state)
        self.shape, self.levels = tuple(parts["shape"]), parts["levels"]
        self.coder, self.prior = self._build()
        for name, network in (("coder", self.coder), ("prior", self.prior)):
            network.load_state_dict(parts[name])
            network.eval().requires_grad_(False)


@torch.no_grad()
def start_at_vectors(prior: CausalNetwork, vectors: Tensor) -> None:
    """Let a prior see codes as their standardised vectors (codes, dimensions), so that similar ones look similar."""
    weight = prior.inputs.map.weight  # (EMBEDDING, symbols)
    if weight.shape == vectors.T.shape:
        weight.copy_(((vectors - vectors.mean(0)) / vectors.std(0).clamp(min=1e-6)).T)


def log_prior(prior: CausalNetwork, codes: Tensor, c: Tensor | None = None) -> Tensor:
    """Return log p(codes) (n,) of codes (n, rows, columns)."""
    return Categorical(prior.bias.shape[-1]).log_prob(prior(codes, c), codes).flatten(1).sum(1)


@torch.no_grad()
def coded_likelihood(coder: Coder, level: Tensor) -> Tensor:
    """Return the mean of log p(x | codes) over images of levels (n, *shape)."""
    return coder.log_prob(level, coder.codes(level)).mean()
