"""Normalising flows of zuko (Rozet et al. 2022, https://github.com/probabilists/zuko)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import zuko
from genbench.protocol import RunContext, TrainingData
from genbench.training import condition_features

from genbench_peers import ZukoMAFConfig, ZukoNSFConfig

BLOCK_ROWS = 16_384  # that go through the flow at once, after training


class _ZukoFlow:
    """A flow trained by maximum likelihood with Adam, as in the library's tutorials."""

    config: ZukoMAFConfig | ZukoNSFConfig

    def build(self, features: int, context: int) -> Any:
        """Return the untrained flow."""
        raise NotImplementedError

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the likelihood of ``data.train`` (n, d), given conditions where there are any."""
        self.columns = data.condition_columns
        given = self.features(data.conditions)
        self.flow = self.build(data.shape[0], 0 if given is None else given.shape[1]).to(run.device)
        adam = torch.optim.Adam(self.flow.parameters(), lr=self.config.learning_rate)
        for x, c in run.batches((data.train, data.conditions), self.config.batch):
            loss = -self.flow(self.features(c)).log_prob(x).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            run.log(loss=loss)

    def features(self, conditions: torch.Tensor | None) -> torch.Tensor | None:
        """Return conditions (n, k) as the flow takes them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    @torch.no_grad()
    def sample(self, n: int, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n, d), given conditions (n, k) if it was trained with some."""
        if not hasattr(self, "flow"):
            raise RuntimeError("fit the model before sampling")
        c, blocks = self.features(conditions), []
        for start in range(0, n, BLOCK_ROWS):
            size = min(BLOCK_ROWS, n - start)
            given = None if c is None else c[start : start + size]
            blocks.append(self.flow(given).sample((size,) if given is None else ()))
        return torch.cat(blocks)

    @torch.no_grad()
    def log_prob(self, x: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n,) nats for x (n, d), given conditions (n, k) if it was trained with some."""
        c = self.features(conditions)
        blocks = []
        for start in range(0, len(x), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            blocks.append(self.flow(None if c is None else c[rows]).log_prob(x[rows]))
        return torch.cat(blocks)

    def parameters(self) -> Iterator[torch.Tensor]:
        """Return the weights."""
        weights: Iterator[torch.Tensor] = self.flow.parameters()
        return weights


class ZukoMAF(_ZukoFlow):
    """``zuko.flows.MAF``."""

    config: ZukoMAFConfig

    def __init__(self, config: ZukoMAFConfig) -> None:
        self.config = config

    def build(self, features: int, context: int) -> Any:
        """Return the untrained flow."""
        hidden = (self.config.hidden, self.config.hidden)
        return zuko.flows.MAF(features, context, transforms=self.config.transforms, hidden_features=hidden)


class ZukoNSF(_ZukoFlow):
    """``zuko.flows.NSF``."""

    config: ZukoNSFConfig

    def __init__(self, config: ZukoNSFConfig) -> None:
        self.config = config

    def build(self, features: int, context: int) -> Any:
        """Return the untrained flow."""
        c, hidden = self.config, (self.config.hidden, self.config.hidden)
        return zuko.flows.NSF(features, context, bins=c.bins, transforms=c.transforms, hidden_features=hidden)
