"""Flow matching (Lipman et al. 2023, arXiv:2210.02747; rectified flow: Liu et al. 2023, arXiv:2209.03003).

    x_t = (1 - t) x_0 + t x_1,  x_0 ~ N(0, I),  x_1 ~ data         straight paths from noise at t = 0 to data at t = 1
    loss = E ‖v_θ(x_t, t, c) - (x_1 - x_0)‖²                        its minimum is the velocity E[x_1 - x_0 | x_t, c]
    dx/dt = v_θ(x, t, c)                                            carries noise to samples given conditions c

The paths end at the data themselves: σ_min of Lipman et al. is 0. With s² = t² + (1 - t)², the network F enters as

    v_θ(x, t, c) = ((2t - 1) x/s + F(x/s, t, c)) / s

where the first term is the best linear prediction for standardised data, and x/s and what F has to predict have unit
variance at all t (the preconditioning of Karras et al. 2022, arXiv:2206.00364, for straight paths).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, condition_features, cosine, from_arrays, to_arrays
from genbench_flow_matching import FlowMatchingConfig
from genbench_flow_matching.likelihood import MAX_EXACT_DIMENSIONS, flow_log_prob
from genbench_flow_matching.networks import Perceptron, UNet

BLOCK_VALUES = 1 << 18  # of the samples that are drawn together: their activations fit in the processor's cache


class FlowMatching:
    """A velocity field learned by regression, with averaged weights; samples and density are those of its flow.

    Where rows have conditions, the velocity depends on them. ``log_prob`` integrates the trace of the Jacobian by a
    finer solver than samples are drawn with.
    """

    def __init__(self, config: FlowMatchingConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Minimise the loss of conditional flow matching (Lipman et al., eq. 23 with σ_min = 0)."""
        config, device = self.config, run.device
        self.shape, self.columns = data.shape, data.condition_columns
        given = self.features(data.conditions)
        self.given = 0 if given is None else given.shape[1]
        network = build(config, self.shape, self.given).to(device)
        batch = config.batch or (64 if isinstance(network, UNet) else 512)
        average = Average(network, config.ema)
        self.network = average.network
        adam = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=device.type in ("cpu", "cuda"))
        rows = (data.train, data.conditions)
        for x_1, c in run.batches(rows, batch, sample=self.sample):  # (b, *shape), (b, k)
            for group in adam.param_groups:
                group["lr"] = config.learning_rate * cosine(run.progress)
            t = stratified(len(x_1), device)  # (b,)
            x_0 = torch.randn_like(x_1)
            x_t = x_0 + column(t, x_1) * (x_1 - x_0)
            loss = (velocity(network, x_t, t, self.features(c)) - (x_1 - x_0)).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            average.update()
            run.log(loss=loss)
        run.report(function_evaluations=self.function_evaluations)

    def features(self, conditions: Tensor | None) -> Tensor | None:
        """Return conditions (n, k) as the network takes them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    @property
    def function_evaluations(self) -> int:
        """How often the network is evaluated for one sample."""
        return 2 * self.config.sampling_steps - (self.config.solver == "heun")

    @property
    def log_prob_note(self) -> str:
        """How ``log_prob`` is computed, and of what it is the likelihood."""
        if not hasattr(self, "shape"):
            return ""
        exact = math.prod(self.shape) <= MAX_EXACT_DIMENSIONS
        trace = "the exact trace of its Jacobian" if exact else "an estimate of the trace of its Jacobian"
        return (
            f"its likelihood is that of its flow in {self.likelihood_steps} Runge-Kutta steps with {trace}; "
            f"its samples are drawn with {self.function_evaluations} function evaluations"
        )

    @property
    def likelihood_steps(self) -> int:
        """The steps that ``log_prob`` integrates the flow in."""
        return self.config.likelihood_steps or (25 if len(self.shape) == 1 else 8)

    @torch.no_grad()
    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape), given conditions (n, k) if it was trained with some."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        device = next(self.network.parameters()).device
        block = max(64, min(2048, BLOCK_VALUES // math.prod(self.shape))) * (1 if device.type == "cpu" else 16)
        c, blocks = self.features(conditions), []
        for start in range(0, n, block):
            x = torch.randn(min(block, n - start), *self.shape, device=device)
            blocks.append(self.transport(x, None if c is None else c[start : start + block]))
        return torch.cat(blocks)

    def transport(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Return the end (n, *shape) of the paths that start in noise x (n, *shape), given features c (n, features)."""
        for t, end in pairwise(times(self.config.sampling_steps)):
            h, v = end - t, self.velocity(x, t, c)
            if self.config.solver == "midpoint":
                x = x + h * self.velocity(x + h / 2 * v, t + h / 2, c)
            elif end < 1:
                x = x + h / 2 * (v + self.velocity(x + h * v, end, c))
            else:  # the last step of Heun's method is one of Euler's: the velocity at t = 1 is the least well known
                x = x + h * v
        return x

    def velocity(self, x: Tensor, t: float, c: Tensor | None) -> Tensor:
        """Return v (n, *shape) of the averaged weights at x (n, *shape), given features c (n, features)."""
        return velocity(self.network, x, torch.full((1,), t, device=x.device), c)

    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return (n,) nats for x (n, *shape), given conditions (n, k) if it was trained with some."""
        c = self.features(conditions)
        return flow_log_prob(lambda x, t: self.velocity(x, t, c), x, times(self.likelihood_steps))

    def state(self) -> dict[str, Array]:
        """Return the averaged weights, and what the network is built from, as arrays by name."""
        return to_arrays(network=self.network, shape=self.shape, columns=self.columns, given=self.given)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.shape, self.columns, self.given = tuple(parts["shape"]), tuple(parts["columns"]), parts["given"]
        self.network = build(self.config, self.shape, self.given).eval().requires_grad_(False)
        self.network.load_state_dict(parts["network"])

    def parameters(self) -> list[Tensor]:
        """Return the averaged weights."""
        return list(self.network.parameters())


def velocity(network: nn.Module, x: Tensor, t: Tensor, c: Tensor | None) -> Tensor:
    """Return v_θ (b, *shape) at x (b, *shape), t (b,) or (1,), given features c (b, features)."""
    s = column(torch.hypot(t, 1 - t), x)
    x = x / s
    v: Tensor = (column(2 * t - 1, x) * x + network(x, t, c)) / s
    return v


def stratified(n: int, device: torch.device) -> Tensor:
    """Return n times (n,), each uniform in [0, 1), one in each of n strata: less noise in the loss than independent."""
    return (torch.arange(n, device=device) + torch.rand(n, device=device)) / n


def times(steps: int) -> list[float]:
    """Return t_0 = 0 .. t_steps = 1, of which the last are the closest: where little noise is left, detail appears."""
    return [1 - (1 - k / steps) ** 1.5 for k in range(steps + 1)]


def column(values: Tensor, like: Tensor) -> Tensor:
    """Return values (b,) as (b, 1, ..), to multiply ``like`` (b, *shape)."""
    return values.view(-1, *[1] * (like.dim() - 1))


def build(config: FlowMatchingConfig, shape: tuple[int, ...], given: int) -> nn.Module:
    """Return the network for rows of this shape and this many features of conditions."""
    if len(shape) == 3 and config.network != "perceptron":
        return UNet(shape, given, config.width or 32)
    if config.network == "unet":
        raise ValueError(f"network=unet needs images, got vectors of shape {shape}: take network=perceptron")
    return Perceptron(shape, given, config.width or 128)
