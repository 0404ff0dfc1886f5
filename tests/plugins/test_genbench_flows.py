"""Flows against their own mathematics: both directions, determinants by autograd, what depends on what, densities."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import Column, DataFacts
from genbench.training.run import Run
from genbench_flows import MAFConfig, NSFConfig, RealNVPConfig, genbench_register, suits_affine
from genbench_flows.bijections import Chain, Pixels, Reverse
from genbench_flows.flow import Best
from genbench_flows.maf import MAF
from genbench_flows.masked import MaskedNetwork
from genbench_flows.nsf import NSF
from genbench_flows.realnvp import RealNVP, checkerboard
from genbench_flows.splines import outputs_for, spline, spline_inverse

SMALL = {"width": 32, "batch": 128}
MAKERS = {
    "realnvp": lambda **options: RealNVP(RealNVPConfig(**{"transforms": 4, **SMALL, **options})),
    "maf": lambda **options: MAF(MAFConfig(**{"transforms": 3, **SMALL, **options})),
    "nsf": lambda **options: NSF(NSFConfig(**{"transforms": 2, "bins": 6, **SMALL, **options})),
}
NAMES = list(MAKERS)
SHAPES = [(1,), (2,), (5,), (1, 4, 4), (2, 3, 5)]
MIXED = (Column("theta"), Column("class", kind="category", levels=("a", "b")))


def data_of(rows, conditions=None, columns=(), levels=None):
    return TrainingData(rows, levels, None, conditions, columns)


def trained(name, rows, steps, conditions=None, columns=(), levels=None, **options):
    torch.manual_seed(0)
    model = MAKERS[name](**options)
    model.fit(data_of(rows, conditions, columns, levels), Run(Budget(steps, "steps"), levels=levels, train=rows))
    return model


def untrained(name, shape, given=0, *, bounded=False, scale=0.2, dtype=torch.float64):
    """Return transforms with random weights, also in the layers that start at 0."""
    torch.manual_seed(0)
    model = MAKERS[name]()
    model.shape, model.given, model.bounded, model.columns = shape, given, bounded, ()
    network = model._build().to(dtype)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    return network.requires_grad_(False)


def turned(n, seed=0):
    """Return rows (n, 2) of two clusters at an angle given by a class and a number, with those conditions (n, 2)."""
    generator = torch.Generator().manual_seed(seed)
    given = torch.stack([torch.randn(n, generator=generator), torch.randint(2, (n,), generator=generator).float()], 1)
    side = torch.randint(2, (n,), generator=generator) * 2.0 - 1
    centre = torch.stack([side * (1 - given[:, 1]) + 0.5 * given[:, 0], side * given[:, 1]], 1)
    return centre + 0.2 * torch.randn(n, 2, generator=generator), given


# ----------------------------------------------------------------------------------------------------------- splines


@pytest.mark.parametrize("bins", [2, 8, 32])
def test_a_spline_and_its_inverse_undo_each_other(bins):
    torch.manual_seed(0)
    theta = 2 * torch.randn(4000, outputs_for(bins)).double()
    x = torch.linspace(-6, 6, 4000).double()
    y, _ = spline(x, theta, 5.0)
    assert float((spline_inverse(y, theta, 5.0) - x).abs().max()) < 1e-6
    assert float((y - x).abs().max()) > 0.5
    gentle = 0.2 * theta.float()  # a slope of 1/1000 would make a thousand of each rounding error
    single = spline(x.float(), gentle, 5.0)[0]
    assert float((spline_inverse(single, gentle, 5.0) - x).abs().max()) < 1e-5


def test_the_slope_of_a_spline_is_its_derivative_and_positive():
    torch.manual_seed(0)
    theta = 2 * torch.randn(2000, outputs_for(8)).double()
    x = torch.linspace(-6, 6, 2000).double().requires_grad_()
    y, log_slope = spline(x, theta, 5.0)
    [slope] = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope.exp(), slope)
    assert (slope > 0).all()


def test_a_spline_is_continuous_at_its_knots_and_the_identity_beyond_the_bound():
    torch.manual_seed(0)
    theta = 0.5 * torch.randn(1, outputs_for(5)).double()
    x = torch.linspace(-3, 3, 60_001).double()
    y, log_slope = spline(x, theta.expand(len(x), -1), 2.0)
    assert (y.diff() > 0).all()
    assert float(log_slope.diff().abs().max()) < 0.02  # the derivative is continuous, too
    outside = x.abs() >= 2
    assert torch.equal(y[outside], x[outside])
    assert (log_slope[outside] == 0).all()


def test_a_spline_of_zeros_is_the_identity():
    x = torch.linspace(-6, 6, 101).double()
    y, log_slope = spline(x, torch.zeros(101, outputs_for(8)).double(), 5.0)
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x))


def test_values_beyond_the_bound_leave_gradients_finite():
    theta = torch.randn(3, outputs_for(8), requires_grad=True)
    y, log_slope = spline(torch.tensor([-1e6, 5.0, 1e6]), theta, 5.0)
    (y.sum() + log_slope.sum()).backward()
    assert torch.isfinite(theta.grad).all()


# ------------------------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("given", [0, 3])
@pytest.mark.parametrize("d", [1, 2, 5, 40])
def test_parameters_depend_on_the_columns_before_and_on_no_other(d, given):
    torch.manual_seed(0)
    network = MaskedNetwork(d, given, 32, 3).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    x, c = torch.randn(1, d).double(), torch.randn(1, given).double() if given else None
    by_x = torch.autograd.functional.jacobian(lambda x: network(x, c)[0], x)[:, :, 0].abs().amax(1)  # (d, d)
    assert (by_x.triu() == 0).all()
    if d <= 5:
        assert (by_x[torch.ones(d, d).tril(-1) == 1] > 0).all()
    if given and d <= 5:
        assert (torch.autograd.functional.jacobian(lambda c: network(x, c)[0], c)[:, :, 0].abs().amax((1, 2)) > 0).all()


@pytest.mark.parametrize("given", [0, 3])
@pytest.mark.parametrize(("d", "width"), [(1, 8), (2, 8), (5, 32), (40, 8)])
def test_solving_column_by_column_uses_the_parameters_of_one_pass(d, width, given):
    torch.manual_seed(0)
    network = MaskedNetwork(d, given, width, 1).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    z, c = torch.randn(6, d).double(), torch.randn(6, given).double() if given else None
    x = network.solve(z, c, lambda column, theta: column + theta[:, 0])
    torch.testing.assert_close(x, z + network(x, c)[:, :, 0])


def test_masks_of_couplings_alternate_in_both_directions():
    assert checkerboard((5,)).tolist() == [0, 1, 0, 1, 0]
    assert checkerboard((1, 2, 3)).view(2, 3).tolist() == [[0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize("d", [2, 5])
def test_a_coupling_leaves_its_masked_columns_and_every_column_is_changed_by_one_of_two(d):
    first, second = untrained("realnvp", (d,)).parts[0].parts[:2]
    x = torch.randn(7, d).double()
    changed = [(part(x, None)[0] - x).abs().amax(0) > 0 for part in (first, second)]
    assert torch.equal(changed[0], first.mask == 0)
    assert torch.equal(changed[0], ~changed[1])


# -------------------------------------------------------------------------------------------------------- transforms


@pytest.mark.parametrize("given", [0, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_inverse_undoes_the_transforms(name, shape, given):
    network = untrained(name, shape, given, bounded=True)
    x = (torch.rand(50, math.prod(shape)) * 1.98 - 0.99).double()
    c = torch.randn(50, given).double() if given else None
    z, _ = network(x, c)
    assert float((network.inverse(z, c) - x).abs().max()) < 1e-5
    assert float((z - x).abs().max()) > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_inverse_holds_in_single_precision(name):
    network = untrained(name, (4,), dtype=torch.float32, scale=0.1)
    x = torch.randn(500, 4)
    assert float((network.inverse(network(x, None)[0], None) - x).abs().max()) < 1e-5


@pytest.mark.parametrize("shape", [(2,), (5,), (1, 3, 3)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_log_determinant_is_that_of_the_jacobian(name, shape):
    network = untrained(name, shape, 2, bounded=True)
    x, c = (torch.rand(4, math.prod(shape)) * 1.8 - 0.9).double(), torch.randn(4, 2).double()
    _, log_det = network(x, c)
    for i in range(4):
        jacobian = torch.autograd.functional.jacobian(lambda x, i=i: network(x[None], c[i : i + 1])[0][0], x[i])
        assert float(log_det[i]) == pytest.approx(float(torch.linalg.slogdet(jacobian)[1]), abs=1e-6)


@pytest.mark.parametrize("bounded", [True, False])
def test_pixels_have_mean_0_and_standard_deviation_1(bounded):
    x = torch.rand(500, 6) * 2 - 1
    pixels = Pixels(6, bounded=bounded)
    pixels.set_moments(x)
    z, _ = pixels(x, None)
    torch.testing.assert_close(z.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(6))
    torch.testing.assert_close(pixels.inverse(z, None), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("bounded", [False, True])
def test_the_log_determinant_of_standardised_pixels_is_that_of_the_jacobian(bounded):
    pixels = Pixels(4, bounded=bounded).double()
    rows = torch.rand(200, 4, generator=torch.Generator().manual_seed(0)).double() * torch.tensor([0.1, 0.5, 1.0, 2.0])
    pixels.set_moments(rows - 1)
    x = rows[:5] - 1
    log_det = pixels(x, None)[1]
    for row, found in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: pixels(v[None], None)[0][0], row)
        torch.testing.assert_close(found, torch.linalg.slogdet(jacobian)[1])


def test_pixels_stay_within_the_range_of_images_but_for_a_margin():
    x = Pixels(2, bounded=True).inverse(torch.tensor([[-1e4, 1e4]]), None)
    assert float(x.abs().max()) < 1.03


@pytest.mark.parametrize("x", [[-1.0, 1.0], [-1.5, 1.5]])
def test_pixels_on_the_bounds_have_a_finite_density(x):
    z, log_det = Pixels(2, bounded=True)(torch.tensor([x]), None)
    assert torch.isfinite(z).all()
    assert torch.isfinite(log_det).all()


def test_a_chain_adds_the_determinants_and_reverses_the_order():
    x = torch.randn(3, 4)
    z, log_det = Chain([Reverse(), Reverse(), Reverse()])(x, None)
    assert torch.equal(z, x.flip(1))
    assert (log_det == 0).all()


# --------------------------------------------------------------------------------------------------------- densities


@pytest.mark.parametrize("name", NAMES)
def test_the_density_given_each_condition_integrates_to_one_and_is_that_of_its_samples(name):
    rows, given = turned(2000)
    model = trained(name, rows, 150, given, MIXED, learning_rate=5e-3)
    axis = torch.arange(-6, 6, 0.06)
    points = torch.cartesian_prod(axis, axis)
    means = []
    for theta, label in [(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)]:
        c = torch.tensor([[theta, label]])
        p = model.log_prob(points, c.expand(len(points), 2)).double().exp() * 0.06**2
        assert float(p.sum()) == pytest.approx(1, abs=0.01)
        mean = (p[:, None] * points).sum(0)
        spread = (p[:, None] * (points - mean) ** 2).sum(0).sqrt()
        samples = model.sample(4000, c.expand(4000, 2)).double()
        torch.testing.assert_close(samples.mean(0), mean, atol=0.06, rtol=0)
        torch.testing.assert_close(samples.std(0), spread, atol=0.05, rtol=0.08)
        means.append(mean)
    assert float((means[2] - means[0])[0]) > 0.3  # conditions are not ignored


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_more_than_a_gaussian(name):
    rows, _ = turned(4000)
    rows = (rows - rows.mean(0)) / rows.std(0)
    model = trained(name, rows[:3000], 250, learning_rate=5e-3)
    gaussian = -(1 + math.log(2 * math.pi)) + 0.5 * float(torch.linalg.slogdet(torch.linalg.inv(torch.cov(rows.T)))[1])
    assert float(model.log_prob(rows[3000:]).mean()) > gaussian + 0.1


@pytest.mark.parametrize("name", NAMES)
def test_blocks_change_neither_densities_nor_the_rows_of_conditions(name, monkeypatch):
    rows, given = turned(300)
    model = trained(name, rows, 20, given, MIXED)
    whole = model.log_prob(rows, given)
    monkeypatch.setattr("genbench_flows.flow.BLOCK_VALUES", 128)
    torch.testing.assert_close(model.log_prob(rows, given), whole, atol=1e-4, rtol=0)
    monkeypatch.setattr("genbench_flows.flow.MAX_SAMPLE_ROWS", 64)
    torch.manual_seed(1)
    blocks = model.sample(100, given[:100])
    torch.manual_seed(1)
    z = torch.cat([torch.randn(64, 2), torch.randn(36, 2)])
    expected = model.network.inverse(z, model._features(given[:100]))
    torch.testing.assert_close(blocks, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("name", NAMES)
def test_images_train_and_are_sampled(name, levels):
    pixels = torch.randint(0, 4, (200, 1, 4, 4), generator=torch.Generator().manual_seed(0)) / 2 - 1 + 0.1
    model = trained(name, pixels, 5, levels=levels)
    samples = model.sample(9)
    assert samples.shape == (9, 1, 4, 4)
    assert torch.isfinite(samples).all()
    assert not samples.requires_grad
    assert torch.isfinite(model.log_prob(pixels)).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_column_and_one_row_are_enough(name):
    model = trained(name, torch.ones(1, 1), 2)
    assert torch.isfinite(model.log_prob(model.sample(3))).all()


# ---------------------------------------------------------------------------------------------- training and storage


def test_the_best_weights_are_kept():
    network = torch.nn.Linear(1, 1, bias=False)
    best = Best(network, lambda: (network.weight - 2).square().sum())
    for value in (float("nan"), 0.0, 1.5, 5.0, float("nan")):
        torch.nn.init.constant_(network.weight, value)
        best.update()
    best.restore()
    assert network.weight.item() == 1.5


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_restored_model_is_the_same(name, conditional):
    rows, given = turned(200)
    c, columns = (given, MIXED) if conditional else (None, ())
    model, other = trained(name, rows, 5, c, columns), MAKERS[name]()
    other.restore(model.state())
    call = (rows, given) if conditional else (rows,)
    assert torch.equal(other.log_prob(*call), model.log_prob(*call))
    drawn = []
    for each in (model, other):
        torch.manual_seed(3)
        drawn.append(each.sample(20, given[:20]) if conditional else each.sample(20))
    assert torch.equal(*drawn)


def test_images_are_restored_with_their_moments():
    rows = torch.rand(100, 1, 4, 4) - 1
    model, other = trained("nsf", rows, 3, levels=4), MAKERS["nsf"]()
    other.restore(model.state())
    assert torch.equal(other.log_prob(rows), model.log_prob(rows))


@pytest.mark.parametrize(("shape", "transforms", "bins", "width"), [((2,), 2, 32, 64), ((10,), 3, 8, 128)])
def test_options_of_0_follow_the_dimensions(shape, transforms, bins, width):
    chain = NSF(NSFConfig()).build(shape, 0)
    networks = [module for module in chain.modules() if isinstance(module, MaskedNetwork)]
    assert len(networks) == transforms
    assert networks[0].outputs == outputs_for(bins)
    assert networks[0].hidden_layer.in_features == width


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_needs_a_fit(name):
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        MAKERS[name]().sample(1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transforms": -1}, r"transforms must be in \[0, inf\), got -1"),
        ({"bins": 257}, r"bins must be in \[0, 256\], got 257"),
        ({"bins": -1}, r"bins must be in \[0, inf\), got -1"),
        ({"bound": -1.0}, r"bound must be in \[0.0, inf\), got -1.0"),
        ({"batch": -1}, r"batch must be in \[0, inf\), got -1"),
        ({"learning_rate": 0.0}, r"learning_rate must be in \(0.0, inf\), got 0.0"),
        ({"ema": 1.0}, r"ema must be in \[0.0, 1.0\), got 1.0"),
    ],
)
def test_wrong_options_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(NSFConfig(), **wrong)


@pytest.mark.parametrize("config", [RealNVPConfig, MAFConfig])
def test_affine_flows_need_a_transform(config):
    with pytest.raises(ValueError, match=r"transforms must be in \[1, inf\), got 0"):
        config(transforms=0)


def test_one_column_is_refused_where_transforms_are_affine():
    assert suits_affine(DataFacts("vector", shape=(2,))) is None
    assert suits_affine(DataFacts("vector")) is None
    assert "take nsf" in str(suits_affine(DataFacts("vector", shape=(1,))))


def test_registering_imports_no_torch():
    code = "import sys, genbench_flows as m; m.genbench_register(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    specs = {spec.name: spec for spec in genbench_register()}
    assert set(specs) == {"realnvp", "maf", "nsf"}
    assert {(spec.density, spec.conditions) for spec in specs.values()} == {("exact", "optional")}
