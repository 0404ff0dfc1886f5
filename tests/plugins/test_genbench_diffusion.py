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
from genbench.training.run import Run
from genbench_diffusion import DDPMConfig, genbench_register
from genbench_diffusion.chain import Chain
from genbench_diffusion.ddpm import DDPM
from genbench_diffusion.likelihood import flow_log_prob, variational_bound
from genbench_diffusion.networks import Perceptron, UNet
from genbench_diffusion.schedule import betas

SHAPES = [(1,), (2,), (16,), (1, 8, 8), (3, 16, 16)]
CPU = torch.device("cpu")


def trained(config, rows, steps, levels=None, seed=0):
    torch.manual_seed(seed)
    model = DDPM(config)
    model.fit(TrainingData(rows, levels), Run(Budget(steps, "steps"), levels=levels))
    return model


class GaussianFlow(torch.nn.Module):
    """F(x, φ) = E[α ε - σ x_0 | x] for x_0 ~ N(mean, diag(std²)): what a perfect network would say."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.square = mean, std**2

    def forward(self, x, angle):
        alpha, sigma = angle.cos()[:, None], angle.sin()[:, None]
        white = (x - alpha * self.mean) / (alpha**2 * self.square + sigma**2)
        return alpha * sigma * white - sigma * (self.mean + alpha * self.square * white)


def perfect(mean, std, **options):
    """Return a model of N(mean, diag(std²)) with the exact score and the exact γ, and its log-density."""
    mean, std = torch.tensor(mean), torch.tensor(std)
    model = DDPM(DDPMConfig(**options))
    model.shape, model.network = mean.shape, GaussianFlow(mean, std)
    model.chain = Chain("cosine", model.config.timesteps, CPU)
    alpha, sigma = model.chain.alpha[:, None], model.chain.sigma[:, None]
    model.gamma = (alpha**2 * std**2 / (alpha**2 * std**2 + sigma**2)).mean(1)
    return model, torch.distributions.Independent(torch.distributions.Normal(mean, std), 1)


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


def test_hutchinson_agrees_with_the_exact_trace():
    torch.manual_seed(0)
    network = Perceptron((4,), 32)
    torch.nn.init.normal_(network.output_layer.weight, std=0.1)
    x = torch.randn(3, 4)
    exact = flow_log_prob(network, x, 1.5, 10)
    estimate = flow_log_prob(network, x.repeat_interleave(1000, 0), 1.5, 10, probes=1).view(3, 1000)
    assert (abs(estimate.mean(1) - exact) < 4 * estimate.std(1) / 1000**0.5).all()
    assert (estimate.std(1) > 0).all()


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


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (17, 30), (28, 28), (32, 32)], ids=str)
def test_unet_takes_any_size_and_every_weight_learns(size):
    torch.manual_seed(0)
    network = UNet((2, *size), 8)
    torch.nn.init.normal_(network.output_layer.weight)
    for block in (network.fine, *network.coarse, network.join):
        torch.nn.init.normal_(block.second[2].weight, std=0.1)
    x = torch.randn(3, 2, *size)
    out = network(x, torch.rand(3))
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


def test_a_unet_needs_images():
    with pytest.raises(ValueError, match="network=unet needs images"):
        trained(DDPMConfig(network="unet"), torch.randn(10, 2), 1)


def test_the_kind_of_density_follows_the_option():
    (spec,) = genbench_register()
    assert spec.density_of(DDPMConfig()) == spec.density == "bound"
    assert spec.density_of(DDPMConfig(likelihood="sampled")) == "bound"
    assert spec.density_of(DDPMConfig(likelihood="ode")) == "estimate"


def test_declaring_is_light():
    code = "import sys, genbench_diffusion as p; p.genbench_register(); print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
