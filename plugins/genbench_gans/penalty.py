"""Penalties on the gradient of a network's score: for any network, and a faster form for a multilayer perceptron.

An MLP with ReLU is piecewise linear. Its gradient is the product of its weights, without the units that are inactive,
and which units are inactive does not change in a small neighbourhood. With that product written out, a step of the
critic costs about half of what automatic differentiation takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .networks import MLP, evaluate, with_columns

__all__ = ["critic_gradients", "gradient_penalty", "input_gradient"]


def input_gradient(network: nn.Module, x: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
    """Return ∇f (n, *shape) of a network's scores (n, 1) at x (n, *shape), differentiable in the network's weights.

    The gradient is that in x alone, not in the features of conditions (n, k) where there are any.
    """
    if isinstance(network, MLP):
        with torch.no_grad():
            active = [h.sign() for h in _hidden(network, with_columns(x, given))]
        weights = [layer.weight for layer in network.linear]
        return _backpropagate(weights, active)[0] @ weights[0][:, : x.shape[1]]
    x = x.detach().requires_grad_()
    gradient: torch.Tensor = torch.autograd.grad(evaluate(network, x, given).sum(), x, create_graph=True)[0]
    return gradient


def gradient_penalty(critic: nn.Module, x: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean of (‖∇f(x)‖ - 1)², a scalar, at x (n, *shape)."""
    norms: torch.Tensor = input_gradient(critic, x, given).flatten(1).norm(dim=1)
    return (norms - 1).square().mean()


@torch.no_grad()
def critic_gradients(
    critic: MLP,
    real: torch.Tensor,
    fake: torch.Tensor,
    mixed: torch.Tensor,
    penalty: float,
    given: torch.Tensor | None = None,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return E f(fake) - E f(real) + penalty · E (‖∇f(mixed)‖ - 1)², and its gradients in the critic's parameters.

    All three are (n, d), given the same features of conditions (n, k) where there are any. The gradients are in the
    order of ``critic.parameters()``: weight and bias, layer by layer.
    """
    (n, d), weights = real.shape, [layer.weight for layer in critic.linear]  # W_k is (width out, width in)
    real, fake, mixed = (with_columns(x, given) for x in (real, fake, mixed))

    # The Wasserstein term, by backpropagation: delta_k is the derivative with respect to the output of layer k.
    x = torch.cat((fake, real))  # (2n, d)
    inputs = [x, *_hidden(critic, x)]  # of each layer: (2n, d), then (2n, width)
    sign = x.new_full((2 * n, 1), 1 / n)
    sign[n:].neg_()
    loss = (critic.linear[-1](inputs[-1]) * sign).sum()
    deltas = [*_backpropagate(weights, [h.sign() for h in inputs[1:]], sign), sign]
    by_weight = [delta.t() @ h for delta, h in zip(deltas, inputs, strict=True)]
    by_bias = [delta.sum(0) for delta in deltas]

    # The penalty: ∇f = w D_3 W_3 D_2 W_2 D_1 W_1, where D_k selects the active units; then that product's derivative.
    active = [h.sign_() for h in _hidden(critic, mixed)]
    partial = _backpropagate(weights, active)  # partial_k is w D_3 W_3 ... D_k, (n, width)
    gradient = partial[0] @ weights[0]  # (n, d), or (n, d + k)
    gradient[:, d:] = 0  # the penalty is on the gradient in x alone
    norm = gradient.norm(dim=1, keepdim=True)
    loss += penalty * (norm - 1).square().mean()
    delta = gradient * (2 * penalty / n * (1 - 1 / norm.clamp_min(1e-12)))  # (n, d), then (n, width)
    for k, units in enumerate(active):
        by_weight[k].addmm_(partial[k].t(), delta)
        delta = (delta @ weights[k].t()).mul_(units)
    by_weight[-1] += delta.sum(0)
    return loss, [gradient for pair in zip(by_weight, by_bias, strict=True) for gradient in pair]


def _hidden(network: MLP, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the output of each hidden layer at x, (n, width) after ReLU: its sign is 1 where a unit is active."""
    outputs = []
    for layer in network.linear[:-1]:
        x = layer(x).relu_()
        outputs.append(x)
    return outputs


def _backpropagate(
    weights: Sequence[torch.Tensor], active: Sequence[torch.Tensor], factor: torch.Tensor | None = None
) -> list[torch.Tensor]:
    """Return the derivatives (n, width) of factor · f in each hidden layer, before its ReLU; the first layer first."""
    delta = weights[-1] if factor is None else factor * weights[-1]  # (1, width) or (n, width)
    deltas = [delta * active[-1]]
    for weight, units in zip(reversed(weights[1:-1]), reversed(active[:-1]), strict=True):
        deltas.append((deltas[-1] @ weight) * units)
    return deltas[::-1]
