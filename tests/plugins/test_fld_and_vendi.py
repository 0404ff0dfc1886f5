"""Feature likelihood divergence and Vendi score, on laws and rows whose values are known."""

import json
import math

import numpy as np
import pytest

from genbench.protocol import Evidence, RealSide
from genbench.registry.component import choose_metrics
from genbench.registry.registry import Registry
from genbench_features import FLDConfig, VendiConfig
from genbench_features.fld import fld
from genbench_features.vendi import effective_number, vendi

N, D = 400, 4


def normal(seed, n=N, d=D, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal((n, d))


def divergence(fake, train=None, **options):
    train = normal(1, 2 * N) if train is None else train
    return fld(Evidence(RealSide(normal(3)), fake, train=train), FLDConfig(**options))


def test_fresh_rows_are_as_good_as_training_rows():
    found = [divergence(normal(seed)) for seed in range(10, 20)]
    assert np.mean([score.value for score in found]) == pytest.approx(0.0, abs=3.0)
    assert np.mean([score.low <= 0 <= score.high for score in found]) >= 0.8
    assert len(found[0].replicates) == 20
    json.dumps(found[0].detail)


def test_copies_of_training_rows_are_penalised():
    """The more rows are copies, the worse, though a distance of distributions would not see it."""
    train = normal(1, 2 * N)
    half = np.concatenate([train[: N // 2], normal(9, N // 2)])
    values = [divergence(fake, train).value for fake in (normal(9), half, train[:N])]
    assert values == sorted(values)
    assert divergence(train[:N], train).low > 10
    near = train[:N] + 0.02 * normal(8)
    assert divergence(near, train).low > 10


@pytest.mark.parametrize("fake", [normal(4) + 1.0, normal(4, scale=2.0), np.abs(normal(4))])
def test_faults_are_penalised(fake):
    assert divergence(fake).low > 0


def test_one_gaussian_has_the_width_of_the_rows():
    """All samples at the mean: one Gaussian, whose variance is that of the training rows."""
    train, test = normal(1, 2 * N), normal(3)
    found = divergence(np.zeros((N, D)), train)
    standard = (test - train.mean(0)) / train.std(0)
    centre = -train.mean(0) / train.std(0)
    variance = 1 + (centre**2).sum() / D
    nats = 0.5 * math.log(2 * math.pi * variance) + ((standard - centre) ** 2).sum(1).mean() / (2 * variance * D)
    assert found.detail["nats_per_dimension"] == pytest.approx(nats, rel=1e-9)


def test_the_number_of_different_rows():
    assert effective_number(np.eye(7)) == pytest.approx(7)
    assert effective_number(3 * np.eye(30)[:12]) == pytest.approx(12)
    assert effective_number(np.ones((50, 3))) == pytest.approx(1)
    assert effective_number(np.repeat(np.eye(4), 25, axis=0)) == pytest.approx(4)
    weights = np.array([0.7, 0.2, 0.1])
    rows = np.repeat(np.eye(3), (100 * weights).round().astype(int), axis=0)
    assert effective_number(rows) == pytest.approx(math.exp(-(weights * np.log(weights)).sum()))
    assert effective_number(np.zeros((9, 2))) == pytest.approx(1)
    wide = normal(1, 20, 300)
    assert effective_number(wide) == pytest.approx(effective_number(np.c_[wide, np.zeros((20, 400))]))


def test_vendi_is_a_ratio_to_real_rows():
    rows = np.repeat(np.eye(4), 50, axis=0)
    lost = np.repeat(np.eye(4)[:2], 100, axis=0)
    found = vendi(Evidence(RealSide(rows), lost), VendiConfig())
    assert found.value == pytest.approx(0.5)
    assert found.detail["real"] == pytest.approx(4)
    assert found.low <= found.value <= found.high
    fresh = vendi(Evidence(RealSide(normal(1, 500, 10)), normal(2, 600, 10)), VendiConfig())
    assert fresh.low < 1 < fresh.high
    assert fresh.n_fake == fresh.n_real == 500
    assert vendi(Evidence(RealSide(normal(1)), normal(2)), VendiConfig(max_rows=100)).n_fake == 100
    assert "no interval" in vendi(Evidence(RealSide(normal(1, 60, 300)), normal(2, 60, 300)), VendiConfig()).warnings[0]
    assert vendi(Evidence(RealSide(rows), rows[:1]), VendiConfig()).value is None


def test_reasons_for_no_divergence():
    assert "training rows" in fld(Evidence(RealSide(normal(3)), normal(4)), FLDConfig()).warnings[0]
    assert "at least" in divergence(normal(4, 10)).warnings[0]
    assert "do not vary" in divergence(normal(4), np.ones((2 * N, D))).warnings[0]
    assert divergence(normal(4), max_rows=100).n_fake == 100
    for config in (FLDConfig, VendiConfig):
        with pytest.raises(ValueError, match="max_rows"):
            config(max_rows=1)


def test_they_are_taken_only_where_they_are_named():
    registry = Registry.discover()

    def labels(text):
        return [metric.label for metric in choose_metrics(text, registry, {})]

    assert not {"fld", "vendi"} & set(labels("all"))
    assert not {"fld", "vendi"} & set(labels("-kid"))
    assert labels("fld,vendi") == ["fld", "vendi"]
    assert labels("fld@classifier") == ["fld@classifier"]
