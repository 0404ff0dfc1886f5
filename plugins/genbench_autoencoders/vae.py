"""Variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114; beta: Higgins et al. 2017).

    log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || p(z)),     q(z|x) = N(μ(x), diag σ²(x)),  p(z) = N(0, I)

After training, the codes rarely fill N(0, I). With ``prior="mixture"`` a Gaussian mixture is fitted on draws from
q(z|x) over the training data (Ghosh et al. 2020, arXiv:1903.12436). It replaces p(z) everywhere: ``sample`` draws from
it, and ``log_prob`` is the bound under it, so that the bound is that of the density of the samples.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from genbench.protocol import RunContext, TrainingData
from genbench.training import Average, cosine, held_out, warm_up
from genbench_autoencoders import VAEConfig
from genbench_autoencoders.likelihoods import likelihood_for
from genbench_autoencoders.mixture import Mixture
from genbench_autoencoders.networks import decoder, encoder, latent_dimensions

__all__ = ["VAE"]

MAX_HELD_OUT = 500  # rows that choose the weights
BLOCK_ROWS = 1024  # that go through a network at once, after training
SNAPSHOT_CODES = 1000  # that the mixture is fitted on for a snapshot during training
MAX_OUTPUTS = 2**22  # of the decoder at once, for a bound
MAX_CODES = 8192  # drawn at once, for a bound
HELD_OUT_CHECKS = 25  # of the bound on held-out rows, during training
SIGMA_RATE = 5.0  # learning rate of σ relative to all others, where codes have fewer dimensions than the data


class Network(nn.Module):
    """The three parts that are learned: the encoder q(z|x), the decoder, and the parameters of p(x|z) itself."""

    def __init__(self, config: VAEConfig, data: TrainingData) -> None:
        super().__init__()
        latent = latent_dimensions(config.latent, data.shape)
        self.likelihood = likelihood_for(data.shape, data.levels, config.sigma)
        self.encoder = encoder(data.shape, 2 * latent, config.width)
        self.decoder = decoder(latent, (self.likelihood.outputs * data.shape[0], *data.shape[1:]), config.width)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log σ of q(z|x), (n, latent) each."""
        mean, log_sigma = self.encoder(self.likelihood.encoder_input(x)).chunk(2, dim=1)
        return mean, log_sigma

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two terms of the bound for x (n, *shape), (n,) each: log p(x|z) at one draw, and the KL term."""
        mean, log_sigma = self.posterior(x)
        z = draw(mean, log_sigma)
        kl = 0.5 * (mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)
        return self.likelihood.log_prob(self.decoder(z), x), kl


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
        config = self.config
        rows, held = held_out(data.train, at_most=MAX_HELD_OUT)
        network = Network(config, data).to(run.device)
        average = Average(network)
        self.network, highest = copy.deepcopy(average.network), torch.tensor(-math.inf, device=run.device)
        optimizer, checks = self._optimizer(network, data), 0
        rates = [group["lr"] for group in optimizer.param_groups]
        self.latent = latent_dimensions(config.latent, data.shape)
        snapshot = lambda n: self._now(average.network, rows, held).sample(n)  # noqa: E731

        for x in run.batches(rows, config.batch, sample=snapshot):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * cosine(run.progress)
            log_likelihood, kl = network(x)
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
        self.mixture = Mixture(self._draws(rows), self._draws(held)) if config.prior == "mixture" else None

    def sample(self, n: int) -> Tensor:
        """Return (n, *shape): codes from the prior, decoded, with the noise of p(x|z)."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        with torch.no_grad():
            return torch.cat([self._sample(min(BLOCK_ROWS, n - start)) for start in range(0, n, BLOCK_ROWS)])

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Return (n,) nats for x (n, *shape): a lower bound of log p(x), estimated with k draws from q(z|x).

        With weights w = p(x|z) p(z) / q(z|x), ``elbo`` is the mean of log w and ``iwae`` the log of the mean of w
        (Burda et al. 2016, arXiv:1509.00519). Both are lower bounds in expectation; the second is tighter.
        """
        k = self.config.k or (128 if x.dim() == 2 else 16)
        values = self.network.likelihood.outputs * math.prod(x.shape[1:])
        rows = max(1, min(MAX_CODES, MAX_OUTPUTS // values) // k)
        bounds = []
        for block in torch.split(x, rows):
            log_weights = self._log_weights(block, k)  # (k, n)
            iwae = torch.logsumexp(log_weights, 0) - math.log(k)
            bounds.append(iwae if self.config.likelihood == "iwae" else log_weights.mean(0))
        return torch.cat(bounds)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Return codes (n, latent) of x (n, *shape): the means of q(z|x)."""
        return torch.cat([self.network.posterior(block)[0] for block in torch.split(x, BLOCK_ROWS)])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return the means (n, *shape) of p(x|z) for codes z (n, latent)."""
        decoded = [self.network.likelihood.mean(self.network.decoder(block)) for block in torch.split(z, BLOCK_ROWS)]
        return torch.cat(decoded)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return x (n, *shape) encoded and decoded again."""
        return self.decode(self.encode(x))

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors of both networks and of p(x|z)."""
        return self.network.parameters()

    def _optimizer(self, network: Network, data: TrainingData) -> torch.optim.Optimizer:
        # σ starts small: near 1, noise explains all of the data and the codes collapse. Where the code is too small to
        # hold all of the data, σ must rise quickly; elsewhere it must stay low
        compressed = latent_dimensions(self.config.latent, data.shape) < math.prod(data.shape)
        rate = self.config.lr * (SIGMA_RATE if compressed else 1.0)
        groups = [{"params": [*network.encoder.parameters(), *network.decoder.parameters()], "lr": self.config.lr}]
        if sigma := list(network.likelihood.parameters()):
            groups.append({"params": sigma, "lr": rate})
        return torch.optim.Adam(groups, fused=True)

    @torch.no_grad()
    def _keep_if_better(self, average: Network, held: Tensor, highest: Tensor) -> Tensor:
        """Keep the averaged weights if their bound on held-out rows is the highest so far; return the highest bound.

        Small data are memorised before the budget ends, and σ then is too small for other rows: it is set from the
        held-out ones. Nothing here waits for the device.
        """
        average.likelihood.calibrate(average.decoder(draw(*average.posterior(held))), held)
        log_likelihood, kl = average(held)
        bound = (log_likelihood - self.config.beta * kl).mean()
        better = bound > highest
        for kept, latest in zip(self.network.parameters(), average.parameters(), strict=True):
            kept.copy_(torch.where(better, latest, kept))
        return torch.where(better, bound, highest)

    @torch.no_grad()
    def _now(self, average: Network, rows: Tensor, held: Tensor) -> VAE:
        """Return the model as if its training ended now: a copy, so that the training itself does not change."""
        now = VAE(self.config)
        now.network, now.latent = copy.deepcopy(average), self.latent
        now.network.likelihood.calibrate(now.network.decoder(draw(*now.network.posterior(held))), held)
        now.mixture = None
        if self.config.prior == "mixture":
            now.mixture = Mixture(now._draws(rows[:SNAPSHOT_CODES])[:SNAPSHOT_CODES], now._draws(held))
        return now

    @torch.no_grad()
    def _draws(self, x: Tensor) -> Tensor:
        """Return codes (n * repeats, latent) drawn from q(z|x), up to four for each x (n, *shape) if n is small."""
        repeats = max(1, min(4, 5000 // len(x)))
        blocks = torch.split(x.repeat(repeats, *[1] * (x.dim() - 1)), BLOCK_ROWS)
        posteriors = [self.network.posterior(block) for block in blocks]
        return torch.cat([draw(mean, log_sigma) for mean, log_sigma in posteriors])

    def _sample(self, n: int) -> Tensor:
        device = next(self.parameters()).device
        z = self.mixture.sample(n) if self.mixture is not None else torch.randn(n, self.latent, device=device)
        return self.network.likelihood.sample(self.network.decoder(z))

    def _log_weights(self, x: Tensor, k: int) -> Tensor:
        """Return log p(x|z) + log p(z) - log q(z|x) at k draws of z for each x (n, *shape): (k, n)."""
        mean, log_sigma = self.network.posterior(x)
        noise = torch.randn(k, *mean.shape, device=x.device)
        z = mean + log_sigma.exp() * noise  # (k, n, latent)
        log_q = _log_normal(noise) - log_sigma.sum(1)  # (k, n)
        log_p = self.mixture.log_prob(z) if self.mixture is not None else _log_normal(z)
        repeated = x.expand(k, *x.shape).flatten(0, 1)  # (k * n, *shape)
        log_likelihood = self.network.likelihood.log_prob(self.network.decoder(z.flatten(0, 1)), repeated)
        return log_likelihood.view(k, -1) + log_p - log_q


def _log_normal(z: Tensor) -> Tensor:
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
