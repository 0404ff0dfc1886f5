"""How often the interval of calibration holds the truth, and how often its p-value is small for a right model."""

import numpy as np
import pytest
from scipy.stats import chi2

from genbench.protocol import Evidence, LogDensity, RealSide
from genbench_likelihood.calibration import calibration

DRAWS = 150
LEVELS = (np.arange(20_000) + 0.5) / 20_000


def score(rng, n, m, scale):
    """Return the score of a Gaussian of standard deviation ``scale`` against a standard normal, in two dimensions."""
    test, fake = rng.standard_normal((n, 2)), scale * rng.standard_normal((m, 2))
    densities = (LogDensity(-0.5 * (rows**2).sum(1) / scale**2, "exact") for rows in (test, fake))
    return calibration(
        Evidence(RealSide(test), fake, **dict(zip(("density_test", "density_fake"), densities, strict=True)))
    )


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 1.05, 1.3, 0.7])
@pytest.mark.parametrize(("n", "m"), [(300, 300), (2000, 2000), (300, 2000)])
def test_interval_and_p_value(n, m, scale):
    truth = np.abs(chi2.cdf(scale**2 * chi2.ppf(LEVELS, 2), 2) - LEVELS).mean()
    scores = [score(np.random.default_rng([seed, n]), n, m, scale) for seed in range(DRAWS)]
    held = np.mean([found.low <= truth <= found.high for found in scores])
    rejected = np.mean([found.detail["p_value"] < 0.05 for found in scores])
    print(f"scale {scale}, {n} rows, {m} samples: held {held:.3f}, p < .05 in {rejected:.3f}")
    assert held >= 0.9
    if scale == 1.0:
        assert rejected <= 0.1
        assert np.mean([found.value for found in scores]) == pytest.approx(scores[0].detail["floor"], rel=0.15)
    elif scale != 1.05:
        assert rejected == 1.0
