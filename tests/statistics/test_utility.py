"""How often the interval of utility holds its mean at the same sizes, and how often z is large for fresh real rows."""

import numpy as np
import pytest
from scipy.special import ndtri, stdtr

from genbench.protocol import Evidence, RealSide
from genbench_utility import UtilityConfig
from genbench_utility.metric import utility

DRAWS = 40
N = 300


def correlated(rng, n):
    rows = rng.standard_normal((n, 4))
    rows[:, 1] = 0.8 * rows[:, 0] + 0.6 * rows[:, 1]
    return rows


def heavy(rng, n):
    return correlated(rng, n) / np.sqrt(rng.chisquare(3, (n, 1)) / 3)


def z_of(one, other):
    """Return the normal quantile of the jackknifed gap of two scores against the same rows, as the core computes it."""
    gaps = np.array(one.replicates) - np.array(other.replicates)
    groups, gap = len(gaps), one.value - other.value
    error = np.sqrt((groups - 1) / groups * ((gaps - gaps.mean()) ** 2).sum())
    return float(-ndtri(stdtr(groups - 1, -abs(gap) / error)))


@pytest.mark.slow
@pytest.mark.parametrize("law", [correlated, heavy])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_interval_and_z(law, noise):
    scores, z = [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        train, test, fresh, fake = (law(rng, N) for _ in range(4))
        real = RealSide(test)
        fake = fake + noise * rng.standard_normal(fake.shape)
        scores.append(utility(Evidence(real, fake, train=train), UtilityConfig()))
        z.append(z_of(scores[-1], utility(Evidence(real, fresh, train=train), UtilityConfig())))
    truth = np.mean([score.value for score in scores])
    held = np.mean([score.low <= truth <= score.high for score in scores])
    print(f"{law.__name__}, noise {noise}: mean {truth:.4f}, held {held:.3f}, z > 2 in {np.mean(np.array(z) > 2):.3f}")
    assert held >= 0.88
    if not noise:
        assert np.mean(np.array(z) > 2) <= 0.1
        assert max(z) < 3.5
