"""What datasets declare of their data is what their data carry: plans are made from it."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.budget import Sizes
from genbench.registry.options import fill
from genbench.registry.registry import Registry, resolve

REGISTRY = Registry.discover()
OWN = [name for name, entry in REGISTRY.datasets.items() if entry.provenance.distribution == "genbench"]


@pytest.mark.parametrize("name", [name for name in OWN if name != "fashion_mnist"])  # which the user has, or has not
def test_flags_are_what_the_data_carry(name: str) -> None:
    entry = REGISTRY.datasets[name]
    config = fill(entry.spec)
    dataset = resolve(entry)() if config is None else resolve(entry)(config)
    data = dataset.load(Sizes(40, 20, 20), np.random.default_rng(0))
    spec = entry.spec
    carried = {
        "density": data.log_prob is not None,
        "modes": data.modes is not None,
        "labels": data.labels is not None,
        "observables": data.observables is not None,
        "simulator": data.simulator is not None,
        "outliers": data.outliers is not None,
    }
    declared = {flag: getattr(spec, flag) for flag in carried} | {"outliers": spec.outliers_of(config)}
    assert declared == carried
    assert ("vector" if data.train.ndim == 2 else "image") == spec.data
    if data.labels is not None:
        for split in ("train", "test", "reference"):
            labels = np.asarray(data.labels[split])
            assert labels.shape == (len(getattr(data, split)),)
            assert labels.dtype.kind == "i"
            assert len(np.unique(labels)) > 1
