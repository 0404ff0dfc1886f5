"""Deep belief network (Hinton, Osindero & Teh 2006), learned greedily: one layer after the other.

    p(v, h_1, .., h_L) = p(v | h_1) ··· p(h_{L-2} | h_{L-1}) p(h_{L-1}, h_L)

The upper two layers are a restricted Boltzmann machine; the units below are drawn from the top down, independently
given the layer above. The machine of a layer learns the hidden units that the layers below infer for the data,
h_l ~ p(h_l | h_{l-1}). Where the layer is wide enough, it starts as the one below upside down (section 5 of the paper):
the network then is the same model as with one layer less, and learning can only raise the bound of its likelihood.
The paper learns each machine by contrastive divergence and tunes all layers together at the end by an up-down
algorithm; here the chains are persistent, and there is no such tuning.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import torch
from torch import Tensor

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import from_arrays, to_arrays
from genbench_boltzmann import DBNConfig
from genbench_boltzmann.images import to_images, to_units
from genbench_boltzmann.machine import Machine, bernoulli, train
from genbench_boltzmann.partition import draw

__all__ = ["DBN", "upside_down"]

BLOCK_ROWS = 4096  # whose hidden units are inferred together


class DBN:
    """Restricted Boltzmann machines on top of each other, each of which learns the hidden units of the one below.

    Pixels above the middle are 1. Samples are those of the uppermost machine, passed down layer by layer.
    """

    def __init__(self, config: DBNConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train each layer on ``data.train`` (n, *shape) as the layers below it see them."""
        self.shape, self.machines = data.shape, list[Machine]()
        rows = to_units(data.train)  # (n, pixels)
        chains = torch.empty(0)
        for units in self.config.layers:
            below = list(self.machines)
            means = torch.cat([self.infer(block, below) for block in torch.split(rows, BLOCK_ROWS)]).mean(0)
            if below and units >= len(below[-1].visible_bias):
                machine = upside_down(below[-1], units, means)
                chains = bernoulli(below[-1].hidden_means(chains))
            else:
                machine = Machine.of_means(means, units)
                chains = bernoulli(means.expand(self.config.chains, -1))
            self.machines.append(machine)
            with run.stage(1 / len(self.config.layers)):
                chains = train(
                    machine, rows, chains, run, self.config, self.sample, partial(self.infer, machines=below)
                )

    def infer(self, v: Tensor, machines: list[Machine]) -> Tensor:
        """Return units (n, hidden) of the last of some machines, drawn from the bottom up given v (n, pixels)."""
        for machine in machines:
            v = bernoulli(machine.hidden_means(v))
        return v

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return (n, *shape), the centres of two grey levels."""
        if not hasattr(self, "machines"):
            raise RuntimeError("fit the model before sampling")
        *below, top = self.machines
        units = draw(top, n, self.config.sampling_steps)
        for machine in reversed(below):
            units = bernoulli(machine.visible_means(units))
        return to_images(units, self.shape)

    def state(self) -> dict[str, Array]:
        """Return the machines."""
        parts = {
            f"{field.name}_{i}": getattr(m, field.name) for i, m in enumerate(self.machines) for field in fields(m)
        }
        return to_arrays(**parts, shape=self.shape, layers=len(self.machines))

    def restore(self, state: dict[str, Array]) -> None:
        """Take the machines that ``state`` returned."""
        parts = from_arrays(state)
        self.shape, names = tuple(parts["shape"]), [field.name for field in fields(Machine)]
        self.machines = [Machine(**{name: parts[f"{name}_{i}"] for name in names}) for i in range(parts["layers"])]

    def parameters(self) -> list[Tensor]:
        """Return the weights and the biases of each machine, from the data upwards."""
        return [parameter for machine in self.machines for parameter in machine.parameters()]


def upside_down(below: Machine, units: int, means: Tensor) -> Machine:
    """Return a machine on the hidden units of ``below``, with a hidden layer of at least as many units as pixels.

    The first of these stand for the visible units of ``below``, with its weights transposed, so that the marginal of
    the shared layer is the same; the others start with small weights. ``means`` (shared,) are those of the data.
    """
    machine = Machine.of_means(means, units)
    visible = len(below.visible_bias)
    machine.weights[:, :visible] = below.weights.t()
    machine.hidden_bias[:visible] = below.visible_bias
    machine.visible_bias.copy_(below.hidden_bias)
    return machine
