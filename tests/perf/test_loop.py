"""What the core does to rows before a training. The training loop itself is in ``test_speed.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ratios import one_thread

from genbench.budget import Sizes
from genbench.registry.registry import Registry, resolve
from genbench.training.standardise import transform_of


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def test_standardisation(benchmark: Any) -> None:
    entry = Registry.discover().datasets["gaussian"]
    config: Any = entry.spec.config
    data = resolve(entry)(config()).load(Sizes(10_000, 1_000, 1_000), np.random.default_rng(0))
    transform = lambda: transform_of(data).to_model(data.train, np.random.default_rng(0))  # noqa: E731
    benchmark.pedantic(transform, rounds=3, warmup_rounds=1)
