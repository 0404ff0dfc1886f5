"""The classifier test: blind to the precision of samples, not to three columns; right under the null hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from laws import normal10, sign_law

from genbench.protocol import Column, Data, Evidence, RealSide
from genbench.record.score import standard_error
from genbench.training.standardise import transform_of
from genbench_distances import C2STConfig
from genbench_distances.c2st import c2st
from genbench_distances.resolution import comparable

COLUMNS = tuple(
    Column(name, log=name in ("mass", "number"), period=24.0 if name == "hour" else None)
    for name in ("normal", "count", "time", "constant", "mass", "hour", "number", "tenths")
)


def table(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            rng.standard_normal(n),
            rng.poisson(3, n),
            1.7e9 + 1e-3 * rng.standard_normal(n),
            np.full(n, 7.3),
            np.exp(rng.standard_normal(n)),
            rng.integers(0, 24, n),
            rng.integers(1, 1000, n),
            np.round(rng.normal(1000, 1, n), 1),
        ],
        axis=1,
    )


@pytest.fixture(scope="module")
def path():
    """Return the evidence of samples in the data's units against fresh real rows, and the path through a model."""
    train, test = table(600, 1), table(600, 2)
    space = transform_of(Data(train, test, test, columns=COLUMNS))

    def evidence(samples: np.ndarray) -> Evidence:
        return Evidence(
            RealSide(space.to_scores(test)), space.to_scores(samples), columns=space.columns,
            train=space.to_scores(train), test_raw=test, fake_raw=samples, train_raw=train,
        )  # fmt: skip

    return test, evidence, lambda rows: space.from_model(space.to_model(rows, np.random.default_rng(0)))


def test_the_way_through_a_model_in_single_precision_is_not_seen(path):
    test, evidence, through = path
    kept, same = (evidence(rows) for rows in (through(test), test))
    rounded = comparable(kept, kept.real.rows, kept.fake)
    assert rounded.constant == (3,)
    assert rounded.deviating == 0
    np.testing.assert_array_equal(rounded.real, rounded.fake)
    assert c2st(kept, C2STConfig()).value == c2st(same, C2STConfig()).value


@pytest.mark.parametrize("size", [600, 400])
def test_real_rows_against_themselves_through_a_model_score_a_half(path, size):
    test, evidence, through = path
    found = c2st(evidence(through(test)[np.random.default_rng(5).permutation(600)[:size]]), C2STConfig(trees=30))
    assert found.value == pytest.approx(0.5, abs=0.02)


def test_repeated_values_are_compared_like_any_others():
    rng = np.random.default_rng(6)
    values = [
        c2st(Evidence(RealSide(rng.poisson(2.0, (500, 1)).astype(float)), rng.poisson(mean, (500, 1)).astype(float)),
             C2STConfig(trees=30)).value
        for mean in (2.0, 2.0, 2.0, 2.0, 3.0)
    ]  # fmt: skip
    assert np.mean(values[:4]) == pytest.approx(0.5, abs=0.03)
    assert values[4] > 0.6


def test_fresh_rows_through_a_model_score_a_half(path):
    _, evidence, through = path
    values = [c2st(evidence(through(table(600, seed))), C2STConfig(trees=30)).value for seed in range(3, 7)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)


def test_integers_that_a_model_does_not_round_are_seen(path):
    _, evidence, _ = path
    wrong = table(600, 8)
    wrong[:, 1] += 0.01 * np.random.default_rng(9).standard_normal(600)
    assert c2st(evidence(wrong), C2STConfig(trees=30)).value > 0.9


def test_samples_that_deviate_from_a_constant_column_are_counted_not_compared(path):
    _, evidence, _ = path
    wrong = table(600, 8)
    wrong[:40, 3] += 0.1
    found = c2st(evidence(wrong), C2STConfig(trees=30))
    assert found.value < 0.56
    assert "constant columns left out: constant; 40 of 600 samples differ from the constant" in found.warnings
    everything = Evidence(RealSide(np.ones((60, 2))), np.random.default_rng(1).standard_normal((60, 2)))
    assert c2st(everything, C2STConfig()).value > 0.9


def test_dependence_of_three_columns_is_seen():
    rng = np.random.default_rng(1)
    found = c2st(Evidence(RealSide(normal10(2000, rng)), sign_law(2000, rng)), C2STConfig())
    assert 0.64 < found.low < found.value < 0.75 + 0.02
    assert found.detail["family"] == "products of columns"
    assert found.detail["areas"]["products of columns"] > found.detail["areas"]["boosted trees"] + 0.05


def test_trees_are_chosen_where_they_see_more():
    rng = np.random.default_rng(2)
    real, fake = rng.standard_normal((2, 600, 2))
    fake[:, 0] = np.round(fake[:, 0], 1)
    found = c2st(Evidence(RealSide(real), fake), C2STConfig())
    assert found.detail["family"] == "boosted trees"
    assert found.value > 0.65


def test_looking_twice_raises_no_value_and_replicates_have_the_error():
    values = []
    for seed in range(24):
        rng = np.random.default_rng([seed, 3])
        e = Evidence(RealSide(normal10(150, rng)), normal10(150, rng), seed=seed)
        found = c2st(e, C2STConfig(trees=10))
        values.append((found.value, found.low <= 0.5 <= found.high, found.detail["p_value"] < 0.05))
        gaps = np.array(found.replicates) - np.mean(found.replicates)
        assert (19 / 20 * (gaps**2).sum()) ** 0.5 == pytest.approx(standard_error(vars(found)), rel=1e-6)
    value, held, rejected = np.mean(values, axis=0)
    assert value == pytest.approx(0.5, abs=0.03)
    assert held >= 20 / 24
    assert rejected <= 4 / 24


def test_images_of_many_pixels_are_bounded_and_their_blur_is_seen():
    rng = np.random.default_rng(4)
    real, fake = rng.standard_normal((2, 120, 1200))
    assert c2st(Evidence(RealSide(real), 0.5 * (fake + np.roll(fake, 1, 1))), C2STConfig(trees=10)).value > 0.8
