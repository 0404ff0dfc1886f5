"""What the flows share: log p(x | c) = log N(z; 0, I) + log |det ∂z/∂x| is maximised, and noise z is mapped back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, condition_features, cosine, from_arrays, to_arrays
from genbench_flows import FlowConfig
from genbench_flows.bijections import Bijection, Chain, Pixels

__all__ = ["Best", "Flow", "on_plane"]

MAX_GRADIENT_NORM = 5.0
HELD_OUT_CHECKS = 40  # during training, of the likelihood of held-out rows
MAX_HELD_OUT = 1000  # rows
BLOCK_VALUES = 1 << 16  # of rows that go through the transforms together: each value has tens of numbers in a layer
MAX_SAMPLE_ROWS = 2048  # in a block of samples, whose layers fit in the processor's cache


class Best:
    """The weights at which a loss was lowest, kept on the device without waiting for it."""

    def __init__(self, network: nn.Module, loss: Callable[[], Tensor]) -> None:
        self.network, self.loss = network, loss
        self.lowest = torch.full((), math.inf, device=next(network.parameters()).device)
        self.weights = [parameter.detach().clone() for parameter in network.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        """Keep the present weights if their loss is the lowest one so far."""
        loss = self.loss()
        better = loss < self.lowest
        self.lowest = torch.where(better, loss, self.lowest)
        for kept, parameter in zip(self.weights, self.network.parameters(), strict=True):
            kept.copy_(torch.where(better, parameter, kept))

    @torch.no_grad()
    def restore(self) -> None:
        """Give the network the weights that were kept."""
        for kept, parameter in zip(self.weights, self.network.parameters(), strict=True):
            parameter.copy_(kept)


class Flow:
    """A flow with exact density, trained by maximum likelihood; images are flattened.

    The weights are a moving average of those of the optimiser, taken where held-out rows were most likely. Where rows
    have conditions, each transform depends on them.
    """

    def __init__(self, config: FlowConfig) -> None:
        self.config = config

    def build(self, shape: tuple[int, ...], given: int) -> Bijection:
        """Return the transforms for flattened rows of a shape, given so many features of conditions."""
        raise NotImplementedError

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Minimise -log p by Adam with clipped gradients."""
        device, plane = run.device, on_plane(data.shape)
        batch, learning_rate = self.config.batch or (512 if plane else 128), self.config.learning_rate
        self.shape, self.bounded, self.columns = data.shape, data.levels is not None, data.condition_columns
        self.given = 0 if data.conditions is None else condition_features(data.conditions[:1], self.columns).shape[1]
        network = self._build().to(device)
        parts = data.validation()
        (x, c), (x_held, c_held) = parts if data.conditions is not None else ((part, None) for part in parts)
        if isinstance(pixels := network.parts[0], Pixels):
            pixels.set_moments(x.flatten(1))
        average = Average(network, self.config.ema)
        self.network = average.network
        held = x_held[:MAX_HELD_OUT], None if c_held is None else c_held[:MAX_HELD_OUT]
        best, checked = Best(self.network, lambda: -self.log_prob(*held).mean()), 0.0
        adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=device.type in ("cpu", "cuda"))
        for x_b, c_b in run.batches((x, c), batch, sample=self.sample):  # (b, *shape), (b, k)
            for group in adam.param_groups:
                group["lr"] = learning_rate * cosine(run.progress)
            loss = -log_prob(network, x_b.flatten(1), self._features(c_b)).mean()
            adam.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT_NORM)
            adam.step()
            average.update()
            if run.progress >= checked + 1 / HELD_OUT_CHECKS:
                best.update()
                checked = run.progress
            run.log(loss=loss)
        best.update()
        best.restore()

    def _build(self) -> Chain:
        """Return the transforms, for images after the one that gives pixels mean 0 and no bounds."""
        pixels = [Pixels(math.prod(self.shape), bounded=self.bounded)] if len(self.shape) == 3 else []
        return Chain([*pixels, self.build(self.shape, self.given)])

    def _features(self, conditions: Tensor | None) -> Tensor | None:
        return None if conditions is None else condition_features(conditions, self.columns)

    @torch.no_grad()
    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape), given conditions (n, k) if it was trained with some."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        device, d = next(self.network.parameters()).device, math.prod(self.shape)
        c, blocks = self._features(conditions), []
        for start in range(0, n, MAX_SAMPLE_ROWS):
            z = torch.randn(min(MAX_SAMPLE_ROWS, n - start), d, device=device)
            blocks.append(self.network.inverse(z, None if c is None else c[start : start + len(z)]))
        return torch.cat(blocks).view(n, *self.shape)

    @torch.no_grad()
    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return (n,) nats for x (n, *shape), given conditions (n, k) if it was trained with some."""
        x, c = x.flatten(1), self._features(conditions)
        block = max(64, BLOCK_VALUES // x.shape[1])
        parts = []
        for start in range(0, len(x), block):
            rows = slice(start, start + block)
            parts.append(log_prob(self.network, x[rows], None if c is None else c[rows]))
        return torch.cat(parts)

    def parameters(self) -> list[Tensor]:
        """Return the averaged weights."""
        return list(self.network.parameters())

    def state(self) -> dict[str, Array]:
        """Return the weights, and what the network is built from, as arrays."""
        return to_arrays(
            network=self.network, shape=self.shape, given=self.given, bounded=self.bounded, columns=self.columns
        )

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over what ``state`` returned."""
        parts: dict[str, Any] = from_arrays(state)
        self.shape, self.given, self.bounded = tuple(parts["shape"]), parts["given"], parts["bounded"]
        self.columns = tuple(parts["columns"])
        self.network = self._build().requires_grad_(False)
        self.network.load_state_dict(parts["network"])


def on_plane(shape: tuple[int, ...]) -> bool:
    """Return whether rows have at most two columns: a step then costs little, and many modes may be told apart."""
    return len(shape) == 1 and shape[0] <= 2


def log_prob(network: Bijection, x: Tensor, c: Tensor | None) -> Tensor:
    """Return log p(x | c) (n,) in nats for rows x (n, d) and features c (n, given) of conditions."""
    z, log_det = network(x, c)
    log_p: Tensor = log_det - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
    return log_p
