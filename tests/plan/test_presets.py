"""Presets: how much of a recipe each runs."""

from __future__ import annotations

import pytest

from genbench.budget import Sizes
from genbench.plan.presets import PRESETS, Preset
from genbench.registry.registry import Registry


def test_a_recipe_is_scaled_by_factor_and_share_rounded_and_capped() -> None:
    preset = Preset("ring", 1, factor=0.5, cap=100, sizes=Sizes(), shares={"easy": 0.1})
    assert preset.steps(50) == 25
    assert preset.steps(51) == 26
    assert preset.steps(300) == 100
    assert preset.steps(50, "easy") == 2
    assert preset.steps(1, "easy") == 1, "at least one step"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=str)
def test_a_preset_names_datasets_that_are_installed(preset: Preset) -> None:
    datasets = Registry.discover(block=()).datasets
    assert set(preset.datasets.split(",")) <= set(datasets)
    assert set(preset.shares) <= set(preset.datasets.split(","))


def test_presets_are_in_the_order_of_their_cost() -> None:
    assert list(PRESETS) == ["smoke", "default", "full"]
    for smaller, larger in zip(list(PRESETS.values()), list(PRESETS.values())[1:], strict=False):
        assert (smaller.seeds, smaller.factor, smaller.cap) < (larger.seeds, larger.factor, larger.cap)
