"""No model waits for its device in a training step: nothing is copied to the host, no size depends on values."""

from __future__ import annotations

import pytest
import torch
from host_copies import WatchedRun

from genbench.protocol import TrainingData
from genbench.registry.registry import Registry, resolve
from genbench.spec import ModelSpec

REGISTRY = Registry.discover()
MODELS = [
    (name, kind)
    for name, entry in REGISTRY.models.items()
    if isinstance(entry.spec, ModelSpec) and entry.spec.iterative and entry.provenance.distribution == "genbench"
    for kind in entry.spec.data
]


def watched(name: str, kind: str, steps: int = 3) -> WatchedRun:
    torch.manual_seed(0)
    entry = REGISTRY.find("model", name)
    shape = (3,) if kind == "vector" else (1, 8, 8)
    rows = torch.randn(150, *shape)
    data = TrainingData(rows) if kind == "vector" else TrainingData(rows.tanh(), 4)
    target, config = resolve(entry), entry.spec.config
    run = WatchedRun(steps, levels=data.levels, train=data.train)
    (target() if config is None else target(config())).fit(data, run)
    return run


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), MODELS, ids=[f"{name}-{kind}" for name, kind in MODELS])
def test_no_step_waits_for_the_device(name: str, kind: str) -> None:
    run = watched(name, kind)
    assert run.watched
    assert not run.counts, f"in {run.watched} steps: {dict(run.counts)}"


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (lambda x: x.sum().item(), "_local_scalar_dense"),
        (lambda x: float(x.sum()), "_local_scalar_dense"),
        (lambda x: bool((x > 0).any()), "_local_scalar_dense"),
        (lambda x: x.detach().cpu(), "cpu"),
        (lambda x: x.numpy(), "numpy"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: x[x > 0], "index"),
        (lambda x: x.nonzero(), "nonzero"),
    ],
)
def test_what_waits_is_found(step, name: str) -> None:
    run = WatchedRun(2)
    for x in run.batches(torch.randn(8, 2), 4):
        step(x)
    assert run.counts[name] == 2
    assert run.watched == 2


def test_what_does_not_wait_is_not_counted() -> None:
    run = WatchedRun(3)
    for x in run.batches(torch.randn(8, 2), 4):
        chosen = torch.nn.functional.one_hot(torch.zeros(4, dtype=torch.long), 2).float()
        run.log(loss=(chosen.T @ x).softmax(1).index_select(0, torch.tensor([0, 1])).mean())
    run.finish()
    assert run.watched == 3
    assert not run.counts
