"""Autoregressive models against their own mathematics: sums over all images, order, and sampling by what is new."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import Column, DataFacts
from genbench.training.run import Run
from genbench_autoregressive import MADEConfig, PixelCNNConfig, VQVAEConfig, genbench_register, needs_levels
from genbench_autoregressive.autoregressive import start_at_frequencies
from genbench_autoregressive.causal import Cache, CausalNetwork, draw_grid
from genbench_autoregressive.codebook import Codebook
from genbench_autoregressive.distributions import (
    Categorical,
    LogisticMixture,
    distribution_for,
)
from genbench_autoregressive.features import LevelFeatures, NumberFeatures
from genbench_autoregressive.likelihood import BestWeights
from genbench_autoregressive.made import MADE
from genbench_autoregressive.masked import ColumnCache, MaskedNetwork, draw_columns
from genbench_autoregressive.pixelcnn import PixelCNN
from genbench_autoregressive.vqvae import VQVAE, start_at_vectors

NUMBER = (Column("theta"),)
SMALL = {"channels": 8, "blocks": 2}
GRIDS = [((5, 6), 1, 0), ((4, 6), 3, 2), ((1, 3), 1, 0), ((6, 1), 1, 0)]  # grid, channels of a pixel, conditions


def scrambled(network, std=0.4):
    """Return a network whose weights are all random, and large enough to matter."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return network.eval().requires_grad_(False)


def fitted(model, rows, steps=2, levels=None, given=None):
    torch.manual_seed(0)
    run = Run(Budget(steps, "steps"), levels=levels, train=rows)
    model.fit(TrainingData(rows, levels, None, given, NUMBER if given is not None else ()), run)
    run.finish()
    return model, run


def all_images(shape, levels):
    """Return all images of a shape, each pixel at the centre of its level."""
    images = torch.tensor(list(product(range(levels), repeat=math.prod(shape)))).view(-1, *shape)
    return (2 * images.float() + 1) / levels - 1


def random_model(name, shape, levels):
    """Return a model for images of a shape with random weights."""
    config = {
        "pixelcnn": lambda: PixelCNN(PixelCNNConfig(**SMALL)),
        "made": lambda: MADE(MADEConfig(width=24)),
        "vqvae": lambda: VQVAE(VQVAEConfig(codes=3, channels=8, prior_channels=8, prior_blocks=1, batch=16)),
    }
    model, _ = fitted(config[name](), all_images(shape, levels)[:64], 1, levels)
    for network in [model.coder, model.prior] if name == "vqvae" else [model.network]:
        scrambled(network)
    return model


# ------------------------------------------------------------------------------------------------------ probabilities


@pytest.mark.parametrize("name", ["pixelcnn", "made"])
@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 3), ((2, 2, 2), 2), ((1, 2, 1), 40)])
def test_the_probabilities_of_all_images_sum_to_one(name, shape, levels):
    x = all_images(shape, levels)
    log_p = random_model(name, shape, levels).log_prob(x)
    assert float(log_p.double().exp().sum()) == pytest.approx(1, abs=1e-4)
    assert float(log_p.std()) > 0.1


@pytest.mark.parametrize("name", ["pixelcnn", "made"])
def test_images_are_drawn_as_often_as_their_probabilities_say(name):
    model, n = random_model(name, (1, 2, 2), 3), 40_000
    p = model.log_prob(all_images((1, 2, 2), 3)).double().exp().numpy()
    torch.manual_seed(0)
    levels = ((model.sample(n) + 1) * 1.5).floor().long().flatten(1)
    drawn = np.bincount((levels * torch.tensor([27, 9, 3, 1])).sum(1).numpy(), minlength=81)
    chi_square = ((drawn - n * p) ** 2 / (n * p)).sum()
    assert chi_square < 80 + 5 * math.sqrt(160)


def test_the_bound_of_a_vqvae_is_the_term_of_its_codes_in_the_exact_probability():
    model, x = random_model("vqvae", (1, 2, 2), 3), all_images((1, 2, 2), 3)
    level = ((x + 1) * 1.5).floor().long()
    each = []  # log p(k) + log p(x | k), of the only code of each image
    for k in range(3):
        codes = torch.full((len(x), 1, 1), k)
        prior = Categorical(3).log_prob(model.prior(codes), codes).flatten(1).sum(1)
        each.append(prior + model.coder.log_prob(level, codes))
    exact = torch.logsumexp(torch.stack(each), 0)
    assert float(exact.double().exp().sum()) == pytest.approx(1, abs=1e-4)
    bound = model.log_prob(x)
    assert (bound <= exact + 1e-5).all()
    torch.testing.assert_close(bound, torch.stack(each).gather(0, model.coder.codes(level).view(1, -1))[0])
    assert float((exact - bound).mean()) > 1e-3


@pytest.mark.parametrize("levels", [2, 17, 33, 256])
def test_the_probabilities_of_all_levels_sum_to_one(levels):
    distribution, torch_levels = distribution_for(levels), torch.arange(levels)
    assert isinstance(distribution, Categorical if levels <= 32 else LogisticMixture)
    out = 3 * torch.randn(5, 1, distribution.outputs, generator=torch.Generator().manual_seed(0))
    p = distribution.log_prob(out.expand(-1, levels, -1), torch_levels.expand(5, -1)).exp()
    torch.testing.assert_close(p.sum(1), torch.ones(5), atol=1e-4, rtol=0)
    torch.manual_seed(0)
    drawn = distribution.draw(out.expand(-1, 20_000, -1)).float()
    mean, spread = (p * torch_levels).sum(1), 6 * levels / 20_000**0.5
    torch.testing.assert_close(drawn.mean(1), mean, atol=spread, rtol=0)


@pytest.mark.parametrize("given", [None, -1.0, 1.0])
def test_the_density_of_made_integrates_to_one(given):
    rows, c = torch.randn(64, 2), None if given is None else torch.randn(64, 1)
    model, _ = fitted(MADE(MADEConfig(width=16, components=2)), rows, 1, given=c)
    scrambled(model.network, 0.2)
    side = torch.linspace(-15, 15, 601)
    points = torch.cartesian_prod(side, side)
    conditions = () if given is None else (torch.full((len(points), 1), given),)
    p = model.log_prob(points, *conditions).double().exp()
    assert float(p.sum()) * 0.05**2 == pytest.approx(1, abs=0.01)


# -------------------------------------------------------------------------------------------------- order and caching


@pytest.mark.parametrize(("grid", "step", "conditions"), GRIDS)
def test_each_symbol_depends_on_those_before_it_alone(grid, step, conditions):
    network, x, c = causal(grid, step, conditions)
    for place in range(1, grid[0] * grid[1]):
        changed = x.clone().flatten(1)
        changed[:, place] = (changed[:, place] + 1) % 5
        difference = (network(changed.view_as(x), c) - network(x, c)).abs().flatten(1, 2).amax((0, 2))
        assert float(difference[: place + 1].max()) < 1e-6
        if place + 1 < len(difference):
            assert float(difference.max()) > 1e-6


def causal(grid, step, conditions):
    network = CausalNetwork(5, 5, grid, channels=8, blocks=3, dropout=0.5, conditions=conditions, step=step)
    x = torch.randint(5, (7, *grid), generator=torch.Generator().manual_seed(2))
    return scrambled(network), x, torch.randn(7, conditions) if conditions else None


@pytest.mark.parametrize(("grid", "step", "conditions"), GRIDS)
def test_a_grid_evaluated_by_what_is_new_has_the_parameters_of_the_full_pass(grid, step, conditions):
    network, x, c = causal(grid, step, conditions)
    cache, full = Cache(network, len(x), c), network(x, c)
    for r, k in product(range(grid[0]), range(grid[1])):
        torch.testing.assert_close(cache.parameters(r, k), full[:, r, k], atol=1e-4, rtol=1e-4)
        cache.put(r, k, x[:, r, k])


COLUMNS = [(6, 40, 5, 0), (9, 20, None, 2), (1, 8, None, 0), (30, 16, 4, 3)]  # columns, width, levels, conditions


def masked(columns, width, levels, conditions):
    inputs = LevelFeatures(levels, 3) if levels else NumberFeatures()
    network = MaskedNetwork(inputs, columns, 5, width=width, layers=3, dropout=0.5, conditions=conditions)
    torch.manual_seed(2)
    x = torch.randint(levels, (7, columns)) if levels else torch.randn(7, columns)
    return scrambled(network), x, torch.randn(7, conditions) if conditions else None


@pytest.mark.parametrize(("columns", "width", "levels", "conditions"), COLUMNS)
def test_each_column_depends_on_all_those_before_it_alone(columns, width, levels, conditions):
    network, x, c = masked(columns, width, levels, conditions)
    for i in range(columns):
        changed = x.clone()
        changed[:, i] = (x[:, i] + 1) % levels if levels else x[:, i] + 1
        difference = (network(changed, c) - network(x, c)).abs().amax((0, 2))
        assert float(difference[: i + 1].max()) < 1e-6
        assert (difference[i + 1 :] > 1e-6).all()


@pytest.mark.parametrize(("columns", "width", "levels", "conditions"), COLUMNS)
def test_columns_evaluated_by_what_is_new_have_the_parameters_of_the_full_pass(columns, width, levels, conditions):
    network, x, c = masked(columns, width, levels, conditions)
    cache, full = ColumnCache(network, len(x), c), network(x, c)
    for i in range(columns):
        torch.testing.assert_close(cache.parameters(i), full[:, i], atol=1e-4, rtol=1e-4)
        cache.put(i, x[:, i])


@pytest.mark.parametrize("conditions", [0, 2])
def test_parameters_depend_on_conditions_where_there_are_some(conditions):
    network, x, c = causal((3, 3), 1, conditions)
    other, columns, d = masked(4, 20, None, conditions)
    for net, values, given in ((network, x, c), (other, columns, d)):
        if conditions:
            assert float((net(values, given + 1) - net(values, given)).abs().amax((0, -1)).min()) > 1e-6
        else:
            assert net(values).shape == (*values.shape, 5)


def products(function):
    """Return how many floating-point operations the matrix products and convolutions of a function have."""
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


def test_a_grid_is_drawn_for_no_more_products_than_one_pass_has():
    network, x, _ = causal((8, 8), 1, 0)
    assert products(lambda: draw_grid(network, Categorical(5), len(x))) < products(lambda: network(x))


def test_columns_are_drawn_for_fewer_products_than_one_pass_has():
    network, x, _ = masked(30, 60, 5, 0)
    assert products(lambda: draw_columns(network, Categorical(5), len(x))) < 0.75 * products(lambda: network(x))


# ----------------------------------------------------------------------------------------------------------- training


def test_the_bias_starts_at_the_frequencies_of_the_training_rows():
    network = CausalNetwork(3, 3, (2, 2), channels=4, blocks=0, dropout=0.0)
    grid = torch.tensor([[[0, 1], [2, 2]]] * 3 + [[[1, 1], [2, 0]]])
    start_at_frequencies(network, grid)
    p = network.bias.softmax(-1)
    torch.testing.assert_close(p[0, 0], torch.tensor([3 + 1 / 3, 1 + 1 / 3, 1 / 3]) / 5)
    torch.testing.assert_close(p[1, 1], torch.tensor([1 + 1 / 3, 1 / 3, 3 + 1 / 3]) / 5)


def test_grey_levels_next_to_each_other_start_alike():
    features = LevelFeatures(17, 8)(torch.arange(17)).detach()
    distance = torch.cdist(features, features)
    assert float(distance.diagonal(1).max()) < float(distance.diagonal(8).min())


def test_a_prior_starts_with_the_vectors_of_the_codes():
    prior = CausalNetwork(16, 16, (2, 2), channels=4, blocks=0, dropout=0.0)
    vectors = torch.randn(16, 8) * 3 + 1
    start_at_vectors(prior, vectors)
    features = prior.inputs(torch.arange(16))
    torch.testing.assert_close(features, (vectors - vectors.mean(0)) / vectors.std(0))


def test_the_weights_of_the_highest_likelihood_are_kept():
    network = torch.nn.BatchNorm1d(1)
    best = BestWeights(network)
    for value, likelihood in ((1.0, -3.0), (2.0, -1.0), (3.0, -2.0)):
        torch.nn.init.constant_(network.weight, value)
        network.running_mean.fill_(value)
        best.offer(network, torch.tensor(likelihood))
    assert (best.network.weight.item(), best.network.running_mean.item(), best.highest.item()) == (2, 2, -1)


def test_made_learns_a_density_that_moves_with_its_condition():
    generator = torch.Generator().manual_seed(0)
    c = torch.randn(4000, 1, generator=generator)
    rows = torch.cat([c, -c], 1) + 0.25 * torch.randn(4000, 2, generator=generator)
    model, _ = fitted(MADE(MADEConfig(width=64, components=2)), rows, 300, given=c)
    for theta in (-1.0, 1.0):
        x = model.sample(2000, torch.full((2000, 1), theta))
        torch.testing.assert_close(x.mean(0), torch.tensor([theta, -theta]), atol=0.1, rtol=0)
        torch.testing.assert_close(x.std(0), torch.tensor([0.25, 0.25]), atol=0.06, rtol=0)
    truth = -math.log(2 * math.pi * 0.25**2) - 1
    assert truth - 0.5 < float(model.log_prob(rows, c).mean()) < truth + 0.03


@pytest.mark.parametrize("name", ["pixelcnn", "made"])
def test_an_image_model_learns_what_follows_from_the_pixels_before(name):
    """Each row of an image is one random level, repeated: ln 3 nats a row, where a model of single pixels needs 4."""
    level = torch.randint(3, (600, 1, 4, 1), generator=torch.Generator().manual_seed(0)).expand(-1, 1, 4, 4)
    rows = (2 * level.float() + 1) / 3 - 1
    model = {
        "pixelcnn": PixelCNN(PixelCNNConfig(channels=16, blocks=1, dropout=0.0, batch=32)),
        "made": MADE(MADEConfig(width=64, dropout=0.0, batch=32, learning_rate=5e-3)),
    }[name]
    fitted(model, rows, 150, levels=3)
    assert 3.9 * math.log(3) < -float(model.log_prob(rows[:200]).mean()) < 4.3 * math.log(3)
    x = model.sample(200)
    assert float((x == x[..., :1]).all(-1).float().mean()) > 0.95


def test_a_vqvae_restores_images_of_few_kinds_and_reports_its_codes():
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randint(3, (4, 1, 8, 8), generator=generator)
    level = kinds[torch.randint(4, (300,), generator=generator)]
    rows = (2 * level.float() + 1) / 3 - 1
    small = {"channels": 16, "prior_channels": 16, "prior_blocks": 1, "batch": 32}
    config = VQVAEConfig(codes=8, dropout=0.0, prior_dropout=0.0, **small)
    model, run = fitted(VQVAE(config), rows, 200, levels=3)
    assert 0 < run.facts["codes_used"] <= 1
    assert float((model.reconstruct(rows[:50]) - rows[:50]).abs().mean()) < 0.2  # a grey image: 0.44
    assert -float(model.log_prob(rows).mean()) < 30  # of 70 for pixels of three equal levels


def test_a_code_follows_its_vectors_and_one_without_any_is_restarted():
    torch.manual_seed(0)
    book = Codebook(3, 2)
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    book.start(torch.randn(30, 2) * 0.1 + 50)  # all codes far from what is to come, near each other
    for _ in range(400):
        z = centres[torch.randint(3, (64,))] + 0.1 * torch.randn(64, 2)
        book.update(z, book.nearest(z))
    assert sorted(int(k) for k in book.nearest(centres)) == [0, 1, 2]
    torch.testing.assert_close(book.vectors[book.nearest(centres)], centres, atol=0.1, rtol=0)


@pytest.mark.parametrize("shape", [(3, 7, 5), (1, 18, 17)])
@pytest.mark.parametrize("levels", [4, 256])
@pytest.mark.parametrize(
    "model",
    [
        PixelCNN(PixelCNNConfig(**SMALL, batch=8)),
        MADE(MADEConfig(width=16, batch=8)),
        VQVAE(VQVAEConfig(codes=4, channels=8, prior_channels=8, prior_blocks=1, batch=8)),
    ],
    ids=["pixelcnn", "made", "vqvae"],
)
def test_images_of_any_shape_and_levels_are_learned_and_drawn(model, shape, levels):
    rows = (2 * torch.randint(levels, (20, *shape)).float() + 1) / levels - 1
    fitted(model, rows, 2, levels)
    x = model.sample(3)
    assert x.shape == (3, *shape)
    assert not x.requires_grad
    assert float(x.abs().max()) < 1
    torch.testing.assert_close(x, ((x + 1) * levels / 2).floor() * 2 / levels + 1 / levels - 1)
    assert model.log_prob(rows).shape == (20,)


@pytest.mark.parametrize("model", [PixelCNN(PixelCNNConfig()), VQVAE(VQVAEConfig())], ids=["pixelcnn", "vqvae"])
def test_images_without_levels_are_refused_with_a_reason(model):
    with pytest.raises(ValueError, match="probabilities of grey levels, which these images do not have"):
        fitted(model, torch.rand(8, 1, 4, 4))
    assert "which these images do not have" in needs_levels(DataFacts("image", shape=(1, 4, 4)))
    assert needs_levels(DataFacts("image", shape=(1, 4, 4), levels=17)) is None
    assert needs_levels(DataFacts("image")) is None  # nothing is known yet


@pytest.mark.parametrize("model", [PixelCNN(PixelCNNConfig()), MADE(MADEConfig()), VQVAE(VQVAEConfig())])
def test_samples_before_fit_are_refused(model):
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        model.sample(1)


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (PixelCNNConfig, {"channels": 7}, "channels must be even"),
        (PixelCNNConfig, {"dropout": 1.0}, r"dropout must be in \[0.0, 1.0\)"),
        (PixelCNNConfig, {"learning_rate": 0.0}, "learning_rate must be in"),
        (MADEConfig, {"layers": 0}, r"layers must be in \[1, inf\)"),
        (MADEConfig, {"weight_decay": -1.0}, "weight_decay must be in"),
        (VQVAEConfig, {"codes": 1}, r"codes must be in \[2, inf\)"),
        (VQVAEConfig, {"beta": 0.0}, "beta must be in"),
        (VQVAEConfig, {"prior_dropout": 1.0}, "prior_dropout must be in"),
    ],
)
def test_wrong_options_are_refused(config, wrong, message):
    with pytest.raises(ValueError, match=message):
        config(**wrong)


def test_registering_imports_no_torch():
    code = "import sys, genbench_autoregressive as m; m.genbench_register(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    specs = {spec.name: (spec.density, spec.support, spec.data) for spec in genbench_register()}
    assert specs == {
        "made": ("exact", "discrete", ("vector", "image")),
        "pixelcnn": ("exact", "discrete", ("image",)),
        "vqvae": ("bound", "discrete", ("image",)),
    }
