"""Variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017).

    log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || p(z)),     q(z|x) = N(μ(x), diag σ²(x)),  p(z) = N(0, I)

After training, the codes rarely fill N(0, I). With ``prior="mixture"`` a Gaussian mixture is fitted on draws from
q(z|x) over the training data (Ghosh et al. 2020, arXiv:1903.12436). It replaces p(z) everywhere: ``sample`` draws from
it, and ``log_prob`` is the bound under it, so that the bound is that of the density of the samples.

Where rows are given conditions c, the encoder and the decoder are given them too (Sohn, Lee & Yan 2015, "Learning
structured output representation using deep conditional generative models"):

    log p(x|c) >= E_q(z|x,c) [log p(x|z,c)] - KL(q(z|x,c) || p(z))

What replaces p(z) after training is then a mixture p(z|c).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.spec import Column
from genbench.training import Average, condition_features, cosine, from_arrays, held_out, to_arrays, warm_up
from genbench_autoencoders import VAEConfig
from genbench_autoencoders.conditional_mixture import ConditionalMixture
from genbench_autoencoders.likelihoods import likelihood_for
from genbench_autoencoders.mixture import Mixture
from genbench_autoencoders.networks import decoder, encoder, joined, latent_dimensions

__all__ = ["VAE"]

MAX_HELD_OUT = 500  # rows that choose the weights
BLOCK_ROWS = 1024  # that go through a network at once, after training
SNAPSHOT_CODES = 1000  # that the mixture is fitted on for a snapshot during training
MAX_OUTPUTS = 2**22  # of the decoder at once, for a bound
MAX_CODES = 8192  # drawn at once, for a bound
HELD_OUT_CHECKS = 25  # of the bound on held-out rows, during training
SIGMA_RATE = 5.0  # learning rate of σ relative to all others, where codes have fewer dimensions than the data


class Rows(NamedTuple):
    """Rows (n, *shape) and what they are given, (n, k), or None."""

    x: Tensor
    given: Tensor | None

    @classmethod
    def of(cls, data: TrainingData, index: Tensor) -> Rows:
        """Return the rows of the training data with these numbers."""
        return cls(data.train[index], None if data.conditions is None else data.conditions[index])

    def first(self, n: int) -> Rows:
        """Return the first n rows."""
        return Rows(self.x[:n], None if self.given is None else self.given[:n])


class Network(nn.Module):
    """The three parts that are learned: the encoder q(z|x), the decoder, and the parameters of p(x|z) itself."""

    def __init__(
        self, config: VAEConfig, shape: tuple[int, ...], levels: int | None, columns: Sequence[Column] = ()
    ) -> None:
        super().__init__()
        latent = latent_dimensions(config.latent, shape)
        given = sum(len(column.levels) if column.kind == "category" else 1 for column in columns)
        channels, *sides = shape
        self.likelihood = likelihood_for(shape, levels, config.sigma)
        self.encoder = encoder((channels + given, *sides), 2 * latent, config.width)
        self.decoder = decoder(latent + given, (self.likelihood.outputs * channels, *sides), config.width)

    def posterior(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log σ of q(z|x, c), (n, latent) each, given features c (n, features) of conditions."""
        mean, log_sigma = self.encoder(joined(self.likelihood.encoder_input(x), c)).chunk(2, dim=1)
        return mean, log_sigma

    def decoded(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z, c) for z (n, latent) and features c (n, features)."""
        parameters: Tensor = self.decoder(joined(z, c))
        return parameters

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the two terms of the bound for x (n, *shape), (n,) each: log p(x|z) at one draw, and the KL term."""
        mean, log_sigma = self.posterior(x, c)
        z = draw(mean, log_sigma)
        kl = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)
        return self.likelihood.log_prob(self.decoded(z, c), x), kl


def draw(mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return a draw from N(mean, diag σ²) that is differentiable in both parameters (the reparametrisation trick)."""
    return mean + log_sigma.exp() * torch.randn_like(mean)


class VAE:
    """Variational autoencoder whose decoder is Gaussian, or a distribution over the grey levels of integer images.

    What is not in the paper (Kingma & Welling 2014):

        here                                 in the paper              reason
        -----------------------------------  ------------------------  ------------------------------------------------
        codes are sampled from a Gaussian    from N(0, I)              codes rarely fill N(0, I): Ghosh et al. 2020.
        mixture, fitted after training                                 ``prior="normal"`` is the paper's
        weight β of the KL term              1                         an option (Higgins et al. 2017); 1 by default
        that weight rises from 0 over the    constant                  from the start, the KL term can empty the code:
        first half of the training                                     Bowman et al. 2016, arXiv:1511.06349
        σ of a Gaussian decoder: one number  a function of the code    as a function of the code σ can shrink to 0
        a column, one for all pixels                                   around single rows, where the likelihood has no
                                                                       bound: Mattei & Frellsen 2018, arXiv:1802.04826
        σ starts at 0.02, has 5 times the    as all other weights      σ near 1 takes all data for noise and leaves the
        learning rate where codes have                                 code empty; it must rise to what the code cannot
        fewer dimensions than the data,                                hold, and be right for rows outside of the
        and is set to the error on held-out                            training: Rybkin et al. 2021, arXiv:2006.13202
        rows
        integer images: a probability for    Bernoulli, grey values    a density of grey levels, comparable with that of
        each grey level, or a mixture of     as probabilities          other models: Salimans et al. 2017,
        logistics above 32 levels                                      arXiv:1701.05517
        the encoder sees such images         grey values               noise within a grey level says nothing of the
        without dequantisation noise                                   image
        residual perceptrons of 128 SiLU     one hidden layer of 200   fit narrow modes in fewer steps
        units, 3 blocks                      to 500 tanh units
        convolutions with dropout for        one hidden layer          fewer weights; without dropout a thousand images
        images                                                         are memorised
        PyTorch's initial weights            drawn from N(0, 0.01)     made for deeper networks
        Adam, learning rate 3e-3, falling    Adagrad, step sizes 0.01  converges within a short budget
        as a cosine; batches of 64           to 0.1; batches of 100
        no prior on the weights              N(0, I): weight decay     held-out rows guard against overfitting instead
        weights are averaged over steps      the last ones             removes the noise of the last batches
        the weights with the best bound on   those at the end, of      small data are memorised before the budget ends
        a held-out tenth are kept            training on all rows
        ``log_prob``: importance-weighted    the bound; an estimate    tighter, at a known cost in any dimension: Burda
        bound of k draws                     by Hamiltonian Monte      et al. 2016, arXiv:1509.00519.
                                             Carlo in few dimensions   ``likelihood="elbo"`` is the paper's bound
    """

    def __init__(self, config: VAEConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the bound on ``data.train`` (n, *shape); the KL term gains weight over the first half of the budget.

        A tenth of the rows, 500 at most, is held out to choose the weights.
        """
        config, self.columns = self.config, data.condition_columns
        kept, held = (Rows.of(data, index) for index in held_out(_numbers(data.train), at_most=MAX_HELD_OUT))
        self.shape, self.levels = data.shape, data.levels
        network = Network(config, self.shape, self.levels, self.columns).to(run.device)
        average = Average(network)
        self.network, highest = copy.deepcopy(average.network), torch.tensor(-math.inf, device=run.device)
        optimizer, checks = self._optimizer(network, data), 0
        rates = [group["lr"] for group in optimizer.param_groups]
        self.latent = latent_dimensions(config.latent, data.shape)
        snapshot = lambda *n: self._now(average.network, kept, held).sample(*n)  # noqa: E731

        for x, c in run.batches((kept.x, kept.given), config.batch, sample=snapshot):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * cosine(run.progress)
            log_likelihood, kl = network(x, self.features(c))
            loss = (config.beta * warm_up(run.progress, 0.5) * kl - log_likelihood).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update()
            run.log(loss=loss, kl=kl.mean())
            if run.progress * HELD_OUT_CHECKS >= checks + 1:
                checks += 1
                highest = self._keep_if_better(average.network, held, highest)

        self._keep_if_better(average.network, held, highest)
        self.mixture: Mixture | ConditionalMixture | None = self._mixture(kept, held)

    def features(self, conditions: Tensor | None) -> Tensor | None:
        """Return conditions (n, k) as the networks take them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape): codes from the prior, decoded, with the noise of p(x|z).

        They are given conditions (n, k) if it was trained with some.
        """
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        blocks = []
        with torch.no_grad():
            for start in range(0, n, BLOCK_ROWS):
                given = None if conditions is None else conditions[start : start + BLOCK_ROWS]
                blocks.append(self._sample(min(BLOCK_ROWS, n - start), given))
        return torch.cat(blocks)

    @torch.no_grad()
    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return (n,) nats for x (n, *shape): a lower bound of log p(x), estimated with k draws from q(z|x).

        It is one of log p(x|c) given conditions c (n, k), if it was trained with some.

        With weights w = p(x|z) p(z) / q(z|x), ``elbo`` is the mean of log w and ``iwae`` the log of the mean of w
        (Burda et al. 2016, arXiv:1509.00519). Both are lower bounds in expectation; the second is tighter.
        """
        k = self.config.k or (128 if x.dim() == 2 else 16)
        values = self.network.likelihood.outputs * math.prod(x.shape[1:])
        rows = max(1, min(MAX_CODES, MAX_OUTPUTS // values) // k)
        bounds = []
        for start in range(0, len(x), rows):
            given = None if conditions is None else conditions[start : start + rows]
            log_weights = self._log_weights(x[start : start + rows], given, k)  # (k, n)
            iwae = torch.logsumexp(log_weights, 0) - math.log(k)
            bounds.append(iwae if self.config.likelihood == "iwae" else log_weights.mean(0))
        return torch.cat(bounds)

    @torch.no_grad()
    def encode(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return codes (n, latent) of x (n, *shape), given conditions (n, k): the means of q(z|x)."""
        blocks = self._blocks(x, conditions)
        return torch.cat([self.network.posterior(block, c)[0] for block, c in blocks])

    @torch.no_grad()
    def decode(self, z: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return the means (n, *shape) of p(x|z) for codes z (n, latent), given conditions (n, k)."""
        blocks = self._blocks(z, conditions)
        return torch.cat([self.network.likelihood.mean(self.network.decoded(block, c)) for block, c in blocks])

    def reconstruct(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return x (n, *shape) encoded and decoded again, given conditions (n, k)."""
        return self.decode(self.encode(x, conditions), conditions)

    def _blocks(self, rows: Tensor, conditions: Tensor | None) -> list[tuple[Tensor, Tensor | None]]:
        """Return blocks of rows (n, ...) with the features of their conditions (n, k)."""
        c, blocks = self.features(conditions), torch.split(rows, BLOCK_ROWS)
        if c is None:
            return [(block, None) for block in blocks]
        return list(zip(blocks, torch.split(c, BLOCK_ROWS), strict=True))

    def state(self) -> dict[str, Array]:
        """Return the weights and the density of the codes as arrays by name."""
        parts = {"shape": self.shape, "levels": self.levels, "columns": self.columns, "latent": self.latent}
        codes = {} if self.mixture is None else self.mixture.parts
        return to_arrays(network=self.network, given=isinstance(self.mixture, ConditionalMixture), **parts, **codes)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.shape, self.levels, self.columns = tuple(parts["shape"]), parts["levels"], tuple(parts["columns"])
        self.latent, self.mixture = parts["latent"], None
        self.network = Network(self.config, self.shape, self.levels, self.columns).eval().requires_grad_(False)
        self.network.load_state_dict(parts["network"])
        if self.config.prior != "normal":
            self.mixture = ConditionalMixture.of(parts, self.columns) if parts["given"] else Mixture.of(parts)

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors of both networks and of p(x|z)."""
        return self.network.parameters()

    def _optimizer(self, network: Network, data: TrainingData) -> torch.optim.Optimizer:
        # σ starts small: near 1, noise explains all of the data and the codes collapse. Where the code is too small to
        # hold all of the data, σ must rise quickly; elsewhere it must stay low
        compressed = latent_dimensions(self.config.latent, data.shape) < math.prod(data.shape)
        rate = self.config.lr * (SIGMA_RATE if compressed else 1.0)
        weights = [*network.encoder.parameters(), *network.decoder.parameters()]
        sigma = list(network.likelihood.parameters())
        if rate == self.config.lr:  # a group of its own would cost another call a step
            weights, sigma = [*weights, *sigma], []
        groups = [{"params": weights, "lr": self.config.lr}]
        if sigma:
            groups.append({"params": sigma, "lr": rate})
        return torch.optim.Adam(groups, fused=True)

    @torch.no_grad()
    def _keep_if_better(self, average: Network, held: Rows, highest: Tensor) -> Tensor:
        """Keep the averaged weights if their bound on held-out rows is the highest so far; return the highest bound.

        Small data are memorised before the budget ends, and σ then is too small for other rows: it is set from the
        held-out ones. Nothing here waits for the device.
        """
        self._calibrate(average, held)
        log_likelihood, kl = average(held.x, self.features(held.given))
        bound = (log_likelihood - self.config.beta * kl).mean()
        better = bound > highest
        for kept, latest in zip(self.network.parameters(), average.parameters(), strict=True):
            kept.copy_(torch.where(better, latest, kept))
        return torch.where(better, bound, highest)

    def _calibrate(self, network: Network, held: Rows) -> None:
        c = self.features(held.given)
        network.likelihood.calibrate(network.decoded(draw(*network.posterior(held.x, c)), c), held.x)

    @torch.no_grad()
    def _now(self, average: Network, kept: Rows, held: Rows) -> VAE:
        """Return the model as if its training ended now: a copy, so that the training itself does not change."""
        now = VAE(self.config)
        now.network, now.latent, now.columns = copy.deepcopy(average), self.latent, self.columns
        now._calibrate(now.network, held)
        now.mixture = now._mixture(kept.first(SNAPSHOT_CODES), held, SNAPSHOT_CODES)
        return now

    def _mixture(self, kept: Rows, held: Rows, at_most: int | None = None) -> Mixture | ConditionalMixture | None:
        """Return what replaces p(z), fitted on ``at_most`` codes; None where nothing does."""
        if self.config.prior == "normal":
            return None
        (codes, given), (held_codes, held_given) = self._draws(kept), self._draws(held)
        codes = codes[:at_most]
        if given is None or held_given is None:
            return Mixture(codes, held_codes)
        return ConditionalMixture(codes, given[:at_most], (held_codes, held_given), self.columns)

    @torch.no_grad()
    def _draws(self, rows: Rows) -> tuple[Tensor, Tensor | None]:
        """Return codes (m, latent) drawn from q(z|x), up to four for each row if n is small, and their conditions."""
        repeats = max(1, min(4, 5000 // len(rows.x)))
        x = rows.x.repeat(repeats, *[1] * (rows.x.dim() - 1))
        given = None if rows.given is None else rows.given.repeat(repeats, 1)
        c, posteriors = self.features(given), []
        for start in range(0, len(x), BLOCK_ROWS):
            block = None if c is None else c[start : start + BLOCK_ROWS]
            posteriors.append(self.network.posterior(x[start : start + BLOCK_ROWS], block))
        return torch.cat([draw(mean, log_sigma) for mean, log_sigma in posteriors]), given

    def _sample(self, n: int, given: Tensor | None) -> Tensor:
        if isinstance(self.mixture, ConditionalMixture):
            assert given is not None
            z = self.mixture.sample(given)
        elif self.mixture is not None:
            z = self.mixture.sample(n)
        else:
            z = torch.randn(n, self.latent, device=next(self.parameters()).device)
        return self.network.likelihood.sample(self.network.decoded(z, self.features(given)))

    def _log_weights(self, x: Tensor, given: Tensor | None, k: int) -> Tensor:
        """Return log p(x|z) + log p(z) - log q(z|x) at k draws of z for each x (n, *shape): (k, n)."""
        c = self.features(given)
        mean, log_sigma = self.network.posterior(x, c)
        noise = torch.randn(k, *mean.shape, device=x.device)
        z = mean + log_sigma.exp() * noise  # (k, n, latent)
        log_q = _log_normal(noise) - log_sigma.sum(1)  # (k, n)
        repeated = x.expand(k, *x.shape).flatten(0, 1)  # (k * n, *shape)
        repeated_c = None if c is None else c.expand(k, *c.shape).flatten(0, 1)
        decoded = self.network.decoded(z.flatten(0, 1), repeated_c)
        log_likelihood = self.network.likelihood.log_prob(decoded, repeated)
        return log_likelihood.view(k, -1) + self._log_prior(z, given) - log_q

    def _log_prior(self, z: Tensor, given: Tensor | None) -> Tensor:
        """Return log p(z) (k, n) for z (k, n, latent), given conditions."""
        if isinstance(self.mixture, ConditionalMixture):
            assert given is not None
            return self.mixture.log_prob(z, given)
        return _log_normal(z) if self.mixture is None else self.mixture.log_prob(z)


def _numbers(rows: Tensor) -> Tensor:
    return torch.arange(len(rows), device=rows.device)


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
