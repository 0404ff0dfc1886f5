"""Restricted Boltzmann machine (Smolensky 1986), learned by persistent contrastive divergence (Tieleman 2008).

The weights climb the gradient of the log-likelihood, whose second part is a mean over the model:

    ∂ log p(v) / ∂W = v h(v)ᵀ - E_model[v h(v)ᵀ],   h(v) = p(h = 1 | v)

The states of chains that run on while the weights change slowly stand for the model (PCD-1: one Gibbs step a step).
Beyond the paper, the biases of visible units start at the logits of the pixels' means, and samples are the ends of
chains that are annealed from there, where the paper has no samples.
"""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import from_arrays, to_arrays
from genbench_boltzmann import RBMConfig
from genbench_boltzmann.images import to_images, to_units
from genbench_boltzmann.machine import Machine, bernoulli, train
from genbench_boltzmann.partition import MAX_EXACT_UNITS, annealed_log_partition, draw, exact_log_partition

__all__ = ["RBM"]


class RBM:
    """A layer of pixels and a layer of hidden units, each connected with each unit of the other layer.

    Pixels above the middle are 1. ``log_prob`` is the free energy less log Z, which is computed when it is first asked
    for: exactly where a layer has at most 14 units, else by annealed importance sampling, with its standard error.
    """

    def __init__(self, config: RBMConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Climb the gradient of the likelihood of ``data.train`` (n, *shape)."""
        self.shape = data.shape
        rows = to_units(data.train)  # (n, pixels)
        means = rows.mean(0)
        self.machine = Machine.of_means(means, self.config.hidden)
        self.log_partition: tuple[float, float] | None = None  # log Z and its standard error
        chains = bernoulli(means.expand(self.config.chains, -1))
        train(self.machine, rows, chains, run, self.config, self.sample)
        self.seed = int(torch.randint(2**31, ()))  # of the annealing: log Z does not depend on when it is asked for

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return (n, *shape), the centres of two grey levels, each from an annealed chain of its own."""
        if not hasattr(self, "machine"):
            raise RuntimeError("fit the model before sampling")
        return to_images(draw(self.machine, n, self.config.sampling_steps), self.shape)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """Return log-probabilities (n,) in nats of binary images x (n, *shape)."""
        if self.log_partition is None:
            self.log_partition = self._log_partition()
        return -self.machine.free_energy(to_units(x)) - self.log_partition[0]

    def _log_partition(self) -> tuple[float, float]:
        if min(self.machine.weights.shape) <= MAX_EXACT_UNITS:
            return exact_log_partition(self.machine), 0.0
        generator = torch.Generator(self.machine.weights.device).manual_seed(self.seed)
        return annealed_log_partition(self.machine, self.config.ais_chains, self.config.ais_steps, generator)

    @property
    def log_prob_note(self) -> str:
        """How log Z was computed."""
        if getattr(self, "log_partition", None) is None:
            return ""
        assert self.log_partition is not None
        log_z, error = self.log_partition
        if not error:
            return f"log Z = {log_z:.4f} nats is an exact sum"
        return (
            f"log Z = {log_z:.3f} nats by annealed importance sampling with {self.config.ais_chains} chains and "
            f"{self.config.ais_steps} temperatures, standard error {error:.2g}"
        )

    def state(self) -> dict[str, Array]:
        """Return the machine, and log Z if it is known."""
        machine = {field.name: getattr(self.machine, field.name) for field in fields(self.machine)}
        return to_arrays(**machine, shape=self.shape, seed=self.seed, log_partition=self.log_partition)

    def restore(self, state: dict[str, Array]) -> None:
        """Take the machine that ``state`` returned."""
        parts = from_arrays(state)
        self.machine = Machine(**{field.name: parts[field.name] for field in fields(Machine)})
        self.shape, self.seed = tuple(parts["shape"]), parts["seed"]
        self.log_partition = parts["log_partition"] and tuple(parts["log_partition"])

    def parameters(self) -> list[Tensor]:
        """Return the weights and the biases of both layers."""
        return self.machine.parameters()
