"""Diffusion with the preconditioning, noise levels and sampler of Karras et al. 2022 (EDM, arXiv:2206.00364).

    x = y + σ ε,  y ~ data,  ε ~ N(0, I)                           noise of any level σ is added to data at once
    D(x, σ, c) = c_skip x + c_out F(c_in x, φ, c)                   estimates E[y | x, c]
    c_skip = σ_d² / (σ² + σ_d²),  c_out = σ σ_d / √(σ² + σ_d²),  c_in = 1 / √(σ² + σ_d²)
    loss = E ‖D(x, σ, c) - y‖² / c_out²,  ln σ ~ N(P_mean, P_std²)
    dx/dσ = (x - D(x, σ, c)) / σ                                    carries noise to samples given conditions c

With data of mean 0 in units of their spread σ_d, σ_d = 1, and with the angle φ = atan σ between data and noise,

    z = c_in x = y cos φ + ε sin φ,   D = z cos φ + F sin φ,   dz/dφ = -F(z, φ, c)

so that F predicts y sin φ - ε cos φ, and z has unit variance at all φ. Up to its sign this F is that of ``ddpm``: its
networks predict -F, the velocity of z, and its solver integrates the likelihood along φ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, condition_features, cosine, from_arrays, to_arrays
from genbench_diffusion import EDMConfig
from genbench_diffusion.chain import column
from genbench_diffusion.likelihood import flow_log_prob
from genbench_diffusion.networks import build, features_of

__all__ = ["EDM"]

BLOCK_VALUES = 1 << 18  # of the samples that are drawn together: their activations fit in the processor's cache
MAX_EXACT_DIMENSIONS = 32  # up to which the trace of the Jacobian is computed exactly
NOISE_MEAN = {
    "vector": -1.8,
    "image": -0.5,
}  # of ln(σ / σ_d) in training: the paper's is -1.2 for images, with σ_d = 0.5
PROBES = 1  # random vectors that it is estimated with in more dimensions


class EDM:
    """Diffusion model with averaged weights; samples and density are those of its probability-flow equation.

    What differs from the paper: levels of noise are in units of the data, whose mean and spread are measured; the
    levels of a batch are stratified, one in each of equally probable intervals, which makes the loss less noisy; the
    network is given φ = atan(σ) and not ln(σ) / 4; the equation starts from N(0, σ² + σ_d²), which is what data with
    that noise are, and not N(0, σ²); there is no augmentation and no noise is added in sampling.
    """

    def __init__(self, config: EDMConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Minimise the weighted loss (eq. 8) with preconditioning (table 1)."""
        config, device = self.config, run.device
        self.shape, self.columns = data.shape, data.condition_columns
        self.mean = data.train.mean(0)  # (*shape)
        self.scale = max(float((data.train - self.mean).square().mean().sqrt()), 1e-3)  # σ_d
        network, batch = build(config, data.shape, features_of(self.columns))
        network.to(device)
        average = Average(network, config.ema)
        self.network = average.network
        adam = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))
        for y, c in run.batches((data.train, data.conditions), batch, sample=self.sample):  # (b, *shape), (b, k)
            adam.param_groups[0]["lr"] = config.learning_rate * cosine(run.progress)
            angle = self._angles(len(y), device)  # (b,)
            cos, sin = column(angle.cos(), y), column(angle.sin(), y)
            y, noise = (y - self.mean) / self.scale, torch.randn_like(y)
            velocity = network(cos * y + sin * noise, angle, self.features(c))  # -F
            loss = (velocity - (cos * noise - sin * y)).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            average.update()
            run.log(loss=loss)
        run.report(function_evaluations=self.function_evaluations)

    def _angles(self, n: int, device: torch.device) -> Tensor:
        """Return n angles atan(σ) (n,) whose ln σ is normal, each in a stratum of its own."""
        config = self.config
        share = (torch.arange(n, device=device) + torch.rand(n, device=device)) / n
        mean = (
            NOISE_MEAN["vector" if len(self.shape) == 1 else "image"]
            if config.noise_mean is None
            else config.noise_mean
        )
        log_sigma = mean + config.noise_std * torch.special.ndtri(share)
        angles: Tensor = log_sigma.exp().clamp(config.sigma_min, config.sigma_max).atan()
        return angles

    def features(self, conditions: Tensor | None) -> Tensor | None:
        """Return conditions (n, k) as the network takes them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    @property
    def function_evaluations(self) -> int:
        """How often the network is evaluated for one sample: twice a step of Heun's method, but once in the last."""
        return 2 * self.config.sampling_steps - 1

    @property
    def likelihood_steps(self) -> int:
        """The steps that ``log_prob`` integrates the equation in."""
        return self.config.likelihood_steps or (25 if len(self.shape) == 1 else 8)

    @property
    def log_prob_note(self) -> str:
        """How ``log_prob`` is computed, and of what it is the likelihood."""
        if not hasattr(self, "shape"):
            return ""
        exact = math.prod(self.shape) <= MAX_EXACT_DIMENSIONS
        trace = "the exact trace of its Jacobian" if exact else "an estimate of the trace of its Jacobian"
        return (
            f"its likelihood is that of the probability-flow ODE in {self.likelihood_steps} Runge-Kutta steps with "
            f"{trace}; its samples are drawn with {self.function_evaluations} function evaluations"
        )

    @torch.no_grad()
    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape), given conditions (n, k) if it was trained with some."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        device = next(self.network.parameters()).device
        block = max(64, min(2048, BLOCK_VALUES // math.prod(self.shape))) * (1 if device.type == "cpu" else 16)
        c, blocks = self.features(conditions), []
        for start in range(0, n, block):
            z = torch.randn(min(block, n - start), *self.shape, device=device)
            x = self.transport(z, None if c is None else c[start : start + block])
            blocks.append(self.mean + self.scale * x)
        return torch.cat(blocks)

    def transport(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the end (n, *shape) of the paths from noise z ~ N(0, I), (n, *shape), in units of the data.

        Heun's method (algorithm 1), whose last step, to σ = 0, is one of Euler's.
        """
        levels = noise_levels(self.config)
        x = z * math.hypot(1, levels[0])
        for sigma, after in pairwise(levels):
            slope = (x - self.denoised(x, sigma, c)) / sigma
            euler = x + (after - sigma) * slope
            if after > 0:
                slope = (slope + (euler - self.denoised(euler, after, c)) / after) / 2
                x = x + (after - sigma) * slope
            else:
                x = euler
        return x

    def denoised(self, x: Tensor, sigma: float, c: Tensor | None) -> Tensor:
        """Return D (n, *shape), the estimate of y given x = y + σ ε (n, *shape), in units of the data."""
        angle = math.atan(sigma)
        z = math.cos(angle) * x
        velocity: Tensor = self.network(z, torch.full((1,), angle, device=x.device), c)
        return math.cos(angle) * z - math.sin(angle) * velocity

    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return (n,) nats for x (n, *shape), given conditions (n, k) if it was trained with some."""
        c, d = self.features(conditions), math.prod(self.shape)
        last, probes = math.atan(self.config.sigma_max), None if d <= MAX_EXACT_DIMENSIONS else PROBES
        z = (x - self.mean) / self.scale
        found = flow_log_prob(lambda z, angle: self.flow(z, angle, c), z, last, self.likelihood_steps, probes)
        return found - d * math.log(self.scale)

    def flow(self, z: Tensor, angle: Tensor, c: Tensor | None) -> Tensor:
        """Return dz/dφ (b, *shape) for z (b, *shape) at the angle φ (1,), given features c (b, features).

        Below the smallest level, where the network was not trained, it is taken as linear in φ: at φ = 0 it is 0.
        """
        first = math.atan(self.config.sigma_min)
        trained: Tensor = self.network(z, angle.clamp(min=first), c)
        return (angle / first).clamp(max=1) * trained

    def parameters(self) -> list[Tensor]:
        """Return the averaged weights."""
        return list(self.network.parameters())

    def state(self) -> dict[str, Array]:
        """Return what samples and likelihoods need, as arrays by name."""
        return to_arrays(network=self.network, columns=self.columns, mean=self.mean, scale=self.scale)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Become the model whose state this is, on the CPU."""
        parts = from_arrays(state)
        self.mean, self.scale, self.columns = parts["mean"], parts["scale"], tuple(parts["columns"])
        self.shape = tuple(self.mean.shape)
        self.network = build(self.config, self.shape, features_of(self.columns))[0].eval().requires_grad_(False)
        self.network.load_state_dict(parts["network"])


def noise_levels(config: EDMConfig) -> list[float]:
    """Return σ_0 = sigma_max > .. > σ_{N-1} = sigma_min > σ_N = 0, in units of the data (eq. 5)."""
    steps, root = config.sampling_steps, 1 / config.rho
    first, last = config.sigma_max**root, config.sigma_min**root
    return [(first + i / max(steps - 1, 1) * (last - first)) ** config.rho for i in range(steps)] + [0.0]
