"""The permutation p-value of energy: exact relabelling of groups, its size, and its power against that of rows."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from genbench.protocol import Evidence, RealSide, jackknife_groups
from genbench_distances.contrast import PERMUTATIONS
from genbench_distances.energy import energy

DRAWS = 60


def p_value(real, fake, seed=0):
    return energy(Evidence(RealSide(real), fake, seed=seed)).detail["p_value"]


def statistic(distances, ours):
    """Return the unbiased energy distance of the rows that are ours and the others, from all distances."""
    a, b = ours.astype(float), (~ours).astype(float)
    n, m, rows = a.sum(), b.sum(), distances @ a
    others = distances @ b
    return 2 * rows @ b / (n * m) - rows @ a / (n * (n - 1)) - others @ b / (m * (m - 1))


def row_p_value(real, fake, rng, permutations=199):
    """Return the p-value of exchanging single rows."""
    rows = np.concatenate([real, fake])
    distances, ours = cdist(rows, rows), np.arange(len(rows)) < len(real)
    values = [statistic(distances, rng.permutation(ours) if i else ours) for i in range(permutations + 1)]
    return np.mean(np.array(values) >= values[0])


def test_it_is_the_share_of_relabellings_with_as_large_a_value():
    """One relabelling of the sums of groups is the energy distance of the rows that it moves."""
    rng = np.random.default_rng(3)
    real, fake = rng.standard_normal((60, 2)), rng.standard_normal((60, 2)) + 0.35
    found = energy(Evidence(RealSide(real), fake, seed=4))
    rows = np.concatenate([real, fake])
    group = np.concatenate([jackknife_groups(60), 20 + jackknife_groups(60)])
    ours = Evidence(RealSide(real), fake, seed=4).rng("energy").permuted(np.tile(np.arange(40) < 20, (999, 1)), axis=1)
    distances = cdist(rows, rows)
    larger = sum(statistic(distances, labels[group]) >= found.value - 1e-12 for labels in ours)
    assert found.detail["p_value"] == pytest.approx((1 + larger) / (1 + PERMUTATIONS))
    assert found.detail["p_value_from"] == "999 permutations of groups"


def test_far_apart_it_is_the_smallest_possible_and_of_few_rows_there_is_none():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((300, 2))
    assert p_value(real, real + 3) == 1 / (1 + PERMUTATIONS)
    assert p_value(real, real) == 1.0
    assert "p_value" not in energy(Evidence(RealSide(real[:8]), real[8:16])).detail
    assert "p_value" not in energy(Evidence(RealSide(real[:20]), real[20:])).detail  # two groups of the size of others


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(60, 60), (60, 240), (160, 60)])
def test_size(n, m):
    found = []
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, n])
        found.append(p_value(rng.standard_t(3, (n, 3)), rng.standard_t(3, (m, 3)), seed))
    shares = [np.mean(np.array(found) <= level) for level in (0.01, 0.05, 0.2)]
    print(f"{n} and {m} rows: p <= .01, .05, .2 in {shares[0]:.3f} {shares[1]:.3f} {shares[2]:.3f}")
    assert shares[0] <= 0.05
    assert shares[1] <= 0.12
    assert 0.08 <= shares[2] <= 0.32


@pytest.mark.slow
def test_power_is_close_to_that_of_exchanging_rows():
    groups, rows = [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        real, fake = rng.standard_normal((100, 3)), rng.standard_normal((100, 3)) + 0.2
        groups.append(p_value(real, fake, seed) <= 0.05)
        rows.append(row_p_value(real, fake, rng) <= 0.05)
    print(f"power: groups {np.mean(groups):.3f}, rows {np.mean(rows):.3f}")
    assert 0.3 < np.mean(rows) < 0.95
    assert np.mean(groups) > np.mean(rows) - 0.12
