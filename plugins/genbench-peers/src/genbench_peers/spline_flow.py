"""Neural spline flow of normflows (Stimper et al. 2023, doi:10.21105/joss.05361)."""

from __future__ import annotations

from collections.abc import Iterator

import normflows
import torch
from genbench.protocol import RunContext, TrainingData

from genbench_peers import NormflowsNSFConfig

BLOCK_ROWS = 16_384  # that go through the flow at once, after training


class NormflowsNSF:
    """Autoregressive rational-quadratic splines with linear maps between them, as in the library's example."""

    def __init__(self, config: NormflowsNSFConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the likelihood of ``data.train`` (n, d) by Adam with the example's weight decay."""
        c, (d,), layers = self.config, data.shape, list[torch.nn.Module]()
        for _ in range(c.transforms):
            layers += [
                normflows.flows.AutoregressiveRationalQuadraticSpline(d, 2, c.hidden, num_bins=c.bins),
                normflows.flows.LULinearPermute(d),
            ]
        base = normflows.distributions.DiagGaussian(d, trainable=False)
        self.flow = normflows.NormalizingFlow(base, layers).to(run.device)
        adam = torch.optim.Adam(self.flow.parameters(), lr=c.learning_rate, weight_decay=1e-5)
        for x in run.batches(data.train, c.batch):
            loss = self.flow.forward_kld(x)
            adam.zero_grad()
            loss.backward()
            adam.step()
            run.log(loss=loss)

    @torch.no_grad()
    def sample(self, n: int) -> torch.Tensor:
        """Return (n, d)."""
        if not hasattr(self, "flow"):
            raise RuntimeError("fit the model before sampling")
        sizes = [min(BLOCK_ROWS, n - start) for start in range(0, n, BLOCK_ROWS)]
        return torch.cat([self.flow.sample(size)[0] for size in sizes])

    @torch.no_grad()
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n,) nats for x (n, d)."""
        return torch.cat([self.flow.log_prob(part) for part in torch.split(x, BLOCK_ROWS)])

    def parameters(self) -> Iterator[torch.Tensor]:
        """Return the weights."""
        weights: Iterator[torch.Tensor] = self.flow.parameters()
        return weights
