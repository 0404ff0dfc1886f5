"""Likelihoods and divergences of known densities, and the reasons given where there is no value."""

import json
import math

import numpy as np
import pytest
from scipy.stats import chi2

from genbench.protocol import Evidence, LogDensity, RealSide
from genbench_likelihood import LikelihoodConfig, genbench_register
from genbench_likelihood.calibration import calibration
from genbench_likelihood.divergence import cross_entropy_gap, kl, kl_reverse
from genbench_likelihood.likelihood import bits_per_dim, nll


def log_normal(x, mean=0.0, scale=1.0):
    return -0.5 * (((x - mean) / scale) ** 2).sum(1) - x.shape[1] * (math.log(scale) + 0.5 * math.log(2 * math.pi))


def rows(seed, n=20_000, d=2, mean=0.0, scale=1.0):
    return mean + scale * np.random.default_rng(seed).standard_normal((n, d))


def evidence(test, fake, **fields):
    return Evidence(RealSide(test), fake, **fields)


def score_of(metric, given, density=""):
    return metric(given, LikelihoodConfig(density)) if metric in (nll, bits_per_dim) else metric(given)


@pytest.fixture
def pair():
    test, fake = rows(3), rows(4, mean=0.3, scale=1.2)
    return test, fake, {"truth_test": log_normal(test), "truth_fake": log_normal(fake)}


def model(x, kind="exact"):
    return LogDensity(log_normal(x, 0.3, 1.2), kind)


FORWARD = 2 * (math.log(1.2) + (1 + 0.09) / (2 * 1.44) - 0.5)  # KL(N(0,1) || N(0.3, 1.2²)), two columns
REVERSE = 2 * (-math.log(1.2) + (1.44 + 0.09) / 2 - 0.5)
ENTROPY = 1 + math.log(2 * math.pi)


def test_nll_is_the_entropy_of_the_true_density():
    test = rows(1, d=3)
    found = score_of(nll, evidence(test, test, density_test=LogDensity(log_normal(test), "exact")))
    assert found.low < ENTROPY / 2 < found.high
    assert found.params == {"kind": "exact", "dimensions": 3}


def test_nll_counts_the_dimensions_of_the_data_not_of_the_space():
    test = rows(1, n=100, d=1)
    spread = np.c_[np.cos(test), np.sin(test)]  # a periodic column is scored as two
    density = LogDensity(log_normal(test), "bound")
    found = score_of(nll, evidence(spread, spread, test_raw=test, density_test=density))
    assert found.value == pytest.approx(-log_normal(test).mean())
    assert found.params["kind"] == "bound"


def test_interval_of_the_mean_holds_as_often_as_it_says():
    held = 0
    for seed in range(200):
        test = rows(seed, n=200)
        found = score_of(nll, evidence(test, test, density_test=LogDensity(log_normal(test), "exact")))
        held += found.low < ENTROPY / 2 < found.high
    assert 0.9 <= held / 200 <= 0.99


def test_bits_of_uniform_pixels():
    images = np.random.default_rng(1).integers(16, size=(50, 1, 4, 4)).astype(float)
    density = LogDensity(np.full(50, -16 * math.log(16)), "exact")
    flat = images.reshape(50, -1)
    found = score_of(bits_per_dim, evidence(flat, flat, kind="image", levels=16, test_raw=images, density_test=density))
    assert found.value == pytest.approx(4.0)
    assert score_of(bits_per_dim, evidence(flat, flat, test_raw=images, density_test=density)).value is None


def test_divergence_from_the_truth(pair):
    test, fake, truth = pair
    found = kl(evidence(test, fake, density_test=model(test), **truth))
    assert found.params == {"quantity": "KL(truth||model)", "kind": "exact"}
    assert found.low < FORWARD < found.high
    bound = kl(evidence(test, fake, density_test=model(test, "bound"), **truth))
    assert bound.value == found.value
    assert "upper bound" in bound.params["quantity"]


def test_divergence_from_the_model(pair):
    test, fake, truth = pair
    found = kl_reverse(evidence(test, fake, density_fake=model(fake), **truth))
    assert found.params == {"quantity": "KL(model||truth)", "kind": "exact"}
    assert found.low < REVERSE < found.high
    bound = kl_reverse(evidence(test, fake, density_fake=model(fake, "bound"), **truth))
    assert "lower bound" in bound.params["quantity"]


def test_each_name_is_one_quantity(pair):
    test, fake, truth = pair
    densities = {"density_test": model(test), "density_fake": model(fake)}
    assert kl(evidence(test, fake, density_fake=model(fake), entropy=ENTROPY, **truth)).value is None
    assert kl_reverse(evidence(test, fake, density_test=model(test), entropy=ENTROPY, **truth)).value is None
    everything = evidence(test, fake, entropy=ENTROPY, **densities, **truth)
    values = [metric(everything).value for metric in (kl, kl_reverse, cross_entropy_gap)]
    assert values == pytest.approx([FORWARD, REVERSE, 0.53], abs=0.05)


def test_cross_entropy_gap_needs_no_density_of_the_model(pair):
    test, fake, truth = pair
    found = cross_entropy_gap(evidence(test, fake, entropy=ENTROPY, **truth))
    assert found.low < 0.44 + 0.09 < found.high  # (σ² + μ² - 1)/2 for each of two columns
    assert found.params["entropy_from"] == "exact"
    guessed = cross_entropy_gap(evidence(test, fake, **truth))
    assert guessed.value == pytest.approx(found.value, abs=0.05)
    assert "held-out" in guessed.params["entropy_from"]
    assert guessed.high - guessed.low > found.high - found.low  # the entropy has an error too
    perfect = evidence(test, test, entropy=ENTROPY, truth_test=truth["truth_test"], truth_fake=truth["truth_test"])
    assert cross_entropy_gap(perfect).low < 0 < cross_entropy_gap(perfect).high


def test_the_gap_of_samples_at_the_peak_is_negative_and_ranks_nothing(pair):
    test, fake, _ = pair
    crowd = evidence(test, 0.1 * fake, entropy=ENTROPY, truth_fake=log_normal(0.1 * fake))
    assert cross_entropy_gap(crowd).high < 0
    assert [spec.name for spec in genbench_register() if not spec.ranked] == ["cross_entropy_gap"]


@pytest.mark.parametrize("metric", [kl, kl_reverse, cross_entropy_gap])
def test_intervals_of_divergences_hold_as_often_as_they_say(metric):
    held, truth = 0, {kl: FORWARD, kl_reverse: REVERSE, cross_entropy_gap: 0.53}[metric]
    for seed in range(200):
        test, fake = rows(seed, n=200), rows(seed + 1000, n=200, mean=0.3, scale=1.2)
        known = {"truth_test": log_normal(test), "truth_fake": log_normal(fake)}
        found = metric(evidence(test, fake, density_test=model(test), density_fake=model(fake), **known))
        held += found.low < truth < found.high
    assert 0.9 <= held / 200 <= 0.99


def test_first_rows_may_be_all_that_have_a_density(pair):
    test, fake, truth = pair
    some = LogDensity(model(test).values[:500], "exact")
    found = kl(evidence(test, fake, density_test=some, **truth))
    assert found.n_real == 500
    assert found.value == pytest.approx((truth["truth_test"] - model(test).values)[:500].mean())


def test_a_density_of_zero_is_a_reason_and_not_a_number(pair):
    test, fake, truth = pair
    broken = model(test).values.copy()
    broken[:3] = -np.inf
    e = evidence(test, fake, density_test=LogDensity(broken, "exact"), **truth)
    for metric in (nll, kl):
        found = score_of(metric, e)
        assert found.value is None
        assert found.warnings[0].startswith("3 of 20000 rows")
    outside = dict(truth, truth_fake=np.where(fake[:, 0] > 3, -np.inf, truth["truth_fake"]))
    for found in (
        cross_entropy_gap(evidence(test, fake, entropy=ENTROPY, **outside)),
        kl_reverse(evidence(test, fake, density_fake=model(fake), **outside)),
    ):
        assert found.value is None
        assert "infinite" in found.warnings[0]


@pytest.mark.parametrize("metric", [nll, bits_per_dim, kl, kl_reverse, cross_entropy_gap])
def test_nothing_known_is_a_reason(metric):
    found = score_of(metric, evidence(rows(1, n=5), rows(2, n=5), levels=4))
    assert found.value is None
    assert found.warnings


@pytest.mark.parametrize("n", [1, 2, 9, 10])
def test_few_rows(n):
    test = rows(1, n=n)
    found = score_of(nll, evidence(test, test, density_test=model(test)))
    assert math.isfinite(found.value)
    assert (found.low is None) == (n < 10)
    assert bool(found.warnings) == (n < 10)


def test_a_worse_density_scores_worse(pair):
    test, fake, truth = pair
    fields = {"entropy": ENTROPY, **truth}
    far = LogDensity(log_normal(test, 1.5, 1.0), "exact")
    for metric in (nll, kl):
        near = score_of(metric, evidence(test, fake, density_test=model(test), **fields))
        worse = score_of(metric, evidence(test, fake, density_test=far, **fields))
        assert worse.low > near.high


def test_specs_and_docstrings():
    resolved = {
        metric.__name__: metric for metric in (nll, bits_per_dim, kl, kl_reverse, cross_entropy_gap, calibration)
    }
    for spec in genbench_register():
        assert spec.better == "lower"
        function = resolved[spec.name]
        assert "lower is better" in function.__doc__
    test = rows(1, n=20)
    json.dumps(score_of(nll, evidence(test, test, density_test=model(test))).params, allow_nan=False)


def calibrated(scale, n=20_000, m=20_000, d=2, shift=0.0):
    """Return the calibration of a Gaussian model of standard deviation ``scale`` against standard normal rows."""
    test, fake = rows(5, n, d), shift + rows(6, m, d, scale=scale)
    model = {"density_test": LogDensity(log_normal(test, shift, scale), "exact")}
    return calibration(evidence(test, fake, **model, density_fake=LogDensity(log_normal(fake, shift, scale), "exact")))


@pytest.mark.parametrize("scale", [0.8, 1.5])
@pytest.mark.parametrize("d", [1, 2, 10])
def test_coverage_of_too_narrow_and_too_wide_gaussians_is_that_of_chi_squared(scale, d):
    """A region of level α is |x|² < s² q(α): it holds a share P(χ² < s² q(α)) of the rows."""
    levels = np.arange(1, 10) / 10
    found = calibrated(scale, d=d)
    coverage = chi2.cdf(scale**2 * chi2.ppf(levels, d), d)
    assert list(found.detail["coverage"]) == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]
    assert list(found.detail["coverage"].values()) == pytest.approx(coverage, abs=0.015)
    fine = (np.arange(10_000) + 0.5) / 10_000
    truth = np.abs(chi2.cdf(scale**2 * chi2.ppf(fine, d), d) - fine).mean()
    assert found.low < truth < found.high
    assert found.value == pytest.approx(truth, abs=0.01)
    assert found.detail["verdict"] == ("overconfident" if scale < 1 else "underconfident")
    assert found.detail["coverage_minus_level"] == pytest.approx(math.copysign(truth, scale - 1), abs=0.01)
    assert len(found.replicates) == 20


def test_a_right_model_is_calibrated_and_a_shifted_one_is_not():
    found = calibrated(1.0, 2000, 3000)
    assert found.low == 0.0
    assert found.value < 3 * found.detail["floor"]
    assert found.detail["floor"] == pytest.approx(math.sqrt(math.pi / 32 * (1 / 2000 + 1 / 3000)))
    assert found.detail["verdict"] == "no deviation"
    assert calibrated(1.0, shift=1.0).detail["verdict"] == "overconfident"


def test_equal_densities_are_no_deviation():
    """A uniform density, and one of three values, of rows and samples alike."""
    flat = {name: LogDensity(np.zeros(n), "exact") for name, n in (("density_test", 500), ("density_fake", 300))}
    assert calibration(evidence(rows(1, 500), rows(2, 300), **flat)).value == pytest.approx(0.0, abs=0.005)
    rng = np.random.default_rng(0)
    three = {name: LogDensity(rng.integers(0, 3, 4000) * 1.0, "exact") for name in flat}
    assert calibration(evidence(rows(1, 4000), rows(2, 4000), **three)).detail["verdict"] == "no deviation"


def test_rows_outside_the_support_are_outside_every_region():
    test = LogDensity(np.full(400, -np.inf), "exact")
    found = calibration(
        evidence(
            rows(1, 400), rows(2, 400), density_test=test, density_fake=LogDensity(log_normal(rows(2, 400)), "exact")
        )
    )
    assert found.value == pytest.approx(0.5, abs=0.005)
    assert found.high == pytest.approx(0.5, abs=0.005)
    assert found.detail["verdict"] == "overconfident"


def test_calibration_says_why_it_has_no_value():
    x = rows(1, 50)
    density = LogDensity(log_normal(x), "bound")
    assert "no likelihood" in calibration(evidence(x, x)).warnings[0]
    assert "at its samples" in calibration(evidence(x, x, density_test=density)).warnings[0]
    bad = LogDensity(np.where(np.arange(50) < 3, np.nan, 0.0), "exact")
    assert "3 of 50 rows" in calibration(evidence(x, x, density_test=bad, density_fake=density)).warnings[0]
    few = LogDensity(density.values[:10], "bound")
    found = calibration(evidence(x, x, density_test=few, density_fake=density))
    assert "no interval" in found.warnings[0]
    assert (found.n_real, found.n_fake, found.params) == (10, 50, {"kind": "bound"})


def test_a_further_likelihood_is_scored_by_its_name_and_kind():
    test = rows(5)
    given = evidence(test, test, density_test=model(test), densities={"tight": model(test, "bound")})
    further, main = score_of(nll, given, "tight"), score_of(nll, given)
    assert (further.params["kind"], main.params["kind"]) == ("bound", "exact")
    assert further.value == main.value
    assert score_of(nll, given, "none").warnings == ("the model has no likelihood 'none'",)
