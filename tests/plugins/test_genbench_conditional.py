"""Metrics of samples that are drawn given conditions, against known truths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genbench.protocol import Column, Evidence, LogDensity, RealSide
from genbench_conditional import ClassAccuracyConfig, EnergyByConditionConfig
from genbench_conditional.by_condition import energy_by_condition
from genbench_conditional.classes import class_accuracy
from genbench_conditional.posterior import posterior_accuracy, posterior_nll

LEVELS = ("a", "b", "c")
CENTRES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
CLASS = (Column("class", kind="category", levels=LEVELS),)


def joint(rows, codes):
    return np.concatenate([rows, np.eye(3)[codes] / math.sqrt(2)], 1)


def evidence(seed=0, n=1500, shown=lambda codes: codes, shift=0.0, **more):
    """Return evidence of three classes; samples of the class k show class ``shown(k)``."""
    rng = np.random.default_rng(seed)
    sides = {}
    for name in ("real", "train", "fake"):
        codes = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
        centre = CENTRES[shown(codes) if name == "fake" else codes]
        sides[name] = (centre + rng.normal(size=(n, 2)) + shift * (name == "fake"), codes)
    fields = {
        "train": joint(*sides["train"]),
        "conditions_train": sides["train"][1][:, None].astype(float),
        "conditions_test": sides["real"][1][:, None].astype(float),
        "conditions_fake": sides["fake"][1][:, None].astype(float),
        "condition_columns": CLASS,
        "condition_scores": 3,
        "log_prob_classes": -0.5 * ((sides["real"][0][:, None] - CENTRES) ** 2).sum(2) - math.log(2 * math.pi),
        "density_test": LogDensity(np.zeros(n), "exact"),
    }
    return Evidence(RealSide(joint(*sides["real"])), joint(*sides["fake"]), **(fields | more))


def test_energy_within_each_class_is_zero_for_right_samples_and_names_the_worst_class():
    right = energy_by_condition(evidence(), EnergyByConditionConfig())
    assert right.low < 0 < right.high
    assert list(right.detail["by_condition"]) == ["class=a", "class=b", "class=c"]
    wrong = energy_by_condition(evidence(shown=lambda codes: np.where(codes == 2, 1, codes)), EnergyByConditionConfig())
    assert wrong.detail["worst"] == "class=c"
    assert wrong.low > 0.1
    assert abs(wrong.detail["by_condition"]["class=a"]) < 0.05


def test_energy_within_classes_is_that_of_the_rows_alone():
    from scipy.spatial.distance import cdist, pdist

    given = evidence(n=300)
    x, y = (rows[given_of[:, 0] == 1][:, :2] for rows, given_of in (
        (given.real.rows, given.conditions_test), (given.fake, given.conditions_fake)))  # fmt: skip
    expected = 2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean()
    found = energy_by_condition(given, EnergyByConditionConfig()).detail["by_condition"]["class=b"]
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_interval_of_the_energy_covers_zero_for_fresh_rows():
    found = [energy_by_condition(evidence(seed, n=400), EnergyByConditionConfig()) for seed in range(60)]
    assert sum(score.low <= 0 <= score.high for score in found) >= 51


def test_numbers_are_split_into_bins_of_equally_many_rows():
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=(3, 1000, 2)), rng.lognormal(size=(3, 1000, 1))
    x += np.log(c)
    fake = x[1].copy()
    fake[c[1][:, 0] > np.quantile(c[0], 0.8)] += 3
    given = Evidence(
        RealSide(np.concatenate([x[0], c[0]], 1)), np.concatenate([fake, c[1]], 1), conditions_test=c[0],
        conditions_fake=c[1], condition_columns=(Column("energy"),), condition_scores=1,
    )  # fmt: skip
    score = energy_by_condition(given, EnergyByConditionConfig(bins=5))
    names = list(score.detail["by_condition"])
    assert len(names) == 5
    assert names[0].startswith("energy<")
    assert names[-1].startswith("energy>=")
    assert score.detail["worst"] == names[-1]


def test_too_few_rows_of_any_class_give_no_value():
    score = energy_by_condition(evidence(n=12), EnergyByConditionConfig())
    assert score.value is None
    assert "needs 10 rows" in score.warnings[0]


def test_the_accuracy_of_right_samples_is_that_of_real_rows():
    right = class_accuracy(evidence(), ClassAccuracyConfig())
    bayes = 0.80  # of these classes, to within a few per cent
    assert right.detail["held_out"] == pytest.approx(bayes, abs=0.05)
    assert right.value == pytest.approx(right.detail["held_out"], abs=0.05)
    assert right.low < right.value < right.high
    ignored = class_accuracy(evidence(shown=np.random.default_rng(3).permutation), ClassAccuracyConfig())
    assert ignored.value < 0.55
    one_lost = class_accuracy(evidence(shown=lambda codes: np.where(codes == 2, 1, codes)), ClassAccuracyConfig())
    assert one_lost.detail["worst"] == "c"
    assert one_lost.detail["by_class"]["c"] < 0.2


def test_the_classifier_does_not_see_the_class_itself():
    assert class_accuracy(evidence(), ClassAccuracyConfig()).detail["held_out"] < 0.95


def test_posteriors_follow_bayes_theorem():
    given = evidence(n=4000)
    accuracy, nll = posterior_accuracy(given), posterior_nll(given)
    prior = np.bincount(given.conditions_train[:, 0].astype(int)) / 4000
    joint_density = np.exp(given.log_prob_classes) * prior
    posterior = joint_density / joint_density.sum(1, keepdims=True)
    truth = given.conditions_test[:, 0].astype(int)
    assert accuracy.value == pytest.approx((posterior.argmax(1) == truth).mean())
    assert nll.value == pytest.approx(-np.log(posterior[np.arange(4000), truth]).mean())
    assert nll.detail["prior"] == pytest.approx(1.03, abs=0.03)  # entropy of 0.5, 0.3, 0.2
    assert nll.low < nll.value < nll.high < nll.detail["prior"]


def test_a_density_that_ignores_the_class_gives_the_prior():
    given = evidence(log_prob_classes=np.zeros((1500, 3)))
    assert posterior_accuracy(given).value == pytest.approx(0.5, abs=0.05)
    score = posterior_nll(given)
    assert score.value == pytest.approx(score.detail["prior"])


def test_a_density_that_excludes_the_truth_gives_no_number():
    impossible = np.zeros((1500, 3))
    impossible[:, 0] = -np.inf
    score = posterior_nll(evidence(log_prob_classes=impossible))
    assert score.value is None
    assert "have probability 0" in score.warnings[0]


@pytest.mark.parametrize(
    "metric", [posterior_accuracy, posterior_nll, lambda e: class_accuracy(e, ClassAccuracyConfig())]
)
def test_conditions_that_are_no_classes_give_the_reason(metric):
    score = metric(evidence(condition_columns=(Column("energy"),)))
    assert score.value is None
    assert score.warnings == ("needs one condition, which is a category",)


def test_without_densities_of_the_classes_there_is_no_posterior():
    assert posterior_accuracy(evidence(log_prob_classes=None)).warnings == (
        "needs the model's log-density given each class",
    )


@pytest.mark.parametrize(
    ("config", "option", "value"), [(EnergyByConditionConfig, "bins", 0), (ClassAccuracyConfig, "trees", 0)]
)
def test_options_out_of_range_are_refused(config, option, value):
    with pytest.raises(ValueError, match=option):
        config(**{option: value})
