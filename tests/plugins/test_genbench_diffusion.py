"""The diffusion model against its own mathematics: where the score is known, samples and likelihoods are too."""

import itertools
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import Column
from genbench.training.run import Run
from genbench_diffusion import DDPMConfig, EDMConfig, genbench_register
from genbench_diffusion.chain import Chain
from genbench_diffusion.ddpm import DDPM
from genbench_diffusion.edm import EDM, noise_levels
from genbench_diffusion.likelihood import flow_log_prob, variational_bound
from genbench_diffusion.networks import Perceptron, UNet
from genbench_diffusion.schedule import betas

SHAPES = [(1,), (2,), (16,), (1, 8, 8), (3, 16, 16)]
CPU = torch.device("cpu")
NUMBER = (Column("theta"),)
LABEL = (Column("label", kind="category", levels=("a", "b", "c")),)
CONFIGS = [DDPMConfig, EDMConfig]


def trained(config, rows, steps, levels=None, seed=0, given=None, columns=()):
    torch.manual_seed(seed)
    model = (DDPM if isinstance(config, DDPMConfig) else EDM)(config)
    data = TrainingData(rows, levels, None, given, columns)
    model.fit(data, Run(Budget(steps, "steps"), levels=levels, train=rows))
    return model


class GaussianFlow(torch.nn.Module):
    """F(x, φ) = E[α ε - σ x_0 | x, c] for x_0 ~ N(mean + c, diag(std²)): what a perfect network would say."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.square = mean, std**2
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, angle, c=None):
        alpha, sigma = angle.cos()[:, None], angle.sin()[:, None]
        mean = self.mean if c is None else self.mean + c
        white = (x - alpha * mean) / (alpha**2 * self.square + sigma**2)
        return alpha * sigma * white - sigma * (mean + alpha * self.square * white)


def perfect(mean, std, **options):
    """Return a model of N(mean, diag(std²)) with the exact score and the exact γ, and its log-density."""
    mean, std = torch.tensor(mean), torch.tensor(std)
    model = DDPM(DDPMConfig(**options))
    model.shape, model.columns, model.network = mean.shape, NUMBER, GaussianFlow(mean, std)
    model.chain = Chain("cosine", model.config.timesteps, CPU)
    alpha, sigma = model.chain.alpha[:, None], model.chain.sigma[:, None]
    model.gamma = (alpha**2 * std**2 / (alpha**2 * std**2 + sigma**2)).mean(1)
    return model, torch.distributions.Independent(torch.distributions.Normal(mean, std), 1)


def perfect_edm(mean, std, scale=1.0, **options):
    """Return an EDM of (5, -3) + scale · N(mean + c, diag(std²)) with the exact velocity, and its law for c = 0."""
    mean, std = torch.tensor(mean), torch.tensor(std)
    model = EDM(EDMConfig(**options))
    model.shape, model.columns, model.network = mean.shape, NUMBER, GaussianFlow(mean, std)
    model.mean, model.scale = torch.tensor([5.0, -3.0])[: len(mean)], scale
    law = torch.distributions.Normal(model.mean + scale * mean, scale * std)
    return model, torch.distributions.Independent(law, 1)


def moved(n, seed=0):
    """Return rows (n, 2) around (c, -c) with a spread of exp(c / 2) / 4, and c (n, 1)."""
    generator = torch.Generator().manual_seed(seed)
    c = torch.randn(n, 1, generator=generator)
    noise = torch.randn(n, 2, generator=generator)
    return torch.cat([c, -c], 1) + (c / 2).exp() / 4 * noise, c


@pytest.fixture(scope="module")
def conditional():
    """Models of rows around (c, -c), by their config."""
    rows, c = moved(4000)
    return {kind: trained(kind(width=48, batch=256), rows, 800, given=c, columns=NUMBER) for kind in CONFIGS}


# ------------------------------------------------------------------------------------------------------ the chain


@pytest.mark.parametrize(("kind", "timesteps"), [("cosine", 1000), ("cosine", 50), ("linear", 1000)])
def test_the_chain_ends_in_noise(kind, timesteps):
    chain = Chain(kind, timesteps, CPU)
    assert (chain.alpha_bar.diff() < 0).all()
    assert chain.alpha_bar[0] == 1
    assert chain.alpha_bar[-1] < 1e-3
    torch.testing.assert_close(chain.alpha**2 + chain.sigma**2, torch.ones(timesteps + 1))
    torch.testing.assert_close(chain.angle.cos(), chain.alpha)


def test_cosine_schedule_follows_its_formula():
    half = math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert float(Chain("cosine", 1000, CPU).alpha_bar[500]) == pytest.approx(half, rel=1e-12)


def test_a_chain_that_keeps_the_data_is_refused():
    with pytest.raises(ValueError, match=r"timesteps=50 with schedule=linear leave .* = 0.6 of the data"):
        DDPMConfig(schedule="linear", timesteps=50)
    assert len(betas("linear", 1000)) == 1000


def test_noising_in_one_jump_equals_noising_step_by_step():
    chain = Chain("cosine", 20, CPU)
    torch.manual_seed(0)
    x_0 = torch.full((200_000, 1), 1.7)
    jump = chain.noised(x_0, torch.full((len(x_0),), 8), torch.randn_like(x_0))
    walk = x_0
    for beta in betas("cosine", 20)[:8]:
        walk = math.sqrt(1 - beta) * walk + math.sqrt(beta) * torch.randn_like(walk)
    for x in (jump, walk):
        assert x.mean().item() == pytest.approx(1.7 * float(chain.alpha[8]), abs=0.01)
        assert x.std().item() == pytest.approx(float(chain.sigma[8]), rel=0.01)


@pytest.mark.parametrize(("t", "s"), [(10, 9), (10, 3), (20, 19), (1, 0), (5, 0)])
def test_posterior_is_bayes(t, s):
    chain = Chain("cosine", 20, CPU)
    a, b, c = chain.posterior(t, s)
    before, step = float(chain.alpha_bar[s]), float(chain.alpha_bar[t] / chain.alpha_bar[s])
    if s == 0:
        assert (a, b, c) == pytest.approx((1, 0, 0))
        return
    precision = 1 / (1 - before) + step / (1 - step)  # q(x_s | x_0) times q(x_t | x_s)
    assert c == pytest.approx(1 / precision)
    assert a == pytest.approx(math.sqrt(before) / (1 - before) / precision)
    assert b == pytest.approx(math.sqrt(step) / (1 - step) / precision)


@pytest.mark.parametrize(("t", "s"), [(500, 499), (500, 300), (1, 0), (30, 0)])
def test_slope_is_how_the_mean_moves_with_the_noise(t, s):
    chain = Chain("cosine", 1000, CPU)
    a, _, _ = chain.posterior(t, s)
    ratio = float((1 - chain.alpha_bar[t]) / chain.alpha_bar[t]) ** 0.5  # |d x̂_0 / d ε|
    assert chain.slope(t, s) == pytest.approx(a * ratio)


def test_fixed_variances_are_those_of_the_paper():
    model, _ = perfect([0.0], [1.0])
    t, beta = 400, betas("cosine", 1000)[399]
    model.gamma = torch.zeros(1001)
    assert model.variance(t, t - 1) == pytest.approx(model.chain.posterior(t, t - 1)[2])
    model.gamma = torch.ones(1001)
    assert model.variance(t, t - 1) == pytest.approx(beta / (1 - beta))


# ----------------------------------------------------------------------------- samples, where the score is known


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 1000), ("ancestral", 100), ("ancestral", 1000)])
def test_the_exact_score_gives_exact_samples(sampler, steps):
    model, _ = perfect([0.5, -1.0], [0.05, 1.2], sampler=sampler, sampling_steps=steps)
    torch.manual_seed(0)
    x = model.sample(10_000)
    # one variance for both coordinates is exact for neither: the narrow one is a little too wide in few steps
    assert x.std(0).tolist() == pytest.approx([0.05, 1.2], rel=0.05 if steps == 1000 else 0.15)
    assert x.mean(0).tolist() == pytest.approx([0.5, -1.0], abs=0.05)
    assert abs(float(torch.corrcoef(x.T)[0, 1])) < 0.03


def test_ddim_is_deterministic_given_where_it_starts():
    model, _ = perfect([0.0], [1.0], sampler="ddim", sampling_steps=20)
    torch.manual_seed(0)
    start = torch.randn(5, 1)
    torch.manual_seed(0)
    x = model.sample(5)
    assert (x.argsort(0) == start.argsort(0)).all()  # a flow in one dimension keeps the order
    torch.manual_seed(0)
    assert torch.equal(x, model.sample(5))


# ------------------------------------------------------------------------- likelihoods, where they are known


@pytest.mark.parametrize(("mean", "std"), [([0.0], [1.0]), ([0.5, -1.0], [0.05, 1.2])])
def test_the_bound_is_below_the_exact_density_and_close(mean, std):
    model, truth = perfect(mean, std)
    torch.manual_seed(0)
    x = truth.sample((6,))
    many = x.repeat_interleave(300, 0)
    bound = variational_bound(model, many, terms=1000).view(6, 300)
    error = bound.std(1) / math.sqrt(300)
    gap = truth.log_prob(x) - bound.mean(1)
    assert (gap > -4 * error).all()
    assert gap.mean() < 0.1 * len(mean)


def test_drawn_terms_estimate_the_full_sum():
    model, truth = perfect([0.5, -1.0], [0.05, 1.2])
    torch.manual_seed(0)
    x = truth.sample((1,)).repeat(20_000, 1)
    full = variational_bound(model, x[:2000], terms=1000)
    for terms in (4, 30):
        drawn = variational_bound(model, x, terms=terms)
        error = math.hypot(float(drawn.std()) / 20_000**0.5, float(full.std()) / 2000**0.5)
        assert abs(float(drawn.mean() - full.mean())) < 4 * error


def law_of_samples(model):
    """Return the normal law of ancestral samples where each step is linear, coordinate by coordinate."""
    mean, variance = torch.zeros(1, *model.shape), torch.ones(1, *model.shape)
    for t, s in itertools.pairwise(reversed(model.visited)):
        a, b, _ = model.chain.posterior(t, s)
        at = torch.full((1,), t)
        slope = a * (model.predict(mean + 1, at)[0] - model.predict(mean, at)[0]) + b
        mean = a * model.predict(mean, at)[0] + b * mean
        variance = slope**2 * variance + model.variance(t, s)
    return torch.distributions.Independent(torch.distributions.Normal(mean[0], variance[0].sqrt()), 1)


@pytest.mark.parametrize("steps", [5, 20, 100])
@pytest.mark.parametrize("terms", [0, 1000])
def test_the_bound_is_that_of_the_chain_of_the_samples(steps, terms):
    """In few steps the narrow coordinate is too wide, and the bound of all steps is above the density of samples."""
    model, truth = perfect([0.5, -1.0], [0.05, 1.2], sampling_steps=steps, bound_terms=terms, likelihood="sampled")
    law = law_of_samples(model)
    torch.manual_seed(0)
    drawn = model.sample(20_000)
    torch.testing.assert_close(drawn.mean(0), law.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), law.stddev, atol=0, rtol=0.03)
    x = truth.sample((4000,))
    exact, bound = law.log_prob(x).mean(), model.log_prob(x)
    assert exact - 1 < bound.mean() < exact + 4 * float(bound.std()) / 4000**0.5
    if steps < 100:
        assert variational_bound(model, x).mean() > exact + 0.1


@pytest.mark.parametrize("steps", [1, 2])
def test_a_chain_of_one_or_two_steps_has_a_bound(steps):
    model, truth = perfect([0.5], [0.3], sampling_steps=steps, likelihood="sampled")
    assert torch.isfinite(model.log_prob(truth.sample((20,)))).all()


CHAIN = "its likelihood is that of the reverse chain of 1,000 steps, its samples are drawn by "
ODE = "its likelihood is that of the probability-flow ODE, its samples are drawn by "


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({}, f"{CHAIN}that chain in 100 steps"),
        ({"sampling_steps": 1000}, ""),
        ({"sampler": "ddim", "sampling_steps": 1000}, f"{CHAIN}DDIM in 1,000 steps"),
        ({"likelihood": "sampled"}, ""),
        ({"likelihood": "sampled", "sampler": "ddim"}, f"{CHAIN}DDIM in 100 steps"),
        ({"likelihood": "sampled", "variance": "lower"}, f"{CHAIN}that chain in 100 steps"),
        ({"likelihood": "ode"}, f"{ODE}the reverse chain in 100 steps"),
    ],
)
def test_a_likelihood_that_is_not_of_the_samples_says_so(options, note):
    assert DDPM(DDPMConfig(**options)).log_prob_note == ""
    model, truth = perfect([0.5], [0.3], **options)
    if "variance" in options:
        model.gamma = torch.ones(1001)
        model.gamma[2:] = 0
    assert model.log_prob_note == note
    assert torch.isfinite(model.log_prob(truth.sample((5,)))).all()


def test_a_wrong_score_loosens_the_bound():
    model, truth = perfect([0.0, 0.0], [0.5, 0.5])
    torch.manual_seed(0)
    x = truth.sample((2000,))
    right = variational_bound(model, x).mean()
    model.network.mean = torch.tensor([0.5, 0.0])
    assert variational_bound(model, x).mean() < right - 0.1


@pytest.mark.parametrize(("mean", "std"), [([0.3], [1.0]), ([0.5, -1.0], [0.3, 1.2])])
def test_the_flow_likelihood_of_the_exact_score_is_the_truth(mean, std):
    model, truth = perfect(mean, std, likelihood="ode")
    torch.manual_seed(0)
    x = truth.sample((50,))
    torch.testing.assert_close(model.log_prob(x).float(), truth.log_prob(x), atol=2e-3, rtol=0)
    coarse = model.log_prob(x)
    model.config = replace(model.config, ode_steps=50)
    torch.testing.assert_close(model.log_prob(x), coarse, atol=1e-3, rtol=0)


def test_the_bound_given_conditions_is_below_the_exact_density_and_close():
    model, truth = perfect([0.5, -1.0], [0.05, 1.2])
    torch.manual_seed(0)
    x, c = truth.sample((6,)), torch.tensor([[-1.0], [2.0], [0.5]]).repeat(2, 1)
    many = (x + c).repeat_interleave(300, 0)
    bound = model.log_prob(many, c.repeat_interleave(300, 0)).view(6, 300)
    error = bound.std(1) / math.sqrt(300)
    gap = truth.log_prob(x) - bound.mean(1)
    assert (gap > -4 * error).all()
    assert gap.mean() < 0.2
    assert (model.log_prob(many, c.repeat_interleave(300, 0) + 1) < bound.flatten() - 10).float().mean() > 0.9


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_samples_are_those_given_the_conditions(monkeypatch, sampler):
    monkeypatch.setattr("genbench_diffusion.ddpm.BLOCK_VALUES", 128)  # blocks of 64
    model, _ = perfect([0.0, 0.0], [1e-3, 1e-3], sampler=sampler)
    c = torch.arange(150.0)[:, None] / 50
    torch.testing.assert_close(model.sample(150, c), c.expand(150, 2), atol=0.15, rtol=0)


def test_hutchinson_agrees_with_the_exact_trace():
    torch.manual_seed(0)
    network = Perceptron((4,), 32)
    torch.nn.init.normal_(network.output_layer.weight, std=0.1)
    x = torch.randn(3, 4)
    exact = flow_log_prob(network, x, 1.5, 10)
    estimate = flow_log_prob(network, x.repeat_interleave(1000, 0), 1.5, 10, probes=1).view(3, 1000)
    assert (abs(estimate.mean(1) - exact) < 4 * estimate.std(1) / 1000**0.5).all()
    assert (estimate.std(1) > 0).all()


# ------------------------------------------------------------------------- EDM, where the score is known


def test_noise_levels_are_those_of_the_paper():
    levels = noise_levels(EDMConfig(sampling_steps=18, sigma_max=80.0))
    assert (len(levels), levels[-1]) == (19, 0)
    assert levels[0] == pytest.approx(80)
    assert levels[17] == pytest.approx(0.002)
    assert levels[9] == pytest.approx((80 ** (1 / 7) + 9 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7)


def test_levels_of_a_batch_are_log_normal_and_one_in_each_stratum():
    torch.manual_seed(0)
    model = EDM(EDMConfig())
    model.shape = (2,)
    log_sigma = model._angles(4000, CPU).tan().log()
    assert (log_sigma.diff() >= 0).all()
    assert float(log_sigma.median()) == pytest.approx(-1.8, abs=0.01)
    low, high = log_sigma.quantile(torch.tensor([0.16, 0.84]))
    assert float(high - low) / 2 == pytest.approx(1.4, abs=0.03)
    assert float(log_sigma.min()) == pytest.approx(math.log(0.002), abs=1e-3)  # no lower than in sampling


@pytest.mark.parametrize("sigma", [0.002, 0.3, 20.0])
def test_the_denoiser_has_the_preconditioning_of_the_paper(sigma):
    torch.manual_seed(0)
    model = EDM(EDMConfig())
    model.network = Perceptron((3,), 16)
    torch.nn.init.normal_(model.network.output_layer.weight)
    x = torch.randn(5, 3) * math.hypot(1, sigma)
    skip, out, scale = 1 / (sigma**2 + 1), sigma / math.hypot(sigma, 1), 1 / math.hypot(sigma, 1)
    expected = skip * x - out * model.network(scale * x, torch.tensor([sigma]).atan())
    torch.testing.assert_close(model.denoised(x, sigma, None), expected)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_the_exact_velocity_gives_samples_of_edm(scale):
    model, law = perfect_edm([0.2, -0.2], [0.05, 1.2], scale)
    torch.manual_seed(0)
    x = model.sample(20_000)
    torch.testing.assert_close(x.mean(0), law.mean, atol=0.03 * scale, rtol=0)
    torch.testing.assert_close(x.std(0), law.stddev, atol=0, rtol=0.05)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_the_exact_velocity_gives_the_density_of_edm(scale):
    model, law = perfect_edm([0.2, -0.2], [0.3, 1.2], scale, sigma_max=1000.0)  # at 20, the means are 1/20 of a σ off
    torch.manual_seed(0)
    x, c = law.sample((50,)), torch.full((50, 1), 0.5)
    torch.testing.assert_close(model.log_prob(x).float(), law.log_prob(x), atol=5e-3, rtol=0)
    torch.testing.assert_close(model.log_prob(x + 0.5 * scale, c).float(), law.log_prob(x), atol=5e-3, rtol=0)


def test_samples_of_edm_keep_their_conditions_over_blocks(monkeypatch):
    monkeypatch.setattr("genbench_diffusion.edm.BLOCK_VALUES", 128)  # blocks of 64
    model, law = perfect_edm([0.0, 0.0], [1e-3, 1e-3])
    c = torch.arange(150.0)[:, None] / 50
    torch.testing.assert_close(model.sample(150, c), law.mean + c, atol=0.05, rtol=0)


def test_function_evaluations_of_edm_are_as_many_as_it_reports():
    model, calls = perfect_edm([0.0], [1.0])[0], []
    model.network.register_forward_hook(lambda *_: calls.append(1))
    model.sample(10)
    assert len(calls) == model.function_evaluations == 47
    assert "47 function evaluations" in model.log_prob_note


# ------------------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_learned_condition_gives_the_place_and_the_spread_of_its_rows(conditional, kind):
    torch.manual_seed(2)
    for theta in (-1.0, 0.0, 1.0):
        x = conditional[kind].sample(2000, torch.full((2000, 1), theta))
        torch.testing.assert_close(x.mean(0), torch.tensor([theta, -theta]), atol=0.1, rtol=0)
        assert float(x.std(0).mean()) == pytest.approx(math.exp(theta / 2) / 4, rel=0.2)


@pytest.mark.parametrize("theta", [-1.0, 1.0])
def test_the_density_of_edm_given_a_condition_integrates_to_one(conditional, theta):
    step = 0.08
    side = torch.arange(-2, 2 + step, step)
    points = torch.tensor([theta, -theta]) + torch.cartesian_prod(side, side)
    p = conditional[EDMConfig].log_prob(points, torch.full((len(points), 1), theta)).exp() * step**2
    assert float(p.sum()) == pytest.approx(1, abs=0.01)
    mean = (p[:, None] * points).sum(0)
    torch.testing.assert_close(mean.float(), torch.tensor([theta, -theta]), atol=0.1, rtol=0)


def test_the_bound_given_conditions_is_below_the_truth(conditional):
    x, c = moved(2000, seed=1)
    law = torch.distributions.Normal(torch.cat([c, -c], 1), (c / 2).exp() / 4)
    excess = conditional[DDPMConfig].log_prob(x, c) - law.log_prob(x).sum(1)
    assert float(excess.mean()) < 3 * float(excess.std()) / 2000**0.5
    assert float(excess.mean()) > -0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_unet_follows_a_class(kind):
    torch.manual_seed(0)
    label = torch.randint(3, (600, 1))
    bright = torch.arange(8).view(1, 1, 1, 8) // 3 == label.view(-1, 1, 1, 1)  # three bands
    rows = bright.float().expand(-1, 1, 8, 8) - 0.5 + 0.1 * torch.randn(600, 1, 8, 8)
    model = trained(kind(width=8, batch=32), rows, 250, given=label.float(), columns=LABEL)
    asked = torch.arange(3).repeat(30)
    x = model.sample(90, asked[:, None].float())
    bands = torch.stack([x[..., 3 * i : 3 * i + 3].mean((1, 2, 3)) for i in range(3)], 1)
    assert (bands.argmax(1) == asked).float().mean() > 0.9


@pytest.mark.parametrize("network", [Perceptron, UNet])
def test_without_conditions_there_is_nothing_to_condition_on(network):
    shape = (2,) if network is Perceptron else (1, 8, 8)
    plain, given = (dict(network(shape, 16, conditions=count).named_parameters()) for count in (0, 3))
    assert plain.keys() < given.keys()


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
@pytest.mark.parametrize("columns", [(), LABEL + NUMBER], ids=["plain", "given"])
def test_a_restored_model_samples_as_the_trained_one(kind, shape, columns):
    torch.manual_seed(0)
    rows = torch.randn(40, *shape)
    given = torch.cat([torch.randint(3, (40, 1)), torch.randn(40, 1)], 1) if columns else None
    config = kind(width=16, batch=16, sampling_steps=3)
    model, again = trained(config, rows, 3, given=given, columns=columns), type(trained(config, rows, 1))(config)
    again.restore(model.state())
    conditions = [] if given is None else [given[:5]]
    for method in (lambda m: m.sample(5, *conditions), lambda m: m.log_prob(rows[:5], *conditions)):
        torch.manual_seed(1)
        expected = method(model)
        torch.manual_seed(1)
        assert torch.equal(method(again), expected)
    assert again.log_prob_note == model.log_prob_note


# -------------------------------------------------------------------------------------------------------- the model


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(shape):
    rows = torch.rand(40, *shape) * 2 - 1
    model = trained(DDPMConfig(batch=16, sampling_steps=3, width=16, ode_steps=1), rows, 3)
    samples = model.sample(5)
    assert samples.shape == (5, *shape)
    assert not samples.requires_grad
    for likelihood in ("bound", "ode"):
        model.config = replace(model.config, likelihood=likelihood)
        log_prob = model.log_prob(rows[:4])
        assert log_prob.shape == (4,)
        assert torch.isfinite(log_prob).all()
        assert not log_prob.requires_grad
    assert sum(p.numel() for p in model.parameters()) > 1000


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_of_edm(shape):
    rows = torch.rand(40, *shape) * 2 - 1
    model = trained(EDMConfig(batch=16, sampling_steps=2, width=16, likelihood_steps=1), rows, 3)
    samples, log_prob = model.sample(5), model.log_prob(rows[:4])
    assert samples.shape == (5, *shape)
    assert log_prob.shape == (4,)
    assert torch.isfinite(samples).all()
    assert torch.isfinite(log_prob).all()
    assert not samples.requires_grad
    assert not log_prob.requires_grad


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (17, 30), (28, 28), (32, 32)], ids=str)
def test_unet_takes_any_size_and_every_weight_learns(size):
    torch.manual_seed(0)
    network = UNet((2, *size), 8, conditions=3)
    torch.nn.init.normal_(network.output_layer.weight)
    for block in (network.fine, *network.coarse, network.join):
        torch.nn.init.normal_(block.second[2].weight, std=0.1)
    x = torch.randn(3, 2, *size)
    out = network(x, torch.rand(3), torch.randn(3, 3))
    assert out.shape == x.shape
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("d", [1, 3, 200])
def test_perceptron_every_weight_learns(d):
    torch.manual_seed(0)
    network = Perceptron((d,), 16)
    torch.nn.init.normal_(network.output_layer.weight)
    network(torch.randn(8, d), torch.rand(8)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_construction_is_inert():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    model = DDPM(DDPMConfig())
    assert vars(model) == {"config": DDPMConfig()}
    assert torch.equal(state, torch.get_rng_state())


def test_same_seed_same_samples_and_a_second_fit_starts_afresh():
    config, rows = DDPMConfig(width=16, batch=64, sampling_steps=5), torch.randn(200, 2)
    model = trained(config, torch.randn(100, 3) + 5, 5)
    torch.manual_seed(0)
    model.fit(TrainingData(rows), Run(Budget(20, "steps")))
    fresh = trained(config, rows, 20)
    for m in (model, fresh):
        torch.manual_seed(3)
        m.drawn = m.sample(10)
        m.dense = m.log_prob(rows)
    assert torch.equal(model.drawn, fresh.drawn)
    assert torch.equal(model.dense, fresh.dense)


@pytest.mark.slow
def test_learned_beats_untrained_and_knows_two_modes():
    torch.manual_seed(0)
    rows = torch.randn(2000, 1) * 0.1 + torch.randint(0, 2, (2000, 1)) * 2 - 1
    config = DDPMConfig(width=32, batch=256, sampling_steps=50)
    untrained, learned = trained(config, rows, 1), trained(config, rows, 800)
    assert learned.log_prob(rows).mean() > untrained.log_prob(rows).mean() + 0.5
    samples = learned.sample(2000)
    assert (samples.abs() - 1).abs().lt(0.3).float().mean() > 0.95
    assert (samples > 0).float().mean().item() == pytest.approx(0.5, abs=0.08)
    modes = [torch.distributions.Normal(m, 0.1).log_prob(rows) for m in (-1.0, 1.0)]
    truth = (torch.stack(modes).logsumexp(0) - math.log(2)).mean()
    learned.config = replace(config, likelihood="ode")
    assert truth - 0.15 < learned.log_prob(rows).mean() < truth + 0.05
    learned.config = replace(config, bound_terms=1000)
    assert learned.log_prob(rows).mean() < truth + 0.03


@pytest.mark.slow
def test_unet_learns_images():
    torch.manual_seed(0)
    rows = torch.randint(0, 2, (500, 1, 1, 1)) * 1.4 - 0.7 + 0.05 * torch.randn(500, 1, 8, 8)
    config = DDPMConfig(width=8, batch=32, sampling_steps=20)
    untrained, learned = trained(config, rows, 1), trained(config, rows, 250)
    assert learned.log_prob(rows).mean() > untrained.log_prob(rows).mean() + 10

    def off(samples):
        return (samples.mean((1, 2, 3)).abs() - 0.7).abs().mean()

    assert off(learned.sample(100)) < 0.5 * off(untrained.sample(100))


# --------------------------------------------------------------------------------------------------- the declaration


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timesteps": 1}, r"timesteps must be in \[2, inf\), got 1"),
        ({"ema": 1.0}, r"ema must be in \[0.0, 1.0\), got 1.0"),
        ({"learning_rate": 0.0}, r"learning_rate must be in \(0.0, inf\), got 0.0"),
        ({"sampler": "heun"}, "sampler must be one of .*, got 'heun'"),
        ({"likelihood": "exact"}, "likelihood must be one of"),
        ({"bound_terms": -1}, "bound_terms must be in"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        DDPMConfig(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_min": 30.0}, r"sigma_min must be in \(0.0, sigma_max\), got 30.0 with sigma_max=20.0"),
        ({"sigma_min": 0.0}, "sigma_min must be in"),
        ({"rho": 0.0}, r"rho must be in \(0.0, inf\), got 0.0"),
        ({"noise_std": -1.0}, "noise_std must be in"),
        ({"noise_mean": math.nan}, "noise_mean must be finite, got nan"),
        ({"sampling_steps": 0}, r"sampling_steps must be in \[1, inf\), got 0"),
        ({"network": "mlp"}, "network must be one of .*, got 'mlp'"),
        ({"learning_rate": math.inf}, "learning_rate must be in"),
        ({"ema": 1.0}, "ema must be in"),
    ],
)
def test_options_of_edm_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        EDMConfig(**options)


def test_samples_before_fit_are_refused():
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        EDM(EDMConfig()).sample(1)


def test_a_unet_needs_images():
    with pytest.raises(ValueError, match="network=unet needs images"):
        trained(DDPMConfig(network="unet"), torch.randn(10, 2), 1)


def test_the_kind_of_density_follows_the_option():
    spec, edm = genbench_register()
    assert edm.density_of(EDMConfig()) == "estimate"
    assert spec.density_of(DDPMConfig()) == spec.density == "bound"
    assert spec.density_of(DDPMConfig(likelihood="sampled")) == "bound"
    assert spec.density_of(DDPMConfig(likelihood="ode")) == "estimate"


def test_declaring_is_light():
    code = "import sys, genbench_diffusion as p; p.genbench_register(); print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
