"""No metric sees everything: the claims that a table's choice of metrics rests on, measured with 800 samples.

In two dimensions, eight correlated modes on a ring; in sixteen, eight correlated modes at random places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from genbench.auditing.applicability import why_not_applicable
from genbench.auditing.faults import FAULTS as ALL_FAULTS
from genbench.auditing.measure import measure_fault, measure_floors
from genbench.auditing.procedure import prepare
from genbench.auditing.request import AuditRequest
from genbench.auditing.set_cover import smallest_cover
from genbench.protocol import Array

pytestmark = pytest.mark.slow

N = 800
INTEGRAL = ("energy", "sliced_w2", "w1_marginal", "frechet", "kid", "mmd")
NEIGHBOURS = ("precision", "recall", "density", "coverage", "authenticity")
METRICS = ",".join([*INTEGRAL, *NEIGHBOURS, "c2st", "ct", "duplicates"])
FAULTS = dict(list(ALL_FAULTS.items())[:14])  # those that the claims are about
COPYING = ("exact_copies", "near_copies", "memorised_half")


def ring() -> Array:
    """Return rows of eight modes on a circle of radius 1, each 0.06 wide with correlation 0.9."""
    rng = np.random.default_rng(5)
    angle = 2 * np.pi * rng.integers(8, size=24 * N) / 8
    own = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], len(angle))
    rows: Array = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.06 * own
    return rows


def many() -> Array:
    """Return rows of eight modes in 16 dimensions, neighbouring columns correlated by 0.8 within each."""
    rng = np.random.default_rng(5)
    centres = 3 * rng.standard_normal((8, 16))
    law = 0.8 ** np.abs(np.subtract.outer(np.arange(16), np.arange(16)))
    rows: Array = centres[rng.integers(8, size=24 * N)] + rng.multivariate_normal(np.zeros(16), law, 24 * N)
    return rows


@dataclass(frozen=True)
class Seen:
    """z by metric and fault."""

    z: dict[str, dict[str, float]]

    def blind(self, metrics: Any, *faults: str) -> None:
        """Assert that none of the metrics sees any of the faults."""
        for metric in metrics:
            for fault in faults:
                assert abs(self.z[metric][fault]) < 5, (metric, fault)

    def sees(self, metrics: Any, *faults: str) -> None:
        """Assert that all of the metrics see all of the faults."""
        for metric in metrics:
            for fault in faults:
                assert abs(self.z[metric][fault]) >= 5, (metric, fault)


@cache
def measured(law: Callable[[], Array]) -> Seen:
    ready = prepare(AuditRequest(real=law(), metrics=METRICS, rows=N).check())
    floors = measure_floors(ready.injector, ready.scorers)
    z: dict[str, dict[str, float]] = {metric: {} for metric in ready.scorers}
    for fault in FAULTS.values():
        assert why_not_applicable(fault.name, ready.injector.pool, ready.injector.real) == ""
        at_its_size = replace(fault, low=fault.size, high=fault.size)
        for found in measure_fault(ready.injector, at_its_size, ready.scorers, floors):
            assert found.value is not None
            # real data have no duplicates at all, so that there is no spread to tell their z in
            z[found.metric][found.fault] = found.z if found.z is not None else float("inf") if found.detected else 0.0
    return Seen(z)


@pytest.fixture(scope="module", params=[ring, many], ids=["ring", "16-d"])
def seen(request: pytest.FixtureRequest) -> Seen:
    return measured(request.param)


def test_no_metric_sees_everything(seen: Seen) -> None:
    for metric, strengths in seen.z.items():
        assert min(map(abs, strengths.values())) < 5, metric


def test_marginal_distances_miss_lost_correlation(seen: Seen) -> None:
    assert seen.z["w1_marginal"]["lost_correlation"] == pytest.approx(0, abs=1e-6), "no marginal has changed"
    assert seen.z["w1_marginal"]["lost_mode_correlation"] == pytest.approx(0, abs=1e-6)
    seen.sees(["density", "coverage", "c2st", "ct"], "lost_correlation", "lost_mode_correlation")


def test_energy_mmd_c2st_and_neighbours_miss_a_few_outliers(seen: Seen) -> None:
    seen.blind(["energy", "mmd", "c2st", "recall", "density", "coverage", "authenticity", "ct"], "outliers")
    seen.sees(["kid", "frechet", "sliced_w2"], "outliers")


def test_precision_and_density_miss_lost_modes(seen: Seen) -> None:
    seen.blind(["precision", "density"], "dropped_modes")
    seen.sees(["recall", "coverage", *INTEGRAL], "dropped_modes")


def test_only_integral_metrics_see_uneven_weights(seen: Seen) -> None:
    seen.blind([*NEIGHBOURS, "ct"], "uneven_weights")
    seen.sees(["energy", "w1_marginal", "frechet", "kid", "mmd"], "uneven_weights")


def test_only_what_knows_the_training_rows_sees_copies(seen: Seen) -> None:
    seen.blind([*INTEGRAL, "precision", "density", "coverage"], *COPYING)
    seen.sees(["ct"], *COPYING)
    seen.blind(["duplicates"], "near_copies")


def test_five_metrics_see_all_but_ridges_in_many_dimensions(seen: Seen) -> None:
    five = ("kid", "density", "coverage", "c2st", "ct")
    assert {fault for fault in FAULTS if all(abs(seen.z[metric][fault]) < 5 for metric in five)} <= {"ridges"}
    strengths = {name: {f: abs(z) for f, z in row.items() if abs(z) >= 5} for name, row in seen.z.items()}
    together = smallest_cover(strengths)
    assert set().union(*(strengths[metric] for metric in together)) == set(FAULTS)
    assert 2 <= len(together) <= 5


def test_moments_and_wide_kernels_miss_what_is_wrong_inside_a_ring() -> None:
    seen = measured(ring)
    inside = ("width", "ridges", "heavy_tails", "lost_mode_correlation", "quantisation")
    seen.blind(["frechet", "kid", "mmd", "energy", "sliced_w2"], *inside)
    seen.sees(["ct", "density"], "width", "lost_mode_correlation")
