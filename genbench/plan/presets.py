"""The presets of ``genbench run``: datasets, seeds and budgets for what a request leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from genbench.budget import RecipeShare, Sizes


@dataclass(frozen=True)
class Preset:
    """A suite of datasets, a number of seeds, and the length of training relative to each model's recipe.

    A model trains for ``factor`` times the steps of its recipe, and at most ``cap`` steps, so that a plugin cannot take
    an unlimited share of a run. ``shares`` reduces the factor on datasets that need fewer steps: a table of ten smooth
    columns is learned faster than 25 narrow modes.
    """

    datasets: str
    seeds: int
    factor: float
    cap: int
    sizes: Sizes
    shares: Mapping[str, float] = field(default_factory=dict)

    def share(self, dataset: str = "") -> RecipeShare:
        """Return what it allows of a recipe on a dataset."""
        return RecipeShare(self.factor * self.shares.get(dataset, 1.0), self.cap)

    def steps(self, recipe: int, dataset: str = "") -> int:
        """Return the number of steps on a dataset for a model whose recipe has ``recipe`` steps."""
        return self.share(dataset).steps(recipe)


PRESETS = {
    # does everything work? under a minute, numbers mean nothing
    "smoke": Preset(
        datasets="grid,magic,digits",
        seeds=1,
        factor=0.01,
        cap=50,
        sizes=Sizes(2_000, 300, 300),
    ),
    # a toy whose density is known, a real table, real images; under half an hour on two cores
    "default": Preset(
        datasets="grid,magic,digits",
        seeds=3,
        factor=1.0,
        cap=20_000,
        sizes=Sizes(10_000, 10_000, 10_000),
        shares={"magic": 0.3},
    ),
    # for papers: more data sets, five seeds, longer training; hours
    "full": Preset(
        datasets="ring,grid,moons,checkerboard,magic,digits,mnist",
        seeds=5,
        factor=3.0,
        cap=100_000,
        sizes=Sizes(10_000, 10_000, 10_000),
    ),
}
