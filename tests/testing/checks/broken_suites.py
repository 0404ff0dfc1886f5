"""A sound suite, and one for each check of suites: its fault is found by this check, and by no other."""

from __future__ import annotations

import genbench
from genbench import Published, SuiteSpec
from genbench.budget import Sizes


class Raises:
    """A model that cannot be trained."""

    def fit(self, data, run):
        raise RuntimeError("never trained")

    def sample(self, n):
        raise RuntimeError("never trained")


def suite(name: str, *published: Published, **fields: object) -> SuiteSpec:
    parts = {"models": "kde,-memoriser", "datasets": "ring,grid[side=3]", "metrics": "modes,energy"}
    return SuiteSpec(name, **parts | fields, summary="two toys", sizes=Sizes(400, 200, 200), published=published)


VALUE = Published("GAN", "modes", 3.3, 0.2, "A. Author 2020, table 1", dataset="grid[side=3]")


@genbench.hookimpl
def genbench_register():
    return [
        genbench.ModelSpec("never", Raises, None, "a model that cannot be trained"),
        suite("sound", VALUE),
        suite("later", VALUE, models="kde,zoo_of_tomorrow", metrics="modes,energy,kl[of=tomorrow]"),
        suite("nothing", models="zoo_of_tomorrow"),
        suite("selections_can_be_read", models="kde[bandwidth=1"),
        suite("installed_parts_accept_their_options", datasets="ring,grid[side=-3]"),
        suite("published_values_have_a_column", Published("GAN", "w1", 3.3, source="A. Author 2020")),
        suite("published_values_have_a_dataset", Published("GAN", "modes", 3.3, source="A.", dataset="moons")),
        suite("published_values_are_stated_once", VALUE, VALUE),
        suite("smoke_run_works", models="never"),
    ]
