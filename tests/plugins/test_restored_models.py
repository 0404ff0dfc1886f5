"""Each model of genbench is restored from its state: vectors, integer images, rows given conditions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import Column, TrainingData
from genbench.registry.registry import Registry, resolve
from genbench.spec import DataFacts, ModelSpec
from genbench.training import Run

LEVELS = 2  # which every model of images takes
CLASS = Column("class", kind="category", levels=("0", "1", "2"))
MODELS = {n: e for n, e in Registry.discover().models.items() if e.provenance.distribution == "genbench"}


def rows_of(kind: str, given: bool) -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    if kind == "vector":
        rows, levels = torch.randn(200, 3, generator=generator), None
    else:
        grey = torch.randint(0, LEVELS, (60, 1, 8, 8), generator=generator)
        rows, levels = (2 * (grey + torch.rand(grey.shape, generator=generator)) / LEVELS - 1), LEVELS
    if not given:
        return TrainingData(rows, levels)
    classes = torch.randint(0, 3, (len(rows), 1), generator=generator).float()
    return TrainingData(rows, levels, conditions=classes, condition_columns=(CLASS,))


def sampled(model: Any, data: TrainingData, x: torch.Tensor, density: str) -> list[torch.Tensor]:
    c = () if data.conditions is None else (data.conditions[:20],)
    torch.manual_seed(7)
    with torch.no_grad():
        return [model.sample(20, *c)] + ([] if density == "none" else [model.log_prob(x, *c)])


def cases() -> list[tuple[str, str, bool]]:
    found = []
    for name, entry in MODELS.items():
        spec = entry.spec
        assert isinstance(spec, ModelSpec)
        for kind in spec.data:
            facts = (
                DataFacts("vector", shape=(3,)) if kind == "vector" else DataFacts("image", shape=(1, 8, 8), levels=2)
            )
            if spec.suits is not None and spec.suits(facts):
                continue
            found += [
                (name, kind, given) for given in (False, True) if spec.conditions != ("none" if given else "required")
            ]
    return found


@pytest.mark.parametrize(("name", "kind", "given"), cases())
def test_a_restored_model_draws_and_evaluates_as_the_trained_one(name: str, kind: str, given: bool) -> None:
    entry, data = MODELS[name], rows_of(kind, given)
    spec = entry.spec
    assert isinstance(spec, ModelSpec)
    config = None if spec.config is None else spec.config()
    trained, restored = (resolve(entry)() if config is None else resolve(entry)(config) for _ in range(2))
    torch.manual_seed(0)
    run = Run(Budget(4, "steps"), levels=data.levels, train=data.train)
    trained.fit(data, run)
    run.finish()
    restored.restore({key: array.copy() for key, array in trained.state().items()})
    x = rows_of(kind, given).train[:20]
    density = spec.density_of(config)
    for one, other in zip(sampled(trained, data, x, density), sampled(restored, data, x, density), strict=True):
        assert torch.equal(one, other)
