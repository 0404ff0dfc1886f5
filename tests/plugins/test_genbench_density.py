"""Closed-form densities against other people's values, known integrals and awkward data."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.neighbors import KernelDensity

from genbench.budget import Budget
from genbench.protocol import Column, TrainingData
from genbench.training.run import Run
from genbench_density import KDEConfig, genbench_register
from genbench_density.gaussian import Gaussian
from genbench_density.kde import KDE, double, peak
from genbench_density.memoriser import Memoriser
from genbench_density.near_kernels import boxes, log_sums

SHAPES = [(1,), (2,), (16,), (1, 8, 8), (3, 16, 16)]
MAKERS = {"kde": lambda: KDE(KDEConfig()), "gaussian": Gaussian, "memoriser": Memoriser}


def fitted(model, rows, levels=None):
    torch.manual_seed(0)
    model.fit(TrainingData(torch.as_tensor(rows, dtype=torch.float32), levels), Run(Budget(1, "steps")))
    return model


def rows_of(shape, n=200, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_and_finite_densities(name, shape):
    model = fitted(MAKERS[name](), rows_of(shape))
    samples = model.sample(7)
    assert samples.shape == (7, *shape)
    assert samples.dtype == torch.float32
    assert not samples.requires_grad
    assert sum(p.numel() for p in model.parameters()) > 0
    if name != "memoriser":
        log_prob = model.log_prob(samples)
        assert log_prob.shape == (7,)
        assert torch.isfinite(log_prob).all()


@pytest.mark.parametrize("name", MAKERS)
def test_same_seed_same_samples_and_a_second_fit_starts_afresh(name):
    model = fitted(MAKERS[name](), rows_of((3,), seed=1) + 50)
    fitted(model, rows_of((2,)))
    torch.manual_seed(5)
    again = model.sample(20)
    fresh = fitted(MAKERS[name](), rows_of((2,)))
    torch.manual_seed(5)
    assert torch.equal(again, fresh.sample(20))


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("bandwidth", [0.005, 0.3])
def test_kde_agrees_with_sklearn(d, bandwidth):
    rows, points = rows_of((d,), 500), rows_of((d,), 100, seed=1)
    one_leaf = KernelDensity(bandwidth=bandwidth, leaf_size=500)  # over several leaves theirs is inexact
    theirs = one_leaf.fit(rows.double().numpy()).score_samples(points.double().numpy())
    ours = fitted(KDE(KDEConfig(bandwidth=bandwidth)), rows).log_prob(points)
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-9)


def test_kde_is_the_same_in_blocks(monkeypatch):
    points = rows_of((2,), 100, seed=1)
    whole = fitted(KDE(KDEConfig()), rows_of((2,)))
    monkeypatch.setattr("genbench_density.kde.BLOCK_DISTANCES", 7 * 200)
    blocked = fitted(KDE(KDEConfig()), rows_of((2,)))
    assert blocked.bandwidth == pytest.approx(whole.bandwidth, rel=1e-9)
    torch.testing.assert_close(whole.log_prob(points), blocked.log_prob(points), rtol=1e-12, atol=0)


@pytest.mark.parametrize("make", [lambda: KDE(KDEConfig()), Gaussian], ids=["kde", "gaussian"])
def test_integrates_to_one(make):
    line = torch.linspace(-12, 12, 4001)
    one = fitted(make(), rows_of((1,))).log_prob(line[:, None]).exp().sum() * (line[1] - line[0])
    axis = torch.linspace(-9, 9, 301)
    plane = torch.cartesian_prod(axis, axis)
    two = fitted(make(), rows_of((2,))).log_prob(plane).exp().sum() * (axis[1] - axis[0]) ** 2
    assert one.item() == pytest.approx(1, abs=1e-4)
    assert two.item() == pytest.approx(1, abs=1e-3)


def test_kde_bandwidth_is_the_best_by_leave_one_out():
    modes = torch.randint(0, 3, (400, 1), generator=torch.Generator().manual_seed(3)) * 2.0
    rows = modes + 0.05 * rows_of((1,), 400)
    model = fitted(KDE(KDEConfig()), rows)

    def left_out(h):
        square = (rows.double() - rows.double().T).numpy() ** 2
        np.fill_diagonal(square, np.inf)
        return logsumexp(-0.5 * square / h**2, axis=1).mean() - np.log(h)

    best = max(left_out(h) for h in np.geomspace(1e-3, 1, 300))
    assert left_out(model.bandwidth) == pytest.approx(best, abs=2e-3)
    assert model.bandwidth < 0.05  # a rule of thumb gives 0.5 here and smears the modes


def test_kde_sample_is_a_pick_plus_noise():
    rows = torch.tensor([[0.0, 0.0], [100.0, 100.0]]).repeat(50, 1)
    model = fitted(KDE(KDEConfig(bandwidth=0.5)), rows)
    noise = model.sample(20_000).sub(50).abs().sub(50)
    assert noise.std(0).numpy() == pytest.approx(0.5, rel=0.03)


def test_kde_of_grey_levels_sits_in_their_middle():
    pixels = torch.randint(0, 4, (50, 1, 2, 2), generator=torch.Generator().manual_seed(0))
    model = fitted(KDE(KDEConfig()), (pixels + 0.99) / 2 - 1, levels=4)
    torch.testing.assert_close(model.rows, ((pixels + 0.5) / 2 - 1).flatten(1).double())


@pytest.mark.parametrize("name", MAKERS)
def test_one_row_and_identical_rows(name):
    for rows in (torch.ones(1, 2), torch.ones(30, 2)):
        model = fitted(MAKERS[name](), rows)
        assert torch.isfinite(model.sample(5)).all()
        if name != "memoriser":
            assert torch.isfinite(model.log_prob(rows)).all()


def test_peak_of_a_parabola_is_exact():
    assert peak([-((k - 2.3) ** 2) for k in range(6)]) == pytest.approx(2.3)
    assert peak([3.0, 2.0, 1.0]) == 0.0
    assert peak([1.0, 1.0, 1.0]) == 0.0


def test_gaussian_agrees_with_scipy():
    rows = rows_of((4,), 300) @ rows_of((4, 4), 1, seed=2)[0] + 3
    points = rows_of((4,), 50, seed=3) * 2
    truth = multivariate_normal(rows.double().numpy().mean(0), np.cov(rows.double().numpy().T, ddof=0))
    model = fitted(Gaussian(), rows)
    np.testing.assert_allclose(model.log_prob(points).numpy(), truth.logpdf(points.double().numpy()), rtol=1e-9)
    samples = model.sample(200_000).double().numpy()
    np.testing.assert_allclose(samples.mean(0), truth.mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), truth.cov, atol=0.15)


def test_gaussian_with_constant_columns_keeps_the_rest():
    rows = rows_of((3,), 300)
    rows[:, 1] = 2.0
    model = fitted(Gaussian(), rows)
    other = fitted(Gaussian(), rows[:, [0, 2]])
    difference = model.log_prob(rows) - other.log_prob(rows[:, [0, 2]])
    assert difference.std() < 1e-6  # the constant column adds one number
    assert model.sample(1000)[:, 1].sub(2).abs().max() < 0.01


def test_gaussian_with_fewer_rows_than_dimensions():
    rows = rows_of((30,), 10)
    model = fitted(Gaussian(), rows)
    assert torch.isfinite(model.log_prob(rows_of((30,), 5, seed=1))).all()
    assert torch.linalg.matrix_rank(model.sample(100) - rows.mean(0), rtol=0.02) == 9


@pytest.mark.parametrize(("n", "d", "raised"), [(300, 4, 0), (10, 30, 21), (5, 5, 1), (6, 5, 0)])
def test_gaussian_says_where_its_covariance_is_singular(n, d, raised):
    defect = fitted(Gaussian(), rows_of((d,), n)).log_prob_defect
    expected = f"the covariance of {n} training rows is singular in {raised} of {d} dimensions"
    assert defect.startswith(expected) if raised else not defect


def test_a_second_fit_of_a_gaussian_forgets_what_was_singular():
    model = fitted(Gaussian(), rows_of((30,), 10))
    assert model.log_prob_defect
    assert not fitted(model, rows_of((2,))).log_prob_defect


def test_memoriser_returns_training_rows_bit_for_bit():
    rows = rows_of((1, 8, 8), 50)
    samples = fitted(Memoriser(), rows).sample(1000)
    index = torch.cdist(samples.flatten(1), rows.flatten(1)).argmin(1)
    assert torch.equal(samples, rows[index])
    assert len(index.unique()) == 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": -1.0}, r"bandwidth must be in \[0.0, inf\), got -1.0"),
        ({"bandwidth": float("nan")}, "bandwidth must be in"),
        ({"candidates": 1}, r"candidates must be in \[2, inf\), got 1"),
        ({"held_out": 0}, r"held_out must be in \[1, inf\), got 0"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        KDEConfig(**options)


def test_specs():
    specs = {s.name: s for s in genbench_register()}
    assert set(specs) == {"kde", "gmm", "gaussian", "memoriser"}
    assert [n for n, s in specs.items() if s.baseline] == ["gaussian", "memoriser"]
    assert not any(s.iterative for s in specs.values())
    assert specs["memoriser"].density == "none"
    assert not hasattr(Memoriser(), "log_prob")


def test_declaring_is_light():
    code = "import sys, genbench_density as p; p.genbench_register(); print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def weighted(model, rows, weights):
    torch.manual_seed(0)
    rows, weights = (torch.as_tensor(values, dtype=torch.float32) for values in (rows, weights))
    model.fit(TrainingData(rows, weights=weights), Run(Budget(1, "steps")))
    return model


@pytest.mark.parametrize("name", MAKERS)
def test_samples_follow_the_weights_of_rows(name):
    rows = rows_of((2,), 4000)
    model = weighted(MAKERS[name](), rows, torch.exp(0.5 * rows[:, 0] - 0.125))  # the mean is then 1/2
    samples = model.sample(8000)
    assert samples[:, 0].mean() == pytest.approx(0.5, abs=0.06)
    assert samples[:, 1].mean() == pytest.approx(0.0, abs=0.06)


@pytest.mark.parametrize("name", ["kde", "gaussian"])
def test_integer_weights_are_repeated_rows(name):
    rows, times = rows_of((2,), 60), np.arange(60) % 3
    maker = {"kde": lambda: KDE(KDEConfig(bandwidth=0.3)), "gaussian": Gaussian}[name]
    repeated = fitted(maker(), rows.repeat_interleave(torch.as_tensor(times), dim=0))
    points = rows_of((2,), 20, seed=1)
    torch.testing.assert_close(
        weighted(maker(), rows, times).log_prob(points), repeated.log_prob(points), atol=1e-5, rtol=0
    )


def test_equal_weights_choose_the_bandwidth_that_none_choose():
    rows = rows_of((2,), 500)
    assert weighted(KDE(KDEConfig()), rows, np.ones(500)).bandwidth == pytest.approx(
        fitted(KDE(KDEConfig()), rows).bandwidth, rel=1e-6
    )


def test_a_weighted_kernel_density_keeps_a_bandwidth_where_repeated_rows_would_not():
    rows = rows_of((2,), 500)
    model = weighted(KDE(KDEConfig()), rows, torch.exp(rows[:, 0]))
    assert 0.5 < model.bandwidth / fitted(KDE(KDEConfig()), rows).bandwidth < 2


def with_conditions(model, rows, conditions, columns):
    torch.manual_seed(0)
    model.fit(TrainingData(rows, conditions=conditions, condition_columns=columns), Run(Budget(1, "steps")))
    return model


def linear_in_conditions(n=4000):
    """Return rows whose mean is linear in a number and depends on a class, with those conditions."""
    given = torch.stack([torch.randn(n), torch.randint(3, (n,)).float()], 1)
    mean = torch.stack([2 * given[:, 0], given[:, 1] - given[:, 0]], 1)
    return mean + torch.tensor([0.5, 1.0]) * torch.randn(n, 2), given


CONDITIONS = (Column("energy"), Column("class", kind="category", levels=("a", "b", "c")))


def test_a_gaussian_is_the_conditional_of_the_joint_one():
    torch.manual_seed(3)
    rows, given = linear_in_conditions()
    model = with_conditions(Gaussian(), rows, given, CONDITIONS)
    point = torch.tensor([[1.5, 2.0]]).expand(20_000, 2)
    samples = model.sample(20_000, point)
    assert samples.mean(0).tolist() == pytest.approx([3.0, 0.5], abs=0.1)
    assert samples.std(0).tolist() == pytest.approx([0.5, 1.0], rel=0.05)
    truth = multivariate_normal([3.0, 0.5], np.diag([0.25, 1.0]))
    off = model.log_prob(samples[:500], point[:500]).numpy() - truth.logpdf(samples[:500])
    assert np.abs(off).mean() < 0.08


def test_a_gaussian_without_conditions_is_what_it_was():
    rows, _ = linear_in_conditions()
    model = fitted(Gaussian(), rows)
    truth = multivariate_normal(rows.double().mean(0), np.cov(rows.double().T, bias=True))
    assert model.log_prob(rows[:50]).numpy() == pytest.approx(truth.logpdf(rows[:50].double()), abs=1e-4)


def test_the_memoriser_copies_a_row_of_the_nearest_conditions():
    rows, given = linear_in_conditions(300)
    given[:, 0] = given[:, 0].round()  # so that many are equally near
    model = with_conditions(Memoriser(), rows, given, CONDITIONS)
    asked = given[:50].repeat(4, 1)
    samples = model.sample(200, asked)
    index = torch.cdist(samples, rows).argmin(1)
    assert torch.equal(rows[index], samples)
    assert torch.equal(given[index], asked)
    assert len(index.unique()) > 60  # one of those that are equally near, by chance


@pytest.mark.parametrize("bandwidth", [1e-3, 0.05, 5.0])
@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("with_weights", [False, True])
def test_kernels_left_out_of_a_density_change_no_digit_of_it(d, bandwidth, with_weights):
    rows = double(torch.cat([rows_of((d,), 400), torch.full((3, d), 50.0), torch.zeros(2, d)]))
    points = double(torch.cat([rows_of((d,), 300, seed=1), torch.full((1, d), -80.0), rows[:5].float()]))
    weights = double(torch.linspace(1e-6, 2, len(rows))) if with_weights else None
    kernels = (points[:, None] - rows).square().sum(2) * (-0.5 / bandwidth**2)
    exact = (kernels if weights is None else kernels + weights.log()).logsumexp(1)
    torch.testing.assert_close(log_sums(points, rows, weights, bandwidth, 64), exact, rtol=1e-9, atol=1e-6)


def test_boxes_are_a_partition_into_parts_of_the_size_asked_for():
    parts = boxes(rows_of((2,), 500), 20)
    assert sorted(torch.cat(parts).tolist()) == list(range(500))
    assert max(map(len, parts)) <= 20
    spread = [float(rows_of((2,), 500)[part].std(0).mean()) for part in parts]
    assert sum(spread) / len(spread) < 0.5, "points in a box lie near each other"
