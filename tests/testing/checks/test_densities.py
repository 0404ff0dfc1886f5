"""Checks of densities, which must integrate to 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import check_plugin

FIVE = """
import math

import numpy as np

import genbench
from genbench.protocol import Data


class Normal:
    def load(self, sizes, rng):
        splits = (SCALE * rng.normal(size=(n, 5)) for n in (sizes.train, sizes.test, sizes.reference))
        return Data(*splits, log_prob=lambda x: FACTOR - 0.5 * (x**2).sum(1) - 2.5 * math.log(2 * math.pi))


@genbench.hookimpl
def genbench_register():
    return [genbench.DatasetSpec("five", Normal, None, "x", density=True, licence="MIT", source="generated")]
"""


@pytest.mark.parametrize(
    ("scale", "factor", "failed"),
    [
        (1.0, 0.0, set()),
        (1.0, 0.3, {"declared_density_integrates_to_one"}),
        (1.15, 0.0, {"declared_density_is_that_of_the_draws"}),
    ],
)
def test_a_density_of_five_columns_is_integrated_too(
    scale: float, factor: float, failed: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "five.py"
    path.write_text(f"SCALE, FACTOR = {scale}, {factor}\n{FIVE}")
    [report] = check_plugin("five", plugins=[path])
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} == failed
    skipped = {outcome.check.name for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert not {name for name in skipped if name.startswith("declared_density")}


@pytest.mark.parametrize(("name", "skips"), [("mixture[dim=3]", False), ("mixture[dim=6]", False), ("mixture", True)])
def test_an_integral_that_would_be_left_to_chance_is_not_judged(name: str, skips: bool) -> None:
    """Narrow modes far apart: in three and six columns points meet them, in sixteen they do not."""
    [report] = check_plugin(f"dataset:{name}")
    assert report.ok
    [outcome] = [one for one in report.outcomes if one.check.name == "declared_density_integrates_to_one"]
    assert outcome.verdict == ("skipped" if skips else "passed")
