import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import Column
from genbench.training.run import Run
from genbench_gans import GANConfig, WGANConfig, WGANGPConfig, genbench_register
from genbench_gans.gan import GAN, discriminator_loss, generator_loss, r1_penalty
from genbench_gans.networks import MLP, ConvGenerator, discriminator, draw, evaluate, generator
from genbench_gans.optim import Adam, RMSprop
from genbench_gans.penalty import critic_gradients, gradient_penalty, input_gradient
from genbench_gans.wgan import WGAN, clip
from genbench_gans.wgan_gp import WGANGP, critic_loss, critic_step, mini_batches

SMALL = {"width": 16, "depth": 2, "channels": 4, "batch": 16}
SHAPES = [(1,), (2,), (16,), (1, 8, 8), (3, 16, 16), (1, 7, 7)]
MODELS = [(GAN, GANConfig), (WGAN, WGANConfig), (WGANGP, WGANGPConfig)]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=MODELS, ids=["gan", "wgan", "wgan_gp"])
def make(request):
    model, config = request.param
    return lambda **options: model(config(**{**SMALL, **options}))


LABEL = (Column("label", kind="category", levels=("a", "b", "c")),)
NUMBER = (Column("theta"),)


def fitted(model, rows, steps, seed=0, given=None, columns=()):
    torch.manual_seed(seed)
    model.fit(TrainingData(rows, None, None, given, columns), Run(Budget(steps, "steps")))
    return model


def rows_of(shape, n=64):
    torch.manual_seed(7)
    return torch.rand(n, *shape) * 2 - 1


def energy_distance(x, y):
    def mean(a, b):
        return torch.cdist(a, b).mean()

    return float(2 * mean(x, y) - mean(x, x) - mean(y, y))


# ----------------------------------------------------------------------------------------------------- the contract


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_samples_have_the_shape_of_the_data(make, shape):
    model = fitted(make(), rows_of(shape), 3)
    for n in (1, 5, 0):
        samples = model.sample(n)
        assert samples.shape == (n, *shape)
        assert samples.dtype == torch.float32
        assert not samples.requires_grad
        assert samples.isfinite().all()
        assert len(shape) == 1 or samples.abs().max() <= 1 if n else True
    assert all(p.isfinite().all() for p in model.parameters())


def test_construction_is_inert(make):
    state = torch.get_rng_state()
    model = make()
    assert torch.equal(torch.get_rng_state(), state)
    assert list(vars(model)) == ["config"]


def test_package_is_light():
    code = "import sys, genbench_gans; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_specs_declare_no_density():
    specs = {spec.name: spec for spec in genbench_register()}
    assert set(specs) == {"gan", "wgan", "wgan_gp"}
    assert {spec.density for spec in specs.values()} == {"none"}
    assert all(spec.steps_for(kind) > 0 for spec in specs.values() for kind in ("vector", "image"))


def test_same_seed_same_samples(make):
    first, again, other = (fitted(make(), rows_of((2,)), 8, seed).sample(10) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_second_fit_starts_afresh(make):
    model = make()
    fitted(model, rows_of((3,)), 12)
    again = fitted(model, rows_of((2,)), 8).sample(10)
    assert torch.equal(again, fitted(make(), rows_of((2,)), 8).sample(10))


def test_parameters_are_those_of_both_networks(make):
    model = fitted(make(), rows_of((2,)), 2)
    mlp = (2 * 16 + 16) + (16 * 16 + 16)
    learned = mlp + (17 if isinstance(model, GAN) else 16)  # a constant added to a critic cancels in every loss
    assert sum(p.numel() for p in model.parameters()) == (mlp + 17 * 2) + learned


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
@pytest.mark.parametrize("options", [{}, {"r1": 1.0, "instance_noise": 0.5}], ids=["default", "regularised"])
def test_training_moves_every_parameter(make, shape, options):
    model = make()
    if options and not isinstance(model, GAN):
        pytest.skip("options of the GAN")
    if isinstance(model, WGAN):
        options = {"clip": 1.0}  # or weights are at ±c after one step, and may still be there after the last
    model = make(**options)
    before = fitted(model, rows_of(shape), 1)
    start = [p.detach().clone() for p in before.parameters()]
    after = fitted(model, rows_of(shape), 30)
    assert not [tuple(p.shape) for p, q in zip(after.parameters(), start, strict=True) if torch.equal(p, q)]


def test_few_rows_are_enough(make):
    assert fitted(make(batch=256), rows_of((2,), 3), 3).sample(4).isfinite().all()


def test_latent_size_is_an_option(make):
    model = fitted(make(latent=5), rows_of((2,)), 2)
    assert next(iter(model.parameters())).shape == (16, 5)


@pytest.mark.parametrize("config", [GANConfig, WGANConfig, WGANGPConfig])
@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("width", 0, "[1, inf)"),
        ("latent", -1, "[0, inf)"),
        ("batch", -1, "[0, inf)"),
        ("learning_rate", -1.0, "[0.0, inf)"),
        ("learning_rate", math.nan, "[0.0, inf)"),
        ("flat", 1.0, "[0.0, 1.0)"),
        ("average", 1.0, "[0.0, 1.0)"),
        ("r1", -1.0, "[0.0, inf)"),
        ("instance_noise", math.inf, "[0.0, inf)"),
        ("penalty", -0.1, "[0.0, inf)"),
        ("critic_steps", 0, "[1, inf)"),
        ("clip", -0.01, "[0.0, inf)"),
    ],
)
def test_options_out_of_range_are_refused(config, option, value, allowed):
    if option not in config.__dataclass_fields__:
        pytest.skip(f"{config.__name__} has no {option}")
    with pytest.raises(ValueError) as error:
        config(**{option: value})
    assert str(error.value) == f"{option} must be in {allowed}, got {value}"


@pytest.mark.parametrize("config", [WGANConfig, WGANGPConfig])
def test_a_wgan_has_no_learning_rate_to_pick(config):
    with pytest.raises(ValueError, match=r"learning_rate must be in \(0.0, inf\), got 0.0"):
        config(learning_rate=0.0)


def test_weights_are_not_clipped_to_nothing():
    with pytest.raises(ValueError, match=r"clip must be in \(0.0, inf\), got 0.0"):
        WGANConfig(clip=0.0)


# ---------------------------------------------------------------------------------------------------- the mathematics


class Linear(nn.Module):
    """f(x) = <w, x>, whose gradient is w everywhere."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        return (x * self.weight).flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 5, 5)], ids=str)
def test_penalties_of_a_linear_network_are_known(shape):
    weight = torch.randn(shape)
    network, x = Linear(weight), torch.randn(9, *shape)
    norm = float(weight.norm())
    assert gradient_penalty(network, x).item() == pytest.approx((norm - 1) ** 2, rel=1e-5)
    assert r1_penalty(network, x).item() == pytest.approx(norm**2, rel=1e-5)
    (gradient,) = torch.autograd.grad(gradient_penalty(network, x), [network.weight])
    torch.testing.assert_close(gradient, 2 * (norm - 1) * weight / norm)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("d", [1, 2, 7])
def test_gradients_by_hand_are_those_of_automatic_differentiation(d, depth):
    critic = MLP(d, 1, 12, depth).double()
    real, fake, mixed = torch.randn(3, 20, d, dtype=torch.float64)
    parameters = list(critic.parameters())

    x = mixed.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    torch.testing.assert_close(input_gradient(critic, mixed), by_autograd)

    penalty = (by_autograd.norm(dim=1) - 1).square().mean()
    loss = critic(fake).mean() - critic(real).mean() + 0.3 * penalty
    expected = torch.autograd.grad(loss, parameters, allow_unused=True)
    by_hand, gradients = critic_gradients(critic, real, fake, mixed, 0.3)
    torch.testing.assert_close(by_hand, loss.detach())
    torch.testing.assert_close(critic_loss(critic, real, fake, mixed, 0.3), loss)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient) if other is None else other)


def test_penalty_has_a_finite_gradient_where_the_critic_is_flat():
    critic = MLP(2, 1, 8, 2)
    for p in critic.parameters():
        nn.init.zeros_(p)
    loss, gradients = critic_gradients(critic, *torch.randn(3, 5, 2), 1.0)
    assert float(loss) == 1
    assert all(g.isfinite().all() for g in gradients)


def test_losses_of_the_gan_are_those_of_the_paper():
    real, fake = torch.randn(2, 50, 1)
    expected = -(torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean())
    torch.testing.assert_close(discriminator_loss(real, fake), expected)
    torch.testing.assert_close(generator_loss(fake), -torch.sigmoid(fake).log().mean())
    undecided = torch.zeros(4, 1)
    assert float(discriminator_loss(undecided, undecided)) == pytest.approx(2 * math.log(2))


def test_generator_climbs_towards_what_passes_for_real_and_does_not_saturate():
    logit = torch.tensor([[-20.0], [0.0], [20.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(generator_loss(logit), logit)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0], [-0.5], [0.0]]) / 3)  # -(1 - D) of each


def test_discriminator_and_critic_learn_to_score_data_above_samples():
    real, fake = torch.randn(64, 2) + 2, torch.randn(64, 2) - 2
    for step in ("gan", "critic"):
        network = MLP(2, 1, 16, 2)
        adam = Adam(network, 1e-2, (0.5, 0.9))
        for _ in range(30):
            if step == "gan":
                adam.descend(discriminator_loss(network(real), network(fake)), 1.0)
            else:
                adam.step(critic_gradients(network, real, fake, (real + fake) / 2, 0.1)[1], 1.0)
        assert network(real).mean() > network(fake).mean() + 1


@pytest.mark.parametrize(("n", "count"), [(8, 4), (10, 4), (3, 4), (1, 1)])
def test_mini_batches_hold_every_row_once(n, count):
    rows = torch.arange(n)
    parts = mini_batches(rows, count)
    assert torch.equal(torch.cat(tuple(parts)), rows)
    assert len(parts) == min(n, count)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_step_of_the_critic_uses_every_row_of_its_batch(monkeypatch):
    seen = []
    kept = critic_gradients

    def watch(critic, real, fake, mixed, penalty, given):
        assert given is None
        assert ((mixed - real) * (mixed - fake) <= 1e-6).all()  # between the two
        seen.append(real)
        return kept(critic, real, fake, mixed, penalty)

    monkeypatch.setattr("genbench_gans.wgan_gp.critic_gradients", watch)
    rows = torch.randn(40, 2)
    fitted(WGANGP(WGANGPConfig(**{**SMALL, "batch": 10, "critic_steps": 4})), rows, 1)
    assert [len(part) for part in seen] == [10] * 4
    assert torch.equal(torch.cat(seen).sort(0).values, rows.sort(0).values)


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8)], ids=str)
def test_rows_and_samples_are_mixed_on_the_lines_between_them(shape, monkeypatch):
    """A share of its own for each value would fill the box between a row and a sample, where no line goes."""
    seen = []
    kept = critic_step

    def watch(critic, real, fake, mixed, penalty, given):
        seen.append([part.flatten(1) for part in (real, fake, mixed)])
        return kept(critic, real, fake, mixed, penalty, given)

    monkeypatch.setattr("genbench_gans.wgan_gp.critic_step", watch)
    fitted(WGANGP(WGANGPConfig(**SMALL)), rows_of(shape), 1)
    real, fake, mixed = (torch.cat(parts) for parts in zip(*seen, strict=True))
    line, way = fake - real, mixed - real
    share = (way * line).sum(1, keepdim=True) / line.square().sum(1, keepdim=True)
    torch.testing.assert_close(way, share * line, rtol=0, atol=1e-5)
    assert 0 <= share.min() < 0.25 < 0.75 < share.max() <= 1
    assert len(share.unique()) == len(share)


# --------------------------------------------------------------------------------------------------- weight clipping


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
def test_the_weights_of_the_critic_stay_within_the_clip_and_those_of_the_generator_do_not(shape):
    model = fitted(WGAN(WGANConfig(**SMALL, clip=0.03)), rows_of(shape), 10)
    weights = torch.cat([p.detach().flatten() for p in model.critic.parameters()])
    assert float(weights.abs().max()) == pytest.approx(0.03)
    assert float((weights.abs() > 0.0299).float().mean()) > 0.2  # many are pushed to either end: a simple function
    assert max(float(p.detach().abs().max()) for p in model.generator.parameters()) > 0.05


def test_clipping_leaves_the_weights_within_as_they_are():
    weight = nn.Parameter(torch.tensor([-0.5, -0.1, 0.0, 0.1, 2.0]))
    clip([weight], 0.2)
    torch.testing.assert_close(weight.detach(), torch.tensor([-0.2, -0.1, 0.0, 0.1, 0.2]))


def test_the_slope_of_a_clipped_critic_is_bounded():
    critic = MLP(2, 1, 16, 2)
    clip(list(critic.parameters()), 0.05)
    slopes = input_gradient(critic, torch.randn(500, 2)).detach().norm(dim=1)
    assert float(slopes.max()) <= math.sqrt(2) * 0.05**3 * 16**2  # the sum over all paths, each of three weights


def test_a_step_with_clipped_weights_uses_every_row_of_its_batch(monkeypatch):
    seen = []
    monkeypatch.setattr("genbench_gans.wgan.critic_loss", lambda f, real, fake: seen.append(real) or f(fake).mean())
    rows = torch.randn(40, 2)
    fitted(WGAN(WGANConfig(**{**SMALL, "batch": 10, "critic_steps": 4})), rows, 1)
    assert [len(part) for part in seen] == [10] * 4
    assert torch.equal(torch.cat(seen).sort(0).values, rows.sort(0).values)


# ------------------------------------------------------------------------------------------- networks, rate, average


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (2, 9, 12), (1, 4, 4)], ids=str)
def test_convolutional_pair_fits_any_image(shape):
    images = generator(shape, 6, 0, 0, 4)(torch.randn(3, 6))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    assert discriminator(shape, 8, 0, 4)(images).shape == (3, 1)


def test_draw_is_made_in_blocks():
    class Watched(MLP):
        largest = 0

        def forward(self, x):
            Watched.largest = max(Watched.largest, len(x))
            return super().forward(x)

    assert draw(Watched(2, 1, 4, 1), 2, 40_000).shape == (40_000, 1)
    assert Watched.largest < 20_000


@pytest.mark.parametrize("optimiser", [lambda n: Adam(n, 0.1, (0.5, 0.9)), lambda n: RMSprop(n, 0.1)])
def test_an_optimiser_moves_only_its_network(optimiser):
    one, other = nn.Linear(2, 2), nn.Linear(2, 1)
    before = other.weight.detach().clone()
    start = one.weight.detach().clone()
    optimiser(one).descend(other(one(torch.ones(1, 2))).sum(), 1.0)
    assert torch.equal(other.weight, before)
    assert other.weight.grad is None
    assert not torch.equal(one.weight, start)


# --------------------------------------------------------------------------------------------------------- learning


def ring(n):
    angle = torch.randint(8, (n, 1)) * (math.pi / 4)
    return (torch.cat((angle.cos(), angle.sin()), 1) + 0.05 * torch.randn(n, 2)) * math.sqrt(2)


@pytest.mark.slow
def test_learns(make):
    torch.manual_seed(3)
    train, held_out = ring(4000), ring(2000)
    model = make(width=64, depth=3, batch=64)
    untrained = energy_distance(fitted(model, train, 1).sample(2000), held_out)
    trained = energy_distance(fitted(model, train, 500).sample(2000), held_out)
    assert trained < 0.1 * untrained
    assert trained < 0.05


@pytest.mark.slow
def test_learns_images(make):
    torch.manual_seed(3)

    stripes = torch.tensor([1.0, -1.0]).repeat(4).view(1, 1, 8, 1).expand(1, 1, 8, 8)

    def striped(n):  # one pattern of any brightness, and some noise
        return stripes * torch.rand(n, 1, 1, 1) * 0.9 + 0.03 * torch.randn(n, 1, 8, 8)

    train, held_out = striped(1000), striped(500).flatten(1)
    model = make(channels=8, batch=32, width=64)
    untrained = energy_distance(fitted(model, train, 1).sample(500).flatten(1), held_out)
    trained = energy_distance(fitted(model, train, 250).sample(500).flatten(1), held_out)
    assert trained < 0.5 * untrained


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_cuda(make):
    for shape in ((2,), (1, 8, 8)):
        model = make()
        model.fit(TrainingData(rows_of(shape).cuda()), Run(Budget(5, "steps"), "cuda"))
        assert model.sample(3).is_cuda


# ------------------------------------------------------------------------------------------------------- conditions


@pytest.fixture(params=[(GAN, GANConfig), (WGANGP, WGANGPConfig)], ids=["gan", "wgan_gp"])
def conditional(request):
    model, config = request.param
    return lambda **options: model(config(**{**SMALL, **options}))


@pytest.mark.parametrize("depth", [1, 3])
def test_gradients_by_hand_are_those_of_automatic_differentiation_given_conditions(depth):
    critic = MLP(5, 1, 12, depth).double()
    real, fake, mixed = torch.randn(3, 20, 2, dtype=torch.float64)
    given = torch.randn(20, 3, dtype=torch.float64)

    x = mixed.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(critic(x, given).sum(), x, create_graph=True)
    torch.testing.assert_close(input_gradient(critic, mixed, given), by_autograd)
    penalty = (by_autograd.norm(dim=1) - 1).square().mean()
    loss = critic(fake, given).mean() - critic(real, given).mean() + 0.3 * penalty
    expected = torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True)
    by_hand, gradients = critic_gradients(critic, real, fake, mixed, 0.3, given)
    torch.testing.assert_close(by_hand, loss.detach())
    torch.testing.assert_close(critic_loss(critic, real, fake, mixed, 0.3, given), loss)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient) if other is None else other)


def test_conditions_scale_and_shift_what_the_generator_makes():
    network = generator((1, 8, 8), 4, 0, 0, 4, conditions=3)
    z, given = torch.randn(5, 4), torch.eye(3)[[0, 1, 2, 0, 1]]
    plain = network.layers(torch.cat([z, given], 1))
    torch.testing.assert_close(network(z, given), plain)  # scales start at 1, shifts at 0
    assert isinstance(network.layers, ConvGenerator)
    for modulation in network.modulations:
        nn.init.normal_(modulation.weight)
    changed = (network(z, given) - plain).abs().mean((1, 2, 3))
    assert changed.min() > 1e-3


def test_the_discriminator_adds_the_projection_on_the_conditions():
    network = discriminator((1, 8, 8), 6, 0, 4, conditions=3)
    x, given = torch.randn(5, 1, 8, 8), torch.eye(3)[[0, 1, 2, 0, 1]]
    h = network.body(x)
    expected = network.score(h)[:, 0] + torch.einsum("nk,kh,nh->n", given, network.embedding.weight.T, h)
    torch.testing.assert_close(network(x, given)[:, 0], expected)


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (3, 7, 9)], ids=str)
def test_training_with_conditions_moves_every_parameter(conditional, shape):
    given = torch.stack([torch.arange(64) % 3, torch.linspace(-1, 1, 64)], 1)
    start, end = (
        fitted(conditional(), rows_of(shape), steps, given=given, columns=LABEL + NUMBER) for steps in (1, 30)
    )
    assert end.sample(5, given[:5]).shape == (5, *shape)
    assert end.sample(5, given[:5]).isfinite().all()
    pairs = zip(end.parameters(), start.parameters(), strict=True)
    assert not [tuple(p.shape) for p, q in pairs if torch.equal(p, q)]


def test_regularised_training_takes_conditions():
    model = GAN(GANConfig(**SMALL, r1=1.0, instance_noise=0.5))
    given = (torch.arange(64.0) % 3)[:, None]
    for shape in ((2,), (1, 8, 8)):
        assert fitted(model, rows_of(shape), 3, given=given, columns=LABEL).sample(4, given[:4]).isfinite().all()


def test_fewer_rows_than_a_batch_take_conditions(conditional):
    given = torch.arange(3.0)[:, None]
    assert (
        fitted(conditional(batch=256), rows_of((2,), 3), 3, given=given, columns=LABEL)
        .sample(3, given)
        .isfinite()
        .all()
    )


def test_conditions_keep_their_rows_over_blocks():
    network = MLP(3, 1, 4, 1)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    network.linear[0].weight.data[0, 2] = network.linear[1].weight.data[0, 0] = 1  # passes on the condition
    given = torch.arange(40_000.0)[:, None]
    assert torch.equal(draw(network, 2, 40_000, given), given)
    assert torch.equal(evaluate(network, torch.randn(7, 2), given[:7]), given[:7])


def test_samples_follow_their_class(conditional):
    torch.manual_seed(3)
    label = torch.randint(3, (2000, 1)).float()
    rows = label - 1 + 0.1 * torch.randn(2000, 2)
    model = fitted(conditional(width=32, depth=2, batch=64), rows, 300, given=label, columns=LABEL)
    asked = torch.arange(3.0).repeat(200)[:, None]
    assert ((model.sample(600, asked) + 1).round() == asked).float().mean() > 0.9


@pytest.mark.slow
def test_images_follow_their_class(conditional):
    torch.manual_seed(3)
    label = torch.randint(3, (900, 1))
    bright = torch.arange(8).view(1, 1, 1, 8) // 3 == label.view(-1, 1, 1, 1)  # three bands
    rows = bright.expand(-1, 1, 8, 8) * torch.rand(900, 1, 1, 1) - 0.5 + 0.03 * torch.randn(900, 1, 8, 8)
    model = fitted(conditional(channels=8, batch=32, width=64), rows, 250, given=label.float(), columns=LABEL)
    asked = torch.arange(3).repeat(100)
    x = model.sample(300, asked[:, None].float())
    bands = torch.stack([x[..., 3 * i : 3 * i + 3].mean((1, 2, 3)) for i in range(3)], 1)
    assert (bands.argmax(1) == asked).float().mean() > 0.85
