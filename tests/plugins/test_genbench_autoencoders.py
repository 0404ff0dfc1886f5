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
from genbench_autoencoders import AEConfig, DAEConfig, VAEConfig, genbench_register
from genbench_autoencoders.ae import AE
from genbench_autoencoders.conditional_mixture import ConditionalMixture
from genbench_autoencoders.dae import DAE
from genbench_autoencoders.likelihoods import Categorical, Gaussian, LogisticMixture, likelihood_for
from genbench_autoencoders.mixture import Mixture
from genbench_autoencoders.vae import VAE, Network

SMALL = {"width": 16, "batch": 16}
SHAPES = [(1,), (2,), (16,), (1, 1, 1), (1, 8, 8), (3, 16, 16), (1, 7, 9)]
MODELS = {"ae": (AE, AEConfig), "vae": (VAE, VAEConfig)}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=MODELS)
def make(request):
    model, config = MODELS[request.param]
    return lambda **options: model(config(**{**SMALL, **options}))


def vae(**options):
    return VAE(VAEConfig(**{**SMALL, **options}))


LABEL = (Column("label", kind="category", levels=("a", "b", "c")),)
NUMBER = (Column("theta"),)


def fitted(model, rows, steps, *, levels=None, seed=0, given=None, columns=()):
    torch.manual_seed(seed)
    data = TrainingData(rows, levels, None, given, columns)
    model.fit(data, Run(Budget(steps, "steps"), levels=levels))
    return model


def rows_of(shape, n=80):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(7)) * 2 - 1


def two_moons(n, seed):
    torch.manual_seed(seed)
    angle, side = math.pi * torch.rand(n), torch.randint(2, (n,)) * 2.0 - 1
    rows = torch.stack([side * (angle.cos() - 0.5), side * (angle.sin() - 0.25)], 1) + 0.1 * torch.randn(n, 2)
    return rows / torch.tensor([0.87, 0.5])


def energy_distance(x, y):
    def mean(a, b):
        return torch.cdist(a, b).mean()

    return float(2 * mean(x, y) - mean(x, x) - mean(y, y))


# ----------------------------------------------------------------------------------------------------- the contract


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("levels", [None, 4, 256], ids=["continuous", "categorical", "logistic"])
def test_shapes(make, shape, levels):
    if levels and len(shape) == 1:
        pytest.skip("only images have grey levels")
    rows = rows_of(shape)
    model = fitted(make(), rows, 3, levels=levels)
    codes = model.encode(rows)
    assert codes.shape == (len(rows), min(math.prod(shape), 16))
    for x in (model.sample(5), model.decode(codes[:5]), model.reconstruct(rows[:5])):
        assert x.shape == (5, *shape)
        assert x.isfinite().all()
        assert not x.requires_grad
    if levels:
        assert model.sample(50).abs().max() <= 1
    if isinstance(model, VAE):
        assert model.log_prob(rows[:5]).shape == (5,)
        assert model.log_prob(rows[:5]).isfinite().all()


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_handful_of_rows_is_enough_to_run(make, n):
    assert fitted(make(), rows_of((3,), n), 3).sample(4).shape == (4, 3)


def test_a_constant_column_does_not_break(make):
    rows = rows_of((2,))
    rows[:, 1] = 0
    assert fitted(make(), rows, 20).sample(10).isfinite().all()


def test_construction_is_inert(make):
    state = torch.random.get_rng_state()
    model = make()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert list(vars(model)) == ["config"]


def test_declarations_import_nothing_heavy():
    code = "import sys, genbench_autoencoders; sys.exit(bool({'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_targets_and_capabilities_exist():
    for spec in genbench_register():
        model, config = {**MODELS, "dae": (DAE, DAEConfig)}[spec.name]
        assert spec.target.endswith(f":{model.__name__}")
        assert spec.config is config
        assert all(callable(getattr(model, name)) for name in spec.capabilities)
        assert (spec.density == "bound") == hasattr(model, "log_prob")


def test_same_seed_same_samples(make):
    rows = rows_of((2,))
    first, second = (fitted(make(), rows, 10).sample(20) for _ in range(2))
    assert torch.equal(first, second)


def test_second_fit_starts_afresh(make):
    rows = rows_of((2,))
    model = fitted(make(), rows_of((3,)), 5)
    assert torch.equal(fitted(model, rows, 10).sample(20), fitted(make(), rows, 10).sample(20))


def test_parameters_are_the_learned_tensors(make):
    model = fitted(make(latent=2), rows_of((2,)), 3)
    layers = (2 * 16 + 16) + 3 * (16 * 16 + 16)  # of either network, up to its last
    outputs = 2 if isinstance(model, AE) else 4
    sigma = 0 if isinstance(model, AE) else 2
    expected = 2 * layers + (16 * outputs + outputs) + (16 * 2 + 2) + sigma
    assert sum(p.numel() for p in model.parameters()) == expected


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (VAEConfig, {"beta": 0.0}, r"beta must be in \(0.0, inf\), got 0.0"),
        (VAEConfig, {"beta": math.nan}, r"beta must be in \(0.0, inf\), got nan"),
        (VAEConfig, {"sigma": -1.0}, r"sigma must be in \(0.0, inf\), got -1.0"),
        (VAEConfig, {"k": 0}, r"k must be in \[1, inf\), got 0"),
        (VAEConfig, {"prior": "flat"}, "prior must be 'mixture' or 'normal', got 'flat'"),
        (VAEConfig, {"likelihood": "exact"}, "likelihood must be 'iwae' or 'elbo', got 'exact'"),
        (VAEConfig, {"latent": 0}, r"latent must be in \[1, inf\), got 0"),
        (AEConfig, {"latent": -2}, r"latent must be in \[1, inf\), got -2"),
        (AEConfig, {"width": 4}, r"width must be in \[8, inf\), got 4"),
        (AEConfig, {"batch": 0}, r"batch must be in \[1, inf\), got 0"),
        (AEConfig, {"lr": math.inf}, r"lr must be in \(0.0, inf\), got inf"),
    ],
)
def test_options_out_of_range_are_refused(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


# --------------------------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("levels", [None, 4, 256])
def test_gradient_reaches_every_parameter(levels):
    shape = (3,) if levels is None else (1, 8, 8)
    rows = rows_of(shape)
    network = Network(VAEConfig(**SMALL), TrainingData(rows, levels))
    log_likelihood, kl = network(rows)
    (kl - log_likelihood).mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_learns_two_moons(make):
    rows, fresh = two_moons(2000, 1), two_moons(1000, 2)
    untrained, trained = (fitted(make(width=64, batch=64), rows, steps).sample(1000) for steps in (1, 300))
    distance = energy_distance(trained, fresh)
    assert distance < 0.02  # real rows have 0.012, a Gaussian of the same covariance 0.035
    assert distance < energy_distance(untrained, fresh)


@pytest.mark.slow
def test_vae_bound_tightens_with_training_on_grey_images():
    torch.manual_seed(0)
    bright = torch.randint(2, (600, 1, 1, 1))
    levels = (bright * 2 + torch.randint(2, (600, 1, 8, 8))).float()  # dark or bright, four levels
    rows = (levels + 0.5) / 2 - 1
    model = fitted(vae(width=32, latent=2), rows, 400, levels=4)
    truth = -math.log(2) - 64 * math.log(2) - 64 * math.log(0.5)  # which of two, then one of two levels, each 0.5 wide
    assert truth - 1.0 < float(model.log_prob(rows).mean()) < truth + 0.5
    brightness = (model.sample(500) > 0).float().mean((1, 2, 3))
    assert ((brightness < 0.05) | (brightness > 0.95)).float().mean() > 0.9
    assert 0.35 < (brightness > 0.5).float().mean() < 0.65


def test_weights_are_those_that_held_out_rows_prefer():
    rows, fresh = torch.randn(60, 8, generator=torch.Generator().manual_seed(0)), torch.randn(500, 8)
    model = fitted(vae(width=64), rows, 800)
    residual = (model.reconstruct(fresh) - fresh).square().mean().sqrt()
    assert model.network.likelihood.log_sigma.exp().mean() > 0.3 * residual  # sixty rows learned by heart give 0.02


def test_beta_shrinks_what_the_code_carries():
    rows = two_moons(1000, 1)
    kl = [fitted(vae(beta=beta), rows, 200).network(rows)[1].mean() for beta in (0.1, 10.0)]
    assert kl[1] < kl[0]


# -------------------------------------------------------------------------------------------------------- the bound


@pytest.fixture(scope="module")
def on_gaussian():
    torch.set_num_threads(1)
    factor = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    model = fitted(vae(width=64, batch=64), torch.randn(4000, 2) @ factor.T, 600)
    return model, torch.distributions.MultivariateNormal(torch.zeros(2), scale_tril=factor)


@pytest.mark.parametrize("likelihood", ["elbo", "iwae"])
@pytest.mark.parametrize("prior", ["mixture", "normal"])
def test_bound_stays_below_the_entropy_of_the_data(on_gaussian, likelihood, prior):
    model, truth = on_gaussian
    torch.manual_seed(3)
    x = truth.sample((2000,))
    bounded = VAE(replace(model.config, likelihood=likelihood))
    bounded.network, bounded.latent = model.network, model.latent
    bounded.mixture = model.mixture if prior == "mixture" else None
    excess = bounded.log_prob(x) - truth.log_prob(x)  # its mean is minus the divergence of model from data, or less
    assert excess.mean() < 3 * excess.std() / math.sqrt(len(x))
    if (prior, likelihood) == ("mixture", "iwae"):
        assert excess.mean() > -0.3


@pytest.mark.parametrize("prior", ["mixture", "normal"])
def test_bound_is_of_the_density_that_samples_come_from(prior):
    torch.manual_seed(0)
    rows = torch.cat([torch.randn(500, 1) * 0.2 - 1, torch.randn(500, 1) * 0.2 + 1])
    model = fitted(vae(width=32, batch=64, sigma=0.1, prior=prior), rows, 300)
    z = torch.linspace(-12, 12, 8001)[:, None]
    log_prior = model.mixture.log_prob(z) if model.mixture else torch.distributions.Normal(0, 1).log_prob(z)[:, 0]
    x = torch.linspace(-4, 4, 401)[:, None]
    decoded, sigma = model.network.decoder(z)[:, 0], model.network.likelihood.log_sigma.exp()
    log_joint = log_prior[:, None] + torch.distributions.Normal(decoded[:, None], sigma).log_prob(x[:, 0])  # (z, x)
    exact = torch.logsumexp(log_joint, 0) + math.log(24 / 8000)  # (401,): the integral over z
    assert float(exact.exp().sum() * 8 / 400) == pytest.approx(1, abs=0.01)
    sampled = model.sample(20_000)[:, 0]
    below = torch.cumsum(exact.exp(), 0) * 8 / 400
    empirical = (sampled[:, None] <= x[:, 0]).float().mean(0)
    assert (empirical - below).abs().max() < 0.03
    likely = exact > -4  # elsewhere the mean of the weights rests on rare draws
    for likelihood, tightest in [("elbo", 3.0), ("iwae", 0.1)]:
        model.config = replace(model.config, likelihood=likelihood, k=1000)
        gap = (exact - model.log_prob(x))[likely]
        assert gap.mean() > -0.01
        assert gap.mean() < tightest


def test_iwae_is_no_lower_than_elbo(on_gaussian):
    model, truth = on_gaussian
    x = truth.sample((500,))
    values = []
    for likelihood, k in [("elbo", 64), ("iwae", 4), ("iwae", 64)]:
        model.config = replace(model.config, likelihood=likelihood, k=k)
        values.append(float(model.log_prob(x).mean()))
    model.config = replace(model.config, likelihood="iwae", k=None)
    assert values[0] < values[1] + 0.01
    assert values[1] < values[2] + 0.01


def test_one_draw_makes_both_bounds_the_same(on_gaussian):
    model, truth = on_gaussian
    x, values = truth.sample((50,)), []
    for likelihood in ("elbo", "iwae"):
        bounded = VAE(replace(model.config, likelihood=likelihood, k=1))
        bounded.network, bounded.mixture = model.network, model.mixture
        torch.manual_seed(1)
        values.append(bounded.log_prob(x))
    torch.testing.assert_close(values[0], values[1])


# ------------------------------------------------------------------------------------------------------ the decoders


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_probabilities_of_all_levels_sum_to_one(levels):
    likelihood = likelihood_for((1, 1, 1), levels, 0.1)
    assert isinstance(likelihood, Categorical if levels <= 32 else LogisticMixture)
    torch.manual_seed(0)
    decoded = 3 * torch.randn(1, likelihood.outputs, 1, 1).expand(levels, -1, -1, -1)
    x = likelihood.centre(torch.arange(levels)).view(-1, 1, 1, 1)
    mass = likelihood.log_prob(decoded, x).exp() * 2 / levels
    assert float(mass.sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("levels", [3, 64])
def test_samples_follow_the_probabilities(levels):
    likelihood = likelihood_for((1, 1, 1), levels, 0.1)
    torch.manual_seed(0)
    decoded = torch.randn(1, likelihood.outputs, 1, 1)
    x = likelihood.centre(torch.arange(levels)).view(-1, 1, 1, 1)
    mass = likelihood.log_prob(decoded.expand(levels, -1, -1, -1), x).exp() * 2 / levels
    drawn = likelihood.sample(decoded.expand(50_000, -1, -1, -1))
    counted = likelihood.level(drawn).flatten().bincount(minlength=levels) / 50_000
    assert (counted - mass).abs().max() < 0.012
    fraction = (drawn + 1) * levels / 2 % 1  # the dequantisation noise
    assert abs(float(fraction.mean()) - 0.5) < 0.01


def test_density_does_not_see_dequantisation_noise():
    rows = rows_of((1, 4, 4), 40)
    model = fitted(vae(), rows, 3, levels=8)
    likelihood = model.network.likelihood
    torch.manual_seed(0)
    noisy = model.log_prob(rows)
    torch.manual_seed(0)
    torch.testing.assert_close(noisy, model.log_prob(likelihood.encoder_input(rows)))


def test_logistic_mixture_is_finite_at_both_ends():
    likelihood = LogisticMixture(256)
    decoded = torch.full((2, likelihood.outputs, 1, 1), -30.0, requires_grad=True)
    value = likelihood.log_prob(decoded, torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
    value.sum().backward()
    assert value.isfinite().all()
    assert decoded.grad.isfinite().all()


def test_sigma_is_set_to_the_residuals():
    likelihood, torch_seed = Gaussian((2,), 0.05), torch.manual_seed(0)
    decoded = torch.randn(5000, 2, generator=torch_seed)
    likelihood.calibrate(decoded, decoded + torch.tensor([0.1, 2.0]) * torch.randn(5000, 2))
    torch.testing.assert_close(likelihood.log_sigma.exp(), torch.tensor([0.1, 2.0]), rtol=0.05, atol=0)


# ------------------------------------------------------------------------------------------------------- the mixture


def test_mixture_density_is_that_of_its_samples():
    torch.manual_seed(0)
    codes = torch.cat([torch.randn(500, 2) * 0.3 - 2, torch.randn(500, 2) + 2])[torch.randperm(1000)]
    mixture = Mixture(codes[:900], codes[900:])
    assert len(mixture.weights) >= 2
    parts = torch.distributions.MultivariateNormal(mixture.means, scale_tril=mixture.scale)
    expected = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(mixture.weights), parts)
    torch.testing.assert_close(mixture.log_prob(codes), expected.log_prob(codes), rtol=1e-4, atol=1e-4)
    drawn = mixture.sample(5000)
    assert energy_distance(drawn[:2000], codes) < 0.02
    assert mixture.log_prob(drawn.view(50, 100, 2)).shape == (50, 100)


def test_mixture_finds_separate_clusters():
    torch.manual_seed(0)
    centres = torch.tensor([[-3.0, 0], [3, 0], [0, 3], [0, -3]])
    codes = centres[torch.randint(4, (2000,))] + 0.1 * torch.randn(2000, 2)
    drawn = Mixture(codes[:1800], codes[1800:]).sample(1000)
    assert (torch.cdist(drawn, centres).min(1).values < 0.5).all()


# ------------------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (3, 7, 9)], ids=str)
@pytest.mark.parametrize("columns", [LABEL, NUMBER, LABEL + NUMBER], ids=["label", "number", "both"])
@pytest.mark.parametrize("prior", ["mixture", "normal"])
def test_conditions_of_any_kind_are_taken(shape, columns, prior):
    values = {"label": torch.arange(80.0) % 3, "theta": torch.linspace(-1, 1, 80)}
    given = torch.stack([values[column.name] for column in columns], 1)
    rows = rows_of(shape)
    model = fitted(vae(prior=prior), rows, 3, given=given, columns=columns)
    assert isinstance(model.mixture, ConditionalMixture) == (prior == "mixture")
    x = model.sample(5, given[:5])
    assert x.shape == (5, *shape)
    assert x.isfinite().all()
    assert model.log_prob(rows[:5], given[:5]).isfinite().all()
    codes = model.encode(rows, given)
    torch.testing.assert_close(model.reconstruct(rows, given), model.decode(codes, given))
    assert model.decode(codes, given).shape == rows.shape
    assert (model.decode(codes, given.flip(0)) != model.decode(codes, given)).any()


@pytest.fixture(scope="module")
def by_class():
    """A model of one column whose three classes have means -1, 0, 1 and two modes each."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    label = torch.randint(3, (3000, 1)).float()
    rows = label - 1 + (torch.randint(2, (3000, 1)) * 2 - 1) * 0.25 + 0.08 * torch.randn(3000, 1)
    return fitted(vae(width=32, batch=64, sigma=0.1), rows, 500, given=label, columns=LABEL)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_bound_given_a_class_is_of_the_density_that_its_samples_come_from(by_class, label):
    c = torch.nn.functional.one_hot(torch.tensor([label]), 3).float()
    z = torch.linspace(-10, 10, 4001)[:, None]
    x = torch.linspace(-4, 4, 801)[:, None]
    log_prior = by_class.mixture.log_prob(z, torch.full((4001, 1), float(label)))
    decoded, sigma = by_class.network.decoded(z, c.expand(4001, 3)), by_class.network.likelihood.log_sigma.exp()
    log_joint = log_prior[:, None] + torch.distributions.Normal(decoded, sigma).log_prob(x[:, 0])  # (z, x)
    exact = torch.logsumexp(log_joint, 0) + math.log(20 / 4000)
    assert float(exact.exp().sum() * 8 / 800) == pytest.approx(1, abs=0.01)
    below = torch.cumsum(exact.exp(), 0) * 8 / 800
    given = torch.full((10_000, 1), float(label))
    empirical = (by_class.sample(10_000, given)[:, 0][:, None] <= x[:, 0]).float().mean(0)
    assert (empirical - below).abs().max() < 0.03
    likely = exact > -2  # elsewhere the mean of the weights rests on rare draws
    gap = (exact - by_class.log_prob(x, given[:801]))[likely]
    assert -0.03 < gap.mean() < 0.2


def test_samples_follow_their_class(by_class):
    label = torch.arange(3.0).repeat(500)[:, None]
    assert ((by_class.sample(1500, label) + 1).round() == label).float().mean() > 0.95


def test_bound_given_conditions_stays_below_the_truth():
    torch.manual_seed(0)
    c = torch.randn(4000, 1)
    rows = torch.cat([c, -c], 1) + torch.tensor([0.3, 0.6]) * torch.randn(4000, 2)
    model = fitted(vae(width=64, batch=64), rows[:3000], 600, given=c[:3000], columns=NUMBER)
    x, c = rows[3000:], c[3000:]
    truth = torch.distributions.Normal(torch.cat([c, -c], 1), torch.tensor([0.3, 0.6])).log_prob(x).sum(1)
    excess = model.log_prob(x, c) - truth
    assert excess.mean() < 3 * excess.std() / math.sqrt(len(x))
    assert excess.mean() > -0.3


def test_a_mixture_given_a_class_has_the_density_and_the_samples_of_that_class():
    torch.manual_seed(0)
    classes = (torch.arange(1200.0) % 3)[:, None]
    codes = torch.randn(1200, 2) * 0.2 + classes * torch.tensor([1.0, -1.0])
    levels = (Column("label", kind="category", levels=("a", "b", "c", "d")),)
    mixture = ConditionalMixture(codes[:900], classes[:900], (codes[900:], classes[900:]), levels)
    z = torch.randn(7, 8, 2)
    of = torch.tensor([0.0, 1, 2, 3, 0, 1, 2, 3])[:, None]
    found = mixture.log_prob(z, of)
    for i, label in enumerate(of[:, 0].int()):
        torch.testing.assert_close(found[:, i], mixture.mixtures[label].log_prob(z[:, i]))
    drawn = mixture.sample(classes)
    for label in range(3):
        rows = classes[:, 0] == label
        torch.testing.assert_close(drawn[rows].mean(0), codes[rows].mean(0), atol=0.05, rtol=0)
    assert mixture.sample(torch.full((600, 1), 3.0)).std(0).mean() > 0.7  # a class without codes has the mixture of all


@pytest.mark.parametrize("u", [-1.5, 0.0, 2.0])
def test_a_mixture_given_a_number_has_the_conditional_density(u):
    torch.manual_seed(0)
    number = torch.randn(4000, 1)
    codes = torch.cat([number, -number], 1) + torch.tensor([0.3, 0.6]) * torch.randn(4000, 2)
    mixture = ConditionalMixture(codes[:3600], number[:3600], (codes[3600:], number[3600:]), NUMBER)
    side = torch.arange(-4, 4.05, 0.05)
    z = torch.tensor([u, -u]) + torch.cartesian_prod(side, side)
    p = mixture.log_prob(z, torch.full((len(z), 1), u)).exp() * 0.05**2
    assert float(p.sum()) == pytest.approx(1, abs=0.01)
    drawn = mixture.sample(torch.full((4000, 1), u))
    for mean, spread in [((p[:, None] * z).sum(0), None), (drawn.mean(0), drawn.std(0))]:
        torch.testing.assert_close(mean, torch.tensor([u, -u]), atol=0.15, rtol=0)
        if spread is not None:
            torch.testing.assert_close(spread, torch.tensor([0.3, 0.6]), atol=0, rtol=0.1)


@pytest.mark.slow
def test_learns_images_of_classes():
    torch.manual_seed(0)
    label = torch.randint(3, (900, 1))
    bright = torch.arange(8).view(1, 1, 1, 8) // 3 == label.view(-1, 1, 1, 1)  # three bands
    rows = (bright.expand(-1, 1, 8, 8) * 2 + torch.randint(2, (900, 1, 8, 8)) + 0.5) / 2 - 1
    model = fitted(vae(width=32), rows, 300, levels=4, given=label.float(), columns=LABEL)
    asked = torch.arange(3).repeat(100)
    x = model.sample(300, asked[:, None].float())
    bands = torch.stack([x[..., 3 * i : 3 * i + 3].mean((1, 2, 3)) for i in range(3)], 1)
    assert (bands.argmax(1) == asked).float().mean() > 0.95
    each = torch.stack([model.log_prob(rows[:200], torch.full((200, 1), float(k))) for k in range(3)], 1)
    assert (each.argmax(1) == label[:200, 0]).float().mean() > 0.95
