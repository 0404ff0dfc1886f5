"""The training loop that the core gives, against the tightest one written by hand; and standardisation.

Nothing here asserts a time: only a ratio of two loops that take turns in one process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from genbench.budget import Budget, Sizes
from genbench.registry.registry import Registry, resolve
from genbench.training.run import Run
from genbench.training.standardise import transform_of

ROWS, SIZE, STEPS, ROUNDS = 10_000, 256, 300, 6


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def rounds(benchmark: Any, function: Callable[..., object], *arguments: object) -> None:
    benchmark.pedantic(function, args=arguments, rounds=3, warmup_rounds=1)


class Trained:
    """A small network with a loss and an optimiser, the same for both loops."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.rows = torch.randn(ROWS, 2)
        self.network = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.SiLU(), torch.nn.Linear(64, 2))
        self.optimiser = torch.optim.Adam(self.network.parameters(), fused=True)

    def step(self, batch: torch.Tensor) -> torch.Tensor:
        loss = (self.network(batch) - batch).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss

    def ours(self) -> None:
        run = Run(Budget(STEPS, "steps"))
        for batch in run.batches(self.rows, SIZE):
            run.log(loss=self.step(batch))

    def by_hand(self) -> None:
        done, per_epoch = 0, ROWS // SIZE
        while True:
            for index in torch.randperm(ROWS)[: per_epoch * SIZE].view(per_epoch, SIZE).unbind():
                self.step(self.rows.index_select(0, index))
                done += 1
                if done == STEPS:
                    return


def cpu(function: Callable[[], None]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def test_the_loop_costs_little_more_than_one_by_hand(benchmark: Any) -> None:
    trained = Trained()
    trained.ours(), trained.by_hand()
    ours, by_hand = [], []
    for _ in range(ROUNDS):  # in turn, A B B A: a machine that slows down slows both
        ours.append(cpu(trained.ours))
        by_hand += [cpu(trained.by_hand), cpu(trained.by_hand)]
        ours.append(cpu(trained.ours))
    least, typical = min(ours) / min(by_hand), statistics.median(ours) / statistics.median(by_hand)
    benchmark.extra_info |= {"ratio of the least": least, "ratio of the medians": typical}
    benchmark.pedantic(trained.ours, rounds=1)
    print(f"run.batches over a loop by hand: {least:.3f} (least), {typical:.3f} (median)")
    assert min(least, typical) < 1.15


def test_standardisation(benchmark: Any) -> None:
    entry = Registry.discover().datasets["gaussian"]
    config: Any = entry.spec.config
    data = resolve(entry)(config()).load(Sizes(10_000, 1_000, 1_000), np.random.default_rng(0))
    rounds(benchmark, lambda: transform_of(data).to_model(data.train, np.random.default_rng(0)))
