"""A restricted Boltzmann machine: its energy, its conditional probabilities, and the gradient of its likelihood.

E(v, h) = -v·a - h·b - v·W h                  visible units v and hidden units h are 0 or 1
p(v, h) = exp(-E(v, h)) / Z
p(h_j = 1 | v) = σ(b_j + (v·W)_j)             no two units of a layer are connected: given the other layer,
p(v_i = 1 | h) = σ(a_i + (W h)_i)             they are independent
F(v) = -log Σ_h exp(-E(v, h)) = -v·a - Σ_j log(1 + exp(b_j + (v·W)_j))        so that log p(v) = -F(v) - log Z
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from genbench.protocol import RunContext, Sampler
from genbench_boltzmann import DBNConfig, RBMConfig

__all__ = ["Machine", "bernoulli", "likelihood_gradient", "train"]

INITIAL_WEIGHT = 0.1  # standard deviation: from much smaller ones, learning takes long to begin
LOGGED_STEPS = 20  # from one logged loss to the next: it costs as much as a tenth of a step


@dataclass
class Machine:
    """Weights W (visible, hidden), biases a (visible,) and b (hidden,).

    ``base`` (visible,) has the logits of independent units with the means of the training rows: annealing begins there.
    """

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    base: Tensor

    @classmethod
    def of_means(cls, means: Tensor, hidden: int) -> Machine:
        """Return an untrained machine whose visible units are independent, nearly, and have these means (visible,)."""
        weights = INITIAL_WEIGHT * torch.randn(len(means), hidden, device=means.device)
        logits = means.clamp(1e-3, 1 - 1e-3).logit()
        return cls(weights, logits, torch.zeros(hidden, device=means.device), logits.clone())

    def hidden_means(self, v: Tensor) -> Tensor:
        """Return p(h = 1 | v), (n, hidden), for v (n, visible)."""
        return torch.addmm(self.hidden_bias, v, self.weights).sigmoid_()

    def visible_means(self, h: Tensor) -> Tensor:
        """Return p(v = 1 | h), (n, visible), for h (n, hidden)."""
        return torch.addmm(self.visible_bias, h, self.weights.t()).sigmoid_()

    def free_energy(self, v: Tensor) -> Tensor:
        """Return F (n,) in nats for v (n, visible)."""
        return -v @ self.visible_bias - softplus(torch.addmm(self.hidden_bias, v, self.weights)).sum(1)

    def gibbs_step(self, v: Tensor) -> Tensor:
        """Return states (n, visible) after new hidden units given v (n, visible), and new visible ones given those."""
        return bernoulli(self.visible_means(bernoulli(self.hidden_means(v))))

    def parameters(self) -> list[Tensor]:
        """Return W, a and b."""
        return [self.weights, self.visible_bias, self.hidden_bias]


def bernoulli(means: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return units that are 1 with probabilities ``means``, and else 0, as floating numbers of the same shape."""
    uniform = torch.rand(means.shape, device=means.device, dtype=means.dtype, generator=generator)
    return (uniform < means).to(means.dtype)


def likelihood_gradient(machine: Machine, v: Tensor, chains: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient of the mean log-likelihood of rows v (n, visible) in W, a and b.

    It is the mean of -∂F/∂θ over the rows less that over the model, for which states ``chains`` (m, visible) stand.
    """
    h, h_chains = machine.hidden_means(v), machine.hidden_means(chains)
    weights = torch.mm(v.t(), h).div_(len(v)).addmm_(chains.t(), h_chains, alpha=-1 / len(chains))
    return weights, v.mean(0) - chains.mean(0), h.mean(0) - h_chains.mean(0)


def train(
    machine: Machine,
    rows: Tensor,
    chains: Tensor,
    run: RunContext,
    config: RBMConfig | DBNConfig,
    sample: Sampler,
    below: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Change a machine by persistent contrastive divergence until the budget ends; return the chains' last states.

    ``below`` maps a batch of rows (batch, ...) to the machine's visible units; rows are these where it is None. The
    chains (m, visible) go on by one Gibbs step for each step of the weights, and are never set back to data
    (Tieleman 2008, doi:10.1145/1390156.1390290).
    """
    for step, batch in enumerate(run.batches(rows, config.batch, sample=sample, dequantise=False)):
        with torch.autocast(rows.device.type, enabled=False):  # the gradient is a small difference
            v = batch if below is None else below(batch)  # (batch, visible)
            chains = machine.gibbs_step(chains)
            rate = config.learning_rate * (1 - run.progress)
            weights, visible, hidden = likelihood_gradient(machine, v, chains)
            if step % LOGGED_STEPS == 0:
                run.log(loss=machine.free_energy(v).mean() - machine.free_energy(chains).mean())
            machine.weights.mul_(1 - rate * config.weight_decay).add_(weights, alpha=rate)
            machine.visible_bias.add_(visible, alpha=rate)
            machine.hidden_bias.add_(hidden, alpha=rate)
    return chains
