"""Utility on laws whose best prediction is known, and on samples that break it."""

import json

import numpy as np
import pytest

from genbench.protocol import Evidence, RealSide, jackknife_groups
from genbench_utility import UtilityConfig, genbench_register
from genbench_utility.basis import fit_basis
from genbench_utility.metric import utility
from genbench_utility.ridge import fits, moments, penalty_of, r_squared
from genbench_utility.tasks import column_groups, image_tasks, pooled, targets_of

N = 2000
NOISE = 0.5  # of y = f(x) + NOISE z


def law(seed, n=N, noise=NOISE):
    """x uniform in (-1, 1), y = x² + noise: R² of y is Var(x²) / (Var(x²) + noise²); of x it is 0, by symmetry."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    return np.column_stack([x, x**2 + noise * rng.standard_normal(n)])


def score(train, fake, test, config=None, **fields):
    return utility(Evidence(RealSide(test), fake, train=train, **fields), config or UtilityConfig())


def shuffled(rows, seed=9):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.permutation(column) for column in rows.T])


def test_what_is_learnt_is_the_best_prediction():
    noise = 0.2
    best = (4 / 45) / (4 / 45 + noise**2)
    found = score(law(1, 20_000, noise), law(2, 20_000, noise), law(3, 20_000, noise))
    assert found.detail["targets"]["x1"]["real"] == pytest.approx(best, abs=0.01)
    assert found.detail["targets"]["x1"]["samples"] == pytest.approx(best, abs=0.01)
    assert found.low < 0 < found.high


def test_independent_columns_lose_all_that_can_be_lost():
    train, test = law(1, noise=0.1), law(3, noise=0.1)
    found = score(train, shuffled(law(2, noise=0.1)), test)
    assert found.detail["samples"] == pytest.approx(0.0, abs=0.02)
    assert found.value == pytest.approx(found.detail["real"], abs=0.02)
    assert found.low > 0.3


def test_noise_on_samples_loses_what_the_formula_says():
    """Two columns of correlation ρ; noise of variance v on both shrinks the slope by 1 / (1 + v)."""
    rho, v, n = 0.8, 1.0, 40_000
    rng = np.random.default_rng(0)

    def pair():
        x = rng.standard_normal((n, 2))
        x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
        return x

    found = score(pair(), pair() + np.sqrt(v) * rng.standard_normal((n, 2)), pair())
    assert found.value == pytest.approx((rho - rho / (1 + v)) ** 2, abs=0.015)
    assert found.low < (rho - rho / (1 + v)) ** 2 < found.high


def test_copies_of_training_rows_lose_nothing():
    train = law(1)
    assert score(train, train.copy(), law(3)).value == 0.0


def test_an_angle_is_not_predicted_from_its_own_cosine():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, (3, N))
    rows = [np.column_stack([np.sin(a), np.cos(a), rng.standard_normal(N)]) for a in angle]
    found = score(*rows, columns=("sin phi", "cos phi", "pt"))
    assert list(found.detail["targets"]) == ["phi", "pt"]
    assert found.detail["real"] < 0.01
    assert any("little to lose" in text for text in found.warnings)


def test_a_column_of_few_values_counts_as_a_category():
    """Three categories in no order: as numbers they could not be predicted from their mean."""
    rng = np.random.default_rng(0)

    def draw():
        k = rng.integers(0, 3, N)
        return np.column_stack([k.astype(float), np.array([1.0, 0.0, 1.0])[k] + 0.01 * rng.standard_normal(N)])

    train, fake, test = draw(), draw(), draw()
    targets = targets_of(train, 0)
    assert targets.categories.tolist() == [0, 1, 2]
    assert (targets.of(np.array([[0.2, 0], [0.8, 0], [9.0, 0]])) == np.eye(3)).all()
    found = score(train, fake, test)
    # the middle one is known, the others are a toss-up: 1 - (2/3 · 1/2) / (2/3)
    assert found.detail["targets"]["x0"]["real"] == pytest.approx(0.5, abs=0.03)


def test_labels_are_predicted_where_samples_have_them():
    rng = np.random.default_rng(0)

    def draw():
        k = rng.integers(0, 3, N)
        return rng.standard_normal((N, 2)) * 0.3 + np.array([[0, 0], [2, 0], [0, 2]])[k], k

    (train, a), (fake, b), (test, c) = draw(), draw(), draw()
    labels = {"labels_train": a, "labels_test": c}
    good = score(train, fake, test, labels_fake=b, **labels)
    bad = score(train, fake, test, labels_fake=rng.permutation(b), **labels)
    dropped = score(train, fake[b > 0], test, labels_fake=b[b > 0], **labels)
    assert good.params["quantity"] == "labels"
    assert good.low < 0 < good.high
    assert bad.value == pytest.approx(bad.detail["real"], abs=0.1)
    assert dropped.low > 0.1
    assert score(train, fake, test, **labels).params["quantity"] == "columns"


def images(seed, n=500, side=16):
    """Stripes of one brightness across: the right half is known from the left, the lower not from the upper."""
    rng = np.random.default_rng(seed)
    stripes = np.repeat(rng.random((n, 1, side, 1)), side, axis=3)
    return stripes + 0.05 * rng.standard_normal((n, 1, side, side))


def test_halves_of_images():
    train, fake, test = (images(seed) for seed in range(3))
    broken = fake.copy()
    broken[..., 8:] = np.random.default_rng(5).permutation(broken[..., 8:])
    flat = [each.reshape(500, -1) for each in (train, fake, test, broken)]
    good = score(*flat[:3], kind="image", test_raw=test)
    bad = score(flat[0], flat[3], flat[2], kind="image", test_raw=test)
    assert good.params["quantity"] == "halves of images"
    assert good.detail["targets"]["right half"]["real"] > 0.95
    assert abs(good.detail["targets"]["lower half"]["real"]) < 0.2
    assert good.low < 0 < good.high
    assert bad.low > 0.3
    cells = pooled(Evidence(RealSide(flat[2]), flat[1], kind="image", test_raw=test), flat[2])
    assert cells.shape == (500, 1, 8, 8)
    assert cells[0, 0, 0, 0] == pytest.approx(test[0, 0, :2, :2].mean())
    odd = np.random.default_rng(0).random((40, 2, 11, 3))
    seen = pooled(Evidence(RealSide(odd.reshape(40, -1)), odd, kind="image", test_raw=odd), odd.reshape(40, -1))
    assert seen.shape == (40, 2, 8, 3)
    assert seen[3, 1, 7, 2] == pytest.approx(odd[3, 1, 9:, 2].mean())
    assert [task.name for task in image_tasks((1, 1, 2))] == ["right half"]


def test_replicates_are_the_value_without_each_group():
    """Trained again from scratch on the rows that are left, with the same features and penalty."""
    train, fake, test = law(1, 300), law(2, 300), law(3, 300)
    found = score(train, fake, test)
    basis, targets = fit_basis(train, products=True), [targets_of(train, 0), targets_of(train, 1)]
    group, expected = jackknife_groups(300, 20), []
    tasks = column_groups((), train)
    on_train = moments(basis, targets, None, train, 20)
    for g in (0, 7):
        lost = 0.0
        for task in tasks:
            features = basis.without(task.hidden)
            y = np.array(task.targets)
            penalty = penalty_of(on_train.chosen(features, y))
            scores = []
            for rows in (train, fake):
                x = basis(rows[group != g])[:, features]
                ridge = penalty * len(x) * np.eye(len(features))
                ridge[0, 0] = 0.0
                weights = np.linalg.solve(x.T @ x + ridge, x.T @ rows[group != g][:, y])
                left = test[group != g][:, y] - basis(test[group != g])[:, features] @ weights
                scores.append(1 - (left**2).sum() / (len(left) * test[group != g][:, y].var()))
            lost += (scores[0] - scores[1]) / len(tasks)
        expected.append(lost)
    assert [found.replicates[0], found.replicates[7]] == pytest.approx(expected, abs=1e-9)


def test_r_squared_from_moments_is_that_of_predictions():
    rows = law(1)
    basis, targets = fit_basis(rows, products=True), [targets_of(rows, 1)]
    sums = moments(basis, targets, None, rows, 20).kept(np.ones((1, 20), bool))
    weights = fits(sums, 1e-3)
    left = rows[:, 1] - basis(rows) @ weights[0, :, 0]
    assert r_squared(sums, weights)[0] == pytest.approx(1 - left.var() / rows[:, 1].var(), abs=1e-6)


def test_equally_many_rows_train_both():
    found = score(law(1), law(2, 500), law(3))
    assert found.params["n_train"] == found.n_fake == 500
    assert score(law(1, 500), law(2), law(3)).params["n_train"] == 500


def test_one_absurd_sample_decides_nothing():
    train, fake, test = law(1), law(2), law(3)
    spoilt = fake.copy()
    spoilt[0] = 1e200
    assert score(train, spoilt, test).value == pytest.approx(score(train, fake, test).value, abs=0.05)


@pytest.mark.parametrize("d", [30, 200])
def test_of_many_columns_some_are_predicted(d):
    rng = np.random.default_rng(0)
    rows = [rng.standard_normal((300, 1)) + rng.standard_normal((300, d)) for _ in range(3)]
    found = score(*rows)
    assert len(found.detail["targets"]) == 16
    assert found.low < 0 < found.high
    assert len(score(*rows, config=UtilityConfig(targets=3)).detail["targets"]) == 3


def test_reasons_for_no_value():
    rows = law(1)
    assert "training rows" in utility(Evidence(RealSide(rows), rows), UtilityConfig()).warnings[0]
    assert "at least 20" in score(rows[:10], rows, rows).warnings[0]
    assert "two columns" in score(rows[:, :1], rows[:, :1], rows[:, :1]).warnings[0]
    assert "no interval" in score(rows[:30], rows, rows).warnings[-1]
    constant = np.zeros((N, 2))
    assert np.isfinite(score(rows, constant, law(2)).value)
    assert score(constant, rows, rows).value is None
    with pytest.raises(ValueError, match="targets"):
        UtilityConfig(targets=0)


def test_scores_are_the_same_whichever_model_comes_first():
    train, test, real = law(1), law(3), RealSide(law(3))
    alone = score(train, law(4, 700), test)
    utility(Evidence(real, law(2), train=train, seed=3), UtilityConfig())
    later = utility(Evidence(real, law(4, 700), train=train, seed=5), UtilityConfig())
    assert later == alone
    json.dumps(later.detail)


def test_spec():
    [spec] = genbench_register()
    assert (spec.name, spec.better, spec.best, spec.needs) == ("utility", "lower", 0.0, ("samples", "train"))
