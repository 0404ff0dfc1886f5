"""Denoising diffusion probabilistic model (Ho, Jain & Abbeel 2020, arXiv:2006.11239).

    q(x_t | x_0) = N(α_t x_0, σ_t² I),  α_t² = ᾱ_t,  σ_t² = 1 - ᾱ_t           the forward chain adds noise to data
    p(x_{t-1} | x_t) = N(μ̃_t(x_t, x̂_0), v_t I)                                the reverse chain removes it in steps
    loss = E ‖ε - ε_θ(α_t x_0 + σ_t ε, t)‖²                                   a network predicts the noise

Where there are conditions c, the reverse chain is p(x_{t-1} | x_t, c), and the network is given them.

The network predicts ε as ε_θ = σ_t x_t + α_t F(x_t, φ_t, c) with φ_t = atan(σ_t / α_t): the first term is the best
linear prediction for standardised data, and x̂_0 = α_t x_t - σ_t F stays finite where ᾱ_t is 1e-9 (Salimans & Ho 2022,
arXiv:2202.00512). The bound and the probability-flow likelihood are in ``likelihood.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, condition_features, cosine, from_arrays, to_arrays
from genbench_diffusion import DDPMConfig
from genbench_diffusion.chain import Chain, column
from genbench_diffusion.likelihood import flow_log_prob, variational_bound
from genbench_diffusion.networks import build, features_of

ERROR_DECAY = 0.999  # of the running errors, which cover about the last 1,000 steps
BLOCK_VALUES = 1 << 18  # of the samples that are drawn together: their activations fit in the processor's cache


class DDPM:
    """Diffusion model that predicts ε, with averaged weights, and ancestral or DDIM sampling over a part of the steps.

    ``log_prob`` is the variational bound of the chain of all T steps; with ``likelihood=sampled``, of the steps that
    ancestral samples take; with ``likelihood=ode``, an estimate by the probability-flow ODE.
    """

    def __init__(self, config: DDPMConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Minimise the simple loss (eq. 14), and measure on the way how well ε is predicted at each t.

        With conditions it is the squared error of F, that of ε divided by α_t²: conditions decide most where there is
        most noise, and there ε is nearly known without them.
        """
        config, device = self.config, run.device
        self.shape, self.columns = data.shape, data.condition_columns
        self.chain = chain = Chain(config.schedule, config.timesteps, device)
        network, batch = build(config, data.shape, features_of(self.columns))
        network.to(device)
        average = Average(network, config.ema)
        self.network = average.network
        adam = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))
        errors = torch.full((2, chain.timesteps + 1), 1e-6, device=device)  # running sums of ‖ε - ε_θ‖² / d and of 1

        def snapshot(n: int, conditions: Tensor | None = None) -> Tensor:
            self.gamma = unexplained_share(errors, config.variance)  # from the errors so far
            return self.sample(n, conditions)

        for x, c in run.batches((data.train, data.conditions), batch, sample=snapshot):  # (b, *shape), (b, k)
            adam.param_groups[0]["lr"] = config.learning_rate * cosine(run.progress)
            t = torch.randint(1, chain.timesteps + 1, (len(x),), device=device)
            noise = torch.randn_like(x)
            noisy = chain.noised(x, t, noise)
            flow = network(noisy, chain.angle[t], self.features(c))
            predicted = column(chain.sigma[t], x) * noisy + column(chain.alpha[t], x) * flow
            error = (noise - predicted).square().flatten(1).mean(1)  # (b,)
            loss = (error if c is None else error / chain.alpha[t].square()).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            average.update()
            errors.mul_(ERROR_DECAY).index_add_(1, t, torch.stack([error.detach(), torch.ones_like(error)]))
            run.log(loss=loss)
        self.gamma = unexplained_share(errors, config.variance)

    def features(self, conditions: Tensor | None) -> Tensor | None:
        """Return conditions (n, k) as the network takes them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    def predict(self, x: Tensor, t: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x̂_0 and ε_θ (b, *shape) for x_t (b, *shape) at t (b,) or (1,), given features c (b, features)."""
        alpha, sigma = column(self.chain.alpha[t], x), column(self.chain.sigma[t], x)
        flow = self.network(x, self.chain.angle[t], c)
        return alpha * x - sigma * flow, sigma * x + alpha * flow

    def variance(self, t: int, s: int) -> float:
        """Return the variance v of p(x_s | x_t): c + slope² γ_t.

        γ_t is the mean squared error of the best prediction of ε from x_t, per dimension. γ_t = 0 and γ_t = 1 give the
        two variances of Ho et al., β̃_t and about β_t; its mean over the data gives the best bound (Bao et al. 2022,
        arXiv:2201.06503).
        """
        return self.chain.posterior(t, s)[2] + self.chain.slope(t, s) ** 2 * float(self.gamma[t])

    @property
    def sampler(self) -> str:
        """How samples are drawn: ancestral or ddim."""
        auto = "ancestral" if len(self.shape) == 1 else "ddim"
        return auto if self.config.sampler == "auto" else self.config.sampler

    @property
    def visited(self) -> list[int]:
        """The timesteps that sampling passes through, 0 .. T."""
        steps, T = self.config.sampling_steps or (100 if len(self.shape) == 1 else 25), self.chain.timesteps
        timesteps: list[int] = torch.linspace(0, T, min(steps, T) + 1).round().int().tolist()
        return timesteps

    @property
    def is_bound_of_samples(self) -> bool:
        """Whether the bound is that of the chain that samples are drawn by; else it is of the chain of all T steps.

        DDIM has no bound, nor has a chain whose last step adds no noise.
        """
        asked = self.config.likelihood == "sampled" or len(self.visited) > self.chain.timesteps
        return asked and self.sampler == "ancestral" and self.variance(self.visited[1], 0) > 0

    @property
    def log_prob_note(self) -> str:
        """Of what ``log_prob`` is the likelihood, where it is not that of the samples; empty where it is."""
        if not hasattr(self, "chain"):
            return ""
        ode, steps = self.config.likelihood == "ode", len(self.visited) - 1
        if self.is_bound_of_samples and not ode:
            return ""
        of = "the probability-flow ODE" if ode else f"the reverse chain of {self.chain.timesteps:,} steps"
        how = {"ddim": "DDIM", "ancestral": "that chain" if not ode else "the reverse chain"}[self.sampler]
        return f"its likelihood is that of {of}, its samples are drawn by {how} in {steps:,} steps"

    @torch.no_grad()
    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape): the reverse chain from x_T ~ N(0, I), over ``sampling_steps`` of the T timesteps.

        They are given conditions (n, k) if it was trained with some.
        """
        if not hasattr(self, "chain"):
            raise RuntimeError("fit the model before sampling")
        block = max(64, min(2048, BLOCK_VALUES // math.prod(self.shape))) * (1 if self.chain.alpha.is_cpu else 16)
        c, starts = self.features(conditions), range(0, n, block)
        given = [None if c is None else c[start : start + block] for start in starts]
        return torch.cat([self._sample(min(block, n - start), of) for start, of in zip(starts, given, strict=True)])

    def _sample(self, n: int, c: Tensor | None) -> Tensor:
        chain, sampler = self.chain, self.sampler
        x = torch.randn(n, *self.shape, device=chain.alpha.device)
        for t, s in pairwise(reversed(self.visited)):
            x_0, noise = self.predict(x, torch.full((1,), t, device=x.device), c)
            if sampler == "ddim":  # Song et al. 2021, arXiv:2010.02502, eq. 12 with σ = 0
                x = float(chain.alpha_bar[s]) ** 0.5 * x_0 + float(1 - chain.alpha_bar[s]) ** 0.5 * noise
            else:
                a, b, _ = chain.posterior(t, s)
                x = (a * x_0).add_(x, alpha=b).add_(torch.randn_like(x), alpha=self.variance(t, s) ** 0.5)
        return x

    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return (n,) nats for x (n, *shape): the variational bound, or the estimate by the ODE.

        It is given conditions (n, k) if it was trained with some. ``log_prob_note`` says where it is not that of the
        samples.
        """
        c, config = self.features(conditions), self.config
        if config.likelihood == "ode":
            last = float(self.chain.angle[-1])
            return flow_log_prob(lambda x, angle: self.flow(x, angle, c), x, last, config.ode_steps)
        return variational_bound(self, x, config.bound_terms, self.visited if self.is_bound_of_samples else None, c)

    def flow(self, x: Tensor, angle: Tensor, c: Tensor | None = None) -> Tensor:
        """Return dx/dφ = E[α ε - σ x_0 | x, c], which is F (b, *shape), for x (b, *shape) at the angle φ (1,).

        Below φ_1, where the network was not trained, F is taken as linear in φ: it is 0 at φ = 0, without noise.
        """
        first = self.chain.angle[1]
        trained: Tensor = self.network(x, angle.maximum(first), c)
        return (angle / first).clamp(max=1) * trained

    def parameters(self) -> list[Tensor]:
        """Return the averaged weights."""
        return list(self.network.parameters())

    def state(self) -> dict[str, Array]:
        """Return what samples and likelihoods need, as arrays by name."""
        return to_arrays(network=self.network, shape=self.shape, columns=self.columns, gamma=self.gamma)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Become the model whose state this is, on the CPU."""
        parts = from_arrays(state)
        self.shape, self.columns, self.gamma = tuple(parts["shape"]), tuple(parts["columns"]), parts["gamma"]
        self.chain = Chain(self.config.schedule, self.config.timesteps, self.gamma.device)
        self.network = build(self.config, self.shape, features_of(self.columns))[0].eval().requires_grad_(False)
        self.network.load_state_dict(parts["network"])


def unexplained_share(errors: Tensor, variance: str) -> Tensor:
    """Return γ_t (T + 1,) on the CPU, in [0, 1]: mean squared errors of ε, averaged over five neighbouring t.

    ``errors`` (2, T + 1) are the sums of the errors and their weights. With ``variance`` lower or upper, γ_t is 0 or 1.
    """
    gamma = torch.ones(errors.shape[1])
    if variance == "lower":
        gamma[2:] = 0  # p(x_0 | x_1) keeps β_1: with β̃_1 = 0 it would have no density
    elif variance == "analytic":
        total, count = nn.functional.avg_pool1d(errors[:, None, 1:], 5, 1, 2, count_include_pad=False)[:, 0].cpu()
        gamma[1:] = (total / count).clamp(0, 1)
    return gamma
