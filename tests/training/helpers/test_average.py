"""The moving average of weights: it lags, it does not touch the network, and it has no gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genbench.training import Average


def test_average_follows_and_lags() -> None:
    network = nn.Linear(1, 1)
    average = Average(network, 0.9)
    start = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.add_(1)
    gaps = []
    for _ in range(200):
        average.update()
        gaps.append(float((network.weight - average.network.weight).detach()))
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] < 1
    assert gaps[-1] == pytest.approx(0, abs=1e-4)
    assert torch.equal(network.weight.detach(), start + 1)
    assert not average.network.weight.requires_grad


def test_the_decay_grows_up_to_its_limit() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(network, decay=0.5, lag=4)
    expected = float(network.weight.detach())
    for decay in (1 / 5, 2 / 6, 3 / 7, 0.5, 0.5):
        with torch.no_grad():
            network.weight.add_(1)
        average.update()
        expected = decay * expected + (1 - decay) * float(network.weight.detach())
        assert float(average.network.weight) == pytest.approx(expected, rel=1e-6)


def test_buffers_are_those_of_the_network_and_dropout_is_off() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    average = Average(network)
    network(torch.randn(50, 3) + 7)
    average.update()
    assert torch.equal(average.network[0].running_mean, network[0].running_mean)
    assert network.training
    assert not average.network.training
