"""Every model trains in bf16: its weights and samples are finite numbers in single precision."""

from __future__ import annotations

import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.registry.registry import Registry, resolve
from genbench.spec import ModelSpec
from genbench.training.run import Run

REGISTRY = Registry.discover()
MODELS = [
    (name, kind)
    for name, entry in REGISTRY.models.items()
    if isinstance(entry.spec, ModelSpec) and entry.spec.iterative and entry.provenance.distribution == "genbench"
    for kind in entry.spec.data
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), MODELS, ids=[f"{name}-{kind}" for name, kind in MODELS])
def test_a_model_trains_in_bf16(name: str, kind: str) -> None:
    torch.manual_seed(0)
    entry = REGISTRY.find("model", name)
    rows = torch.randn(150, *((3,) if kind == "vector" else (1, 8, 8)))
    data = TrainingData(rows) if kind == "vector" else TrainingData(rows.tanh(), 4)
    target, config = resolve(entry), entry.spec.config
    model = target() if config is None else target(config())
    run = Run(Budget(3, "steps"), levels=data.levels, train=data.train, precision="bf16")
    try:
        model.fit(data, run)
    finally:
        run.abandon()
    assert not torch.is_autocast_enabled("cpu")
    samples = model.sample(4)
    assert samples.dtype == torch.float32
    assert torch.isfinite(samples).all()
    assert {p.dtype for p in model.parameters() if p.is_floating_point()} <= {torch.float32, torch.float64}
