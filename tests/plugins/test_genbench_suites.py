"""The suites that come with genbench, and the metric of how distances concentrate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genbench.plan.plan import Request, make_plan
from genbench.protocol import Evidence, RealSide
from genbench.registry.registry import Registry
from genbench.spec import SuiteSpec
from genbench.testing import check_plugin
from genbench_suites.pair_spread import pair_spread

NAMES = (
    "veegan-ring", "veegan-grid", "pacgan-ring", "pacgan-grid", "moons-flow", "dijetgan", "dimension",
    "digits-likelihood", "anomaly-dijets", "surrogate",
)  # fmt: skip


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover()


def spec_of(registry: Registry, name: str) -> SuiteSpec:
    spec = registry.find("suite", name).spec
    assert isinstance(spec, SuiteSpec)
    return spec


def test_all_are_there(registry: Registry) -> None:
    assert set(NAMES) <= set(registry.suites)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_planned_with_what_is_installed(name: str, registry: Registry) -> None:
    made = make_plan(Request(suite=name, device="cpu"), registry)
    assert made.cells
    assert all(cell.metrics for cell in made.cells)


def test_outliers_and_known_densities_are_scored_where_the_data_have_them(registry: Registry) -> None:
    def scored(suite: str) -> dict[str, set[str]]:
        cells = make_plan(Request(suite=suite, device="cpu"), registry).cells
        return {cell.dataset.name: {metric.name for metric in cell.metrics} for cell in cells}

    assert {"anomaly_auc", "anomaly_sic"} <= scored("anomaly-dijets")["dijets"]
    surrogate = scored("surrogate")
    assert set(surrogate) == {"showers", "convergence"}
    assert {"kl", "energy_by_condition"} <= surrogate["convergence"]
    assert {"break_even", "energy_by_condition"} <= surrogate["showers"]


def test_published_values_are_those_of_the_papers(registry: Registry) -> None:
    def values(suite: str) -> dict[tuple[str, str], float]:
        return {(value.model, value.metric): value.value for value in spec_of(registry, suite).published}

    assert values("veegan-grid")["VEEGAN", "modes"] == 24.6
    assert values("veegan-ring")["GAN", "high_quality"] == 99.3
    assert values("pacgan-grid")["PacGAN4", "mode_kl"] == 0.04
    assert values("pacgan-ring")["GAN", "modes"] == 6.3
    assert values("moons-flow") == {("RealNVP", "kl"): pytest.approx(1.3375 - 1.3161)}


@pytest.mark.parametrize("name", NAMES)
def test_each_keeps_the_contract_without_its_run(name: str, registry: Registry) -> None:
    from genbench.testing import checks_for, subjects
    from genbench.testing.kit import run_check

    [subject] = subjects(f"suite:{name}")
    checks = [check for check in checks_for("suite") if check.name != "smoke_run_works"]
    assert {c.name: o.reason for c in checks if (o := run_check(c, subject)).bad} == {}


def test_the_metric_keeps_the_contract() -> None:
    [report] = check_plugin("metric:pair_spread")
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}


def evidence(real: np.ndarray, fake: np.ndarray) -> Evidence:
    return Evidence(RealSide(real), fake)


@pytest.mark.parametrize("d", [2, 32, 512])
def test_distances_of_a_gaussian_concentrate_as_they_shall(d: int) -> None:
    score = pair_spread(evidence(*np.random.default_rng(d).normal(size=(2, 1500, d))))
    mean = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    exact = math.sqrt(d / mean**2 - 1)  # of the chi distribution
    assert score.value == pytest.approx(exact, rel=0.06)
    assert score.low is not None
    assert score.high is not None
    assert score.low < exact < score.high


def test_its_interval_covers() -> None:
    d, draws = 4, 150
    mean = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    exact = math.sqrt(d / mean**2 - 1)
    scores = [pair_spread(evidence(*np.random.default_rng(i).normal(size=(2, 200, d)))) for i in range(draws)]
    covered = sum(score.low <= exact <= score.high for score in scores if score.low and score.high)
    assert 0.89 * draws <= covered <= 0.99 * draws


def test_it_is_the_spread_of_all_pairs_at_any_scale() -> None:
    real, fake = np.random.default_rng(0).exponential(size=(2, 60, 3))
    distances = [float(np.linalg.norm(a - b)) for a in real for b in fake]
    expected = np.std(distances) / np.mean(distances)
    for scale in (1.0, 1e-200, 1e200):
        assert pair_spread(evidence(real * scale, fake * scale)).value == pytest.approx(expected, rel=1e-9)
    assert pair_spread(evidence(real, fake[:30])).low is None
    assert pair_spread(evidence(np.ones((50, 2)), np.ones((50, 2)))).value is None
    assert pair_spread(evidence(real, fake[:1])).value is None
