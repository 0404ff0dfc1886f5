"""Annealing of a restricted Boltzmann machine: samples, and the partition function Z.

    log p_β*(v) = (1 - β) v·a_0 + β v·a + Σ_j log(1 + exp(β (b_j + (v·W)_j)))          0 = β_0 < β_1 < .. < β_K = 1

leads from independent visible units with logits a_0, whose Z_0 is known, to the machine. A chain v_0 ~ p_0 makes one
Gibbs step at each temperature; the mean of its weights Π_k p*_{β_k}(v_{k-1}) / p*_{β_{k-1}}(v_{k-1}) is Z / Z_0.
Source: Neal 2001, arXiv:physics/9803008; of these machines: Salakhutdinov & Murray 2008, doi:10.1145/1390156.1390266.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import softplus

from genbench_boltzmann.machine import Machine, bernoulli

__all__ = ["MAX_EXACT_UNITS", "anneal", "annealed_log_partition", "draw", "exact_log_partition"]

MAX_EXACT_UNITS = 14  # of the smaller layer, over whose states Z is summed exactly
BLOCK_ROWS = 2048  # chains that are annealed together, for samples


def anneal(machine: Machine, n: int, steps: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Return states (n, visible) of n chains at β = 1, and the logarithms of their importance weights, (n,) float64."""
    a_0, gap = machine.base, machine.visible_bias - machine.base
    v = bernoulli(a_0.sigmoid().expand(n, -1), generator)
    log_weights = torch.zeros(n, device=v.device, dtype=torch.float32 if v.device.type == "mps" else torch.float64)
    for begin, end in pairwise(k / steps for k in range(steps + 1)):
        inputs = torch.addmm(machine.hidden_bias, v, machine.weights)  # (n, hidden)
        at_end = end * inputs
        change = (softplus(at_end) - softplus(begin * inputs)).sum(1)
        log_weights += change + (end - begin) * (v @ gap)
        h = bernoulli(at_end.sigmoid_(), generator)
        logits = torch.addmm(a_0 + end * gap, h, machine.weights.t(), alpha=end)
        v = bernoulli(logits.sigmoid_(), generator)
    return v, log_weights


def draw(machine: Machine, n: int, steps: int) -> Tensor:
    """Return states (n, visible), each the end of a chain of its own that is annealed through ``steps`` temperatures.

    Chains that stay at β = 1 rarely cross from one mode to another. These begin where all modes are one.
    """
    sizes = [min(BLOCK_ROWS, n - start) for start in range(0, n, BLOCK_ROWS)] or [0]
    return torch.cat([anneal(machine, size, steps)[0] for size in sizes])


def annealed_log_partition(
    machine: Machine, chains: int, steps: int, generator: torch.Generator | None = None
) -> tuple[float, float]:
    """Return log Z in nats by annealed importance sampling, and its standard error, from the spread of the weights."""
    log_weights = anneal(machine, chains, steps, generator)[1].double().cpu()
    log_z0 = softplus(machine.base.double().cpu()).sum() + len(machine.hidden_bias) * math.log(2)
    weights = (log_weights - log_weights.max()).exp()
    error = float(weights.std() / weights.mean()) / math.sqrt(chains)
    return float(log_z0 + log_weights.logsumexp(0)) - math.log(chains), error


def exact_log_partition(machine: Machine) -> float:
    """Return log Z in nats by the sum over all states of the smaller layer; raises ValueError for a large one."""
    weights, a, b = (each.double().cpu() for each in machine.parameters())
    if len(b) > len(a):  # the machine is the same with its layers exchanged
        weights, a, b = weights.t(), b, a
    if len(b) > MAX_EXACT_UNITS:
        raise ValueError(f"a sum over 2^{len(b)} states is too long: at most {MAX_EXACT_UNITS} units")
    states = torch.cartesian_prod(*[torch.arange(2.0, dtype=torch.float64)] * len(b)).view(-1, len(b))
    return float((states @ b + softplus(a + states @ weights.t()).sum(1)).logsumexp(0))
