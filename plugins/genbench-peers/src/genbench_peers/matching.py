"""Conditional flow matching of torchcfm (Tong et al. 2024, arXiv:2302.00482)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from genbench.protocol import RunContext, TrainingData
from torchcfm.conditional_flow_matching import (
    ConditionalFlowMatcher,
    ExactOptimalTransportConditionalFlowMatcher,
)
from torchcfm.models.models import MLP
from torchdiffeq import odeint

from genbench_peers import TorchCFMConfig

BLOCK_ROWS = 16_384  # that the solver takes along together


class TorchCFM:
    """The network, the paths and the adaptive solver of the library's examples in two dimensions."""

    def __init__(self, config: TorchCFMConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Regress the velocity of paths from noise to ``data.train`` (n, d)."""
        c, (d,) = self.config, data.shape
        self.columns = d
        matchers = {
            "independent": ConditionalFlowMatcher,
            "optimal": ExactOptimalTransportConditionalFlowMatcher,
        }
        matcher = matchers[c.coupling](sigma=c.sigma)
        self.network = MLP(dim=d, time_varying=True, w=c.width).to(run.device)
        adam = torch.optim.Adam(self.network.parameters(), lr=c.learning_rate)
        for x in run.batches(data.train, c.batch):
            t, x_t, velocity = matcher.sample_location_and_conditional_flow(torch.randn_like(x), x)
            loss = (self.network(torch.cat([x_t, t[:, None]], 1)) - velocity).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            run.log(loss=loss)

    @torch.no_grad()
    def sample(self, n: int) -> torch.Tensor:
        """Return (n, d): the ends of the solutions that begin in noise."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        device, times = next(self.network.parameters()).device, torch.linspace(0, 1, 2)
        tolerance, blocks = self.config.tolerance, []

        def velocity(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            v: torch.Tensor = self.network(torch.cat([x, t.expand(len(x), 1)], 1))
            return v

        for start in range(0, n, BLOCK_ROWS):
            noise = torch.randn(min(BLOCK_ROWS, n - start), self.columns, device=device)
            path = odeint(velocity, noise, times.to(device), atol=tolerance, rtol=tolerance, method="dopri5")
            blocks.append(path[-1])
        return torch.cat(blocks)

    def parameters(self) -> Iterator[torch.Tensor]:
        """Return the weights."""
        weights: Iterator[torch.Tensor] = self.network.parameters()
        return weights
