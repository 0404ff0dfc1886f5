"""Every metric on fixed arrays, one training step and one draw of every model, one load of every dataset.

What is timed is what ``genbench bench`` tracks, by the same code: a baseline for one is one for the other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from genbench.benching.tracked import _peak_bytes, facts, quantities, timed
from genbench.errors import DataError
from genbench.registry.registry import Registry

ROUNDS = 3
KINDS = ("metric", "model", "dataset")
OWN = [name for name, distribution in quantities().items() if distribution == "genbench"]
NAMES = [name for name in OWN if name.split("/")[0] in KINDS]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Any:
    here = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(here)


@pytest.mark.parametrize("name", NAMES)
def test_tracked(name: str, benchmark: Any) -> None:
    try:
        run = timed(name)
        benchmark.extra_info["CPU seconds of one"] = min(run(1) for _ in range(ROUNDS))
    except DataError as error:  # of files that a user has to get
        pytest.skip(str(error))
    benchmark.pedantic(run, args=(1,), rounds=1)


def test_no_plugin_of_ours_is_left_out() -> None:
    registry = Registry.discover()
    for kind in KINDS:
        ours = {each.key for each in registry.entries(kind) if each.provenance.distribution == "genbench"}
        assert {name.split("/")[1] for name in NAMES if name.startswith(f"{kind}/")} == ours


@pytest.mark.parametrize("name", ["model/vae/step", "model/vae/sample", "metric/energy", "dataset/ring/load"])
def test_facts_are_the_same_each_time(name: str) -> None:
    found = facts(name)
    assert found
    assert None not in found.values()
    assert facts(name) == found


def test_the_peak_counts_the_bytes_that_are_there_at_once() -> None:
    import torch

    def one_after_the_other() -> None:
        for _ in range(3):
            torch.zeros(1000)

    assert _peak_bytes(one_after_the_other) == 4000
    assert _peak_bytes(lambda: torch.zeros(1000) + torch.zeros(1000)) == 12_000
    assert _peak_bytes(lambda: None) == 0
