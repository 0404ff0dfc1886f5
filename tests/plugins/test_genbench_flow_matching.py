"""Flow matching against its own mathematics: where the velocity is known, samples and densities are too."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import Column
from genbench.training.run import Run
from genbench_flow_matching import FlowMatchingConfig, genbench_register
from genbench_flow_matching.flow_matching import FlowMatching, stratified, times, velocity
from genbench_flow_matching.likelihood import flow_log_prob, signs_for, velocity_and_trace
from genbench_flow_matching.networks import Perceptron, UNet

SHAPES = [(1,), (2,), (16,), (1, 8, 8), (3, 17, 20)]
NUMBER = (Column("theta"),)


def trained(config, rows, steps, given=None, columns=(), levels=None):
    torch.manual_seed(0)
    model = FlowMatching(config)
    data = TrainingData(rows, levels, None, given, columns)
    model.fit(data, Run(Budget(steps, "steps"), levels=levels, train=rows))
    return model


class GaussianVelocity(torch.nn.Module):
    """The F whose velocity is E[x_1 - x_0 | x_t, c] for x_1 ~ N(mean + c, diag(std²)): what a perfect network says."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.square = mean, std**2
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, t, c):
        t = t[:, None]
        s = torch.hypot(t, 1 - t)
        mean = self.mean if c is None else self.mean + c
        white = (x * s - t * mean) / (t**2 * self.square + (1 - t) ** 2)
        v = mean + (t * self.square - (1 - t)) * white
        return s * v - (2 * t - 1) * x


def perfect(mean, std, **options):
    """Return a model of N(mean + c, diag(std²)) with the exact velocity, and the law for c = 0."""
    mean, std = torch.tensor(mean), torch.tensor(std)
    model = FlowMatching(FlowMatchingConfig(**options))
    model.shape, model.columns, model.network = mean.shape, NUMBER, GaussianVelocity(mean, std)
    return model, torch.distributions.Independent(torch.distributions.Normal(mean, std), 1)


def moved(n, seed=0):
    """Return rows (n, 2) around (c, -c) with a spread of exp(c / 2) / 4, and c (n, 1)."""
    generator = torch.Generator().manual_seed(seed)
    c = torch.randn(n, 1, generator=generator)
    noise = torch.randn(n, 2, generator=generator)
    return torch.cat([c, -c], 1) + (c / 2).exp() / 4 * noise, c


@pytest.fixture(scope="module")
def conditional():
    rows, c = moved(4000)
    return trained(FlowMatchingConfig(width=64, batch=256), rows, 1200, c, NUMBER)


# ---------------------------------------------------------------------------------------------------- the flow itself


@pytest.mark.parametrize("solver", ["heun", "midpoint"])
def test_the_exact_velocity_of_a_gaussian_gives_its_samples(solver):
    model, _ = perfect([0.5, -1.0], [0.3, 1.5], solver=solver)
    torch.manual_seed(0)
    x = model.sample(50_000)
    torch.testing.assert_close(x.mean(0), torch.tensor([0.5, -1.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(x.std(0), torch.tensor([0.3, 1.5]), atol=0, rtol=0.02)


def test_the_exact_velocity_of_a_gaussian_gives_its_density():
    model, law = perfect([0.5, -1.0], [0.3, 1.5])
    x = law.sample((200,))
    torch.testing.assert_close(model.log_prob(x).float(), law.log_prob(x), atol=2e-3, rtol=0)


def test_samples_and_density_are_those_given_the_conditions():
    model, law = perfect([0.5, -1.0], [0.3, 1.5])
    torch.manual_seed(0)
    c = torch.tensor([[0.0], [2.0]]).repeat(20_000, 1)
    x = model.sample(40_000, c)
    assert float((x[1::2] - x[::2]).mean()) == pytest.approx(2, abs=0.03)
    torch.testing.assert_close(
        model.log_prob(x[:100], c[:100]).float(), law.log_prob(x[:100] - c[:100]), atol=2e-3, rtol=0
    )


def test_conditions_keep_their_rows_over_blocks(monkeypatch):
    monkeypatch.setattr("genbench_flow_matching.flow_matching.BLOCK_VALUES", 128)
    model, _ = perfect([0.0, 0.0], [1e-3, 1e-3])
    c = torch.arange(150.0)[:, None]
    torch.testing.assert_close(model.sample(150, c), c.expand(150, 2), atol=0.1, rtol=0)


@pytest.mark.parametrize(("solver", "expected"), [("heun", 39), ("midpoint", 40)])
def test_the_function_evaluations_are_as_many_as_is_said(solver, expected):
    model, _ = perfect([0.0], [1.0], solver=solver)
    calls = []
    model.network.register_forward_hook(lambda *_: calls.append(1))
    model.sample(10)
    assert len(calls) == model.function_evaluations == expected
    assert f"{expected} function evaluations" in model.log_prob_note


def test_more_steps_halve_the_error_four_times():
    start = torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    errors = []
    for steps in (10, 20, 40):
        model, _ = perfect([0.0], [0.2], solver="midpoint", sampling_steps=steps)
        errors.append(float((model.transport(start, None) - 0.2 * start).abs().mean()))
    assert errors[0] > 2.5 * errors[1] > 2.5**2 * errors[2]


def test_times_rise_to_the_data_in_steps_that_shrink():
    steps = np.diff(times(20))
    assert (times(20)[0], times(20)[-1]) == (0, 1)
    assert (np.diff(steps) < 0).all()


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8)], ids=str)
def test_rows_are_moved_on_straight_paths_each_at_one_time(shape, monkeypatch):
    """Of rows far from the noise, all values are at the same share of the way, which is the time of the row."""
    far, seen = 1e6, []

    def watch(network, x, t, c):
        seen.append((x.detach().flatten(1) / far, t))
        return velocity(network, x, t, c)

    monkeypatch.setattr("genbench_flow_matching.flow_matching.velocity", watch)
    trained(FlowMatchingConfig(width=16, batch=32), torch.full((32, *shape), far), 2)
    for share, t in seen:
        torch.testing.assert_close(share, t[:, None].expand_as(share), atol=1e-4, rtol=0)


def test_times_of_a_batch_are_uniform_and_one_in_each_stratum():
    t = stratified(100, torch.device("cpu"))
    assert (t.mul(100).floor() == torch.arange(100)).all()
    assert torch.cat([stratified(100, t.device).mul(100).frac() for _ in range(50)]).mean() == pytest.approx(
        0.5, abs=0.02
    )


def test_without_a_network_the_velocity_is_the_best_linear_one():
    network = Perceptron((3,), 0, 8)  # whose output starts at 0
    x, t = torch.randn(1000, 3), torch.full((1,), 0.7)
    expected = (2 * 0.7 - 1) / (0.7**2 + 0.3**2) * x  # Cov(x_1 - x_0, x_t) / Var(x_t) for x_1 ~ N(0, 1)
    torch.testing.assert_close(velocity(network, x, t, None), expected)


# -------------------------------------------------------------------------------------------------------- likelihood


@pytest.mark.parametrize("shape", [(2,), (5,), (1, 4, 4)])
def test_trace_is_that_of_the_jacobian(shape):
    torch.manual_seed(0)
    d = math.prod(shape)
    network = (UNet if len(shape) == 3 else Perceptron)(shape, 3, 16)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, c, t = torch.randn(4, *shape), torch.randn(4, 3), 0.6
    _, trace = velocity_and_trace(lambda x, t: velocity(network, x, torch.full((1,), t), c), x, t, signs_for(x))
    for i in range(4):
        jacobian = torch.autograd.functional.jacobian(
            lambda row, i=i: velocity(network, row[None], torch.full((1,), t), c[i : i + 1])[0], x[i]
        )
        assert float(trace[i]) == pytest.approx(float(jacobian.reshape(d, d).trace()), rel=1e-3, abs=1e-3)


def test_beyond_the_exact_dimensions_the_trace_is_estimated_without_bias():
    torch.manual_seed(0)
    matrix = torch.randn(40, 40)
    x = torch.zeros(20_000, 40)
    _, trace = velocity_and_trace(lambda x, _: x @ matrix.T, x, 0.5, signs_for(x))
    assert float(trace.mean()) == pytest.approx(float(matrix.trace()), abs=5 * float(trace.std()) / 20_000**0.5)
    assert len(signs_for(x)) == 1


def test_log_prob_of_a_constant_velocity_is_that_of_the_moved_noise():
    x = torch.randn(50, 3)
    found = flow_log_prob(lambda x, _: 2 + 0 * x, x, times(5))
    expected = torch.distributions.Normal(2.0, 1.0).log_prob(x).sum(1)
    torch.testing.assert_close(found.float(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("theta", [-1.0, 1.0])
def test_the_density_given_a_condition_is_that_of_its_samples_and_integrates_to_one(conditional, theta):
    centre, step = torch.tensor([theta, -theta]), 0.05
    side = torch.arange(-2, 2 + step, step)
    points = centre + torch.cartesian_prod(side, side)
    p = conditional.log_prob(points, torch.full((len(points), 1), theta)).exp() * step**2
    assert float(p.sum()) == pytest.approx(1, abs=0.01)
    mean = (p[:, None] * points).sum(0)
    spread = (p[:, None] * (points - mean) ** 2).sum(0).sqrt()
    torch.manual_seed(1)
    x = conditional.sample(4000, torch.full((4000, 1), theta)).double()
    torch.testing.assert_close(mean, x.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(spread, x.std(0), atol=0, rtol=0.06)
    torch.testing.assert_close(mean.float(), centre, atol=0.1, rtol=0)


# ---------------------------------------------------------------------------------------------------------- training


def test_a_learned_condition_gives_the_spread_of_its_rows(conditional):
    torch.manual_seed(2)
    for theta in (-1.0, 0.0, 1.0):
        x = conditional.sample(2000, torch.full((2000, 1), theta))
        assert float(x.std(0).mean()) == pytest.approx(math.exp(theta / 2) / 4, rel=0.2)


def test_conditions_that_are_shuffled_are_ignored():
    """A model that was given other rows' conditions learns nothing from them: its samples do not follow theirs."""
    rows, c = moved(4000)
    model = trained(FlowMatchingConfig(width=32, batch=256), rows, 400, c[torch.randperm(4000)], NUMBER)
    torch.manual_seed(0)
    _, asked = moved(4000, seed=1)
    assert abs(float(torch.corrcoef(torch.cat([model.sample(4000, asked)[:, :1], asked], 1).T)[0, 1])) < 0.2


@pytest.mark.parametrize("shape", SHAPES)
def test_it_trains_and_samples_in_any_shape(shape):
    rows = torch.randn(64, *shape)
    model = trained(FlowMatchingConfig(width=16, batch=16, sampling_steps=2, likelihood_steps=2), rows, 3)
    assert model.sample(5).shape == (5, *shape)
    assert model.log_prob(rows[:3]).shape == (3,)
    assert not model.sample(1).requires_grad


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_categories_and_numbers_are_conditions_together(shape):
    columns = (Column("theta"), Column("label", kind="category", levels=("a", "b", "c")))
    given = torch.stack([torch.randn(64), torch.randint(3, (64,)).float()], 1)
    model = trained(
        FlowMatchingConfig(width=16, batch=16, sampling_steps=2), torch.randn(64, *shape), 3, given, columns
    )
    assert model.sample(5, given[:5]).shape == (5, *shape)
    assert model.network.time.given[0].in_features == 4


def test_the_function_evaluations_are_reported():
    rows, run = torch.randn(64, 2), Run(Budget(2, "steps"))
    FlowMatching(FlowMatchingConfig(width=16, batch=16)).fit(TrainingData(rows), run)
    assert run.facts == {"function_evaluations": 39}


def test_samples_before_fit_are_refused():
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        FlowMatching(FlowMatchingConfig()).sample(1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"solver": "euler"}, "solver must be one of"),
        ({"sampling_steps": 0}, r"sampling_steps must be in \[1, inf\)"),
        ({"learning_rate": 0.0}, "learning_rate must be in"),
        ({"ema": 1.0}, "ema must be in"),
    ],
)
def test_wrong_options_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(FlowMatchingConfig(), **wrong)


def test_a_unet_needs_images():
    with pytest.raises(ValueError, match="network=unet needs images"):
        trained(FlowMatchingConfig(network="unet"), torch.randn(64, 2), 1)


def test_registering_imports_no_torch():
    code = "import sys, genbench_flow_matching as m; m.genbench_register(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    [spec] = genbench_register()
    assert (spec.name, spec.density, spec.conditions) == ("flow_matching", "estimate", "optional")
