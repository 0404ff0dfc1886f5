"""The denoising autoencoder where the best denoiser is known: of Gaussian data it is linear."""

import math
from dataclasses import replace

import pytest
import torch

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.training.run import Run
from genbench_autoencoders import DAEConfig
from genbench_autoencoders.dae import DAE, Denoiser, ladder, langevin_step
from genbench_autoencoders.denoisers import denoiser, noise_features

SMALL = {"width": 16, "batch": 16, "levels": 4}
SHAPES = [(1,), (2,), (16,), (1, 1, 1), (1, 8, 8), (3, 16, 16), (1, 7, 9)]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def fitted(model, rows, steps, levels=None, seed=0):
    torch.manual_seed(seed)
    model.fit(TrainingData(rows, levels), Run(Budget(steps, "steps"), levels=levels, train=rows))
    return model


def rows_of(shape, n=80):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(7)) * 1.9 - 0.95


class GaussianDenoiser(torch.nn.Module):
    """E[x_0 | x_0 + σ ε = x] of x_0 ~ N(mean, diag(std²))."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)
        self.spread = torch.tensor(1.0)

    def forward(self, x, sigma):
        share = self.std**2 / (self.std**2 + sigma[:, None] ** 2)
        return self.mean + share * (x - self.mean)


# ------------------------------------------------------------------------------------------------------- the denoiser


def test_before_training_it_is_the_best_linear_denoiser_of_a_round_gaussian():
    mean, spread = torch.tensor([0.3, -1.0]), torch.tensor(0.5)
    model = Denoiser(denoiser((2,), 16), mean, spread)
    x, sigma = torch.randn(20_000, 2) * spread + mean, torch.full((20_000,), 0.8)
    noisy = x + 0.8 * torch.randn_like(x)
    found = model(noisy, sigma).detach()
    torch.testing.assert_close(found, mean + 0.25 / (0.25 + 0.64) * (noisy - mean))
    assert float((found - x).square().mean().sqrt()) == pytest.approx(float(model.linear_error(sigma[0])), rel=0.02)


def test_it_learns_the_mean_of_rows_given_their_noisy_ones():
    torch.manual_seed(0)
    std = torch.tensor([1.4, 0.2])
    rows = torch.randn(5000, 2) * std
    model = fitted(DAE(DAEConfig(width=64)), rows, 800)
    for sigma in (0.1, 0.5, 2.0):
        noisy = torch.randn(2000, 2) * (std**2 + sigma**2).sqrt()
        found = model.model(noisy, torch.full((2000,), sigma))
        error = (found - noisy * std**2 / (std**2 + sigma**2)).square().mean().sqrt()
        assert float(error) < 0.1 * sigma * 1 / math.sqrt(1 + sigma**2)
    noisy = torch.randn(500, 2)
    torch.testing.assert_close(model.reconstruct(noisy), model.model(noisy, torch.full((500,), 0.5)))


def test_features_tell_noise_levels_apart():
    levels = torch.tensor(ladder(4.0, 0.02, 50))
    features = noise_features(levels)
    assert features.shape == (50, 8)
    assert float(torch.pdist(features).min()) > 0.1


# ---------------------------------------------------------------------------------------------------------- sampling


def test_a_step_along_the_score_takes_noisy_rows_to_the_next_level():
    torch.manual_seed(0)
    mean, std = torch.tensor([0.5, -1.0]), torch.tensor([0.3, 1.5])
    x = mean + (std**2 + 0.4**2).sqrt() * torch.randn(100_000, 2)
    x = langevin_step(GaussianDenoiser([0.5, -1.0], [0.3, 1.5]), x, 0.4, 0.38)
    torch.testing.assert_close(x.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(x.std(0), (std**2 + 0.38**2).sqrt(), atol=0, rtol=0.01)


def test_the_exact_denoiser_of_a_gaussian_gives_its_samples():
    torch.manual_seed(0)
    for levels, tolerance in ((100, 0.04), (400, 0.02)):
        model = DAE(DAEConfig(levels=levels))
        model.model, model.shape, model.bounded = GaussianDenoiser([0.5, -1.0], [0.3, 1.2]), (2,), False
        x = model.sample(20_000)
        torch.testing.assert_close(x.mean(0), torch.tensor([0.5, -1.0]), atol=0.04, rtol=0)
        torch.testing.assert_close(x.std(0), torch.tensor([0.3, 1.2]), atol=0, rtol=tolerance)


def test_noise_levels_fall_by_equal_factors():
    found = ladder(4.0, 0.5, 4)
    assert found == pytest.approx([4.0, 2.0, 1.0, 0.5])
    assert ladder(4.0, 0.5, 1) == [0.5]


def test_the_evaluations_are_as_many_as_is_reported():
    rows, run = rows_of((2,)), Run(Budget(2, "steps"))
    model = DAE(DAEConfig(**{**SMALL, "levels": 7}))
    model.fit(TrainingData(rows), run)
    calls = []
    model.model.register_forward_hook(lambda *_: calls.append(1))
    model.sample(10)
    assert run.facts == {"function_evaluations": len(calls)} == {"function_evaluations": 7}


# -------------------------------------------------------------------------------------------------------- the contract


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("levels", [None, 4])
def test_it_trains_samples_and_reconstructs_in_any_shape(shape, levels):
    if levels and len(shape) == 1:
        pytest.skip("only images have grey levels")
    rows = rows_of(shape)
    model = fitted(DAE(DAEConfig(**SMALL)), rows, 3, levels)
    for x in (model.sample(5), model.reconstruct(rows[:5])):
        assert x.shape == (5, *shape)
        assert x.isfinite().all()
        assert not x.requires_grad
    assert model.sample(0).shape == (0, *shape)
    assert not levels or model.sample(50).abs().max() <= 1


def test_blocks_do_not_change_what_a_row_becomes(monkeypatch):
    rows = rows_of((2,), 300)
    model = fitted(DAE(DAEConfig(**SMALL)), rows, 5)
    whole = model.reconstruct(rows)
    monkeypatch.setattr("genbench_autoencoders.dae.BLOCK_VALUES", 1)
    torch.testing.assert_close(model.reconstruct(rows), whole)
    assert model.sample(150).shape == (150, 2)


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)], ids=str)
def test_a_restored_model_is_the_same(shape):
    rows = rows_of(shape)
    model, other = fitted(DAE(DAEConfig(**SMALL)), rows, 5), DAE(DAEConfig(**SMALL))
    other.restore(model.state())
    samples = []
    for each in (model, other):
        torch.manual_seed(1)
        samples.append(each.sample(8))
    assert torch.equal(*samples)
    assert torch.equal(model.reconstruct(rows), other.reconstruct(rows))


def test_a_second_fit_starts_afresh():
    rows = rows_of((2,))
    model = fitted(DAE(DAEConfig(**SMALL)), rows_of((3,)), 5)
    again, new = fitted(model, rows, 5).sample(9), fitted(DAE(DAEConfig(**SMALL)), rows, 5).sample(9)
    assert torch.equal(again, new)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise": 0.0}, r"noise must be in \(0.0, inf\), got 0.0"),
        ({"low": math.nan}, r"low must be in \(0.0, inf\), got nan"),
        ({"high": 0.01}, r"high must be in \(low, inf\) = \(0.01, inf\), got 0.01"),
        ({"levels": 0}, r"levels must be in \[1, inf\), got 0"),
        ({"width": 4}, r"width must be in \[8, inf\), got 4"),
    ],
)
def test_wrong_options_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(DAEConfig(), **wrong)


def test_samples_before_fit_are_refused():
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        DAE(DAEConfig()).sample(1)


# ------------------------------------------------------------------------------------------------------------ learning


@pytest.mark.slow
def test_learns_two_clusters():
    torch.manual_seed(3)

    def clusters(n):
        return (torch.randint(2, (n, 1)) * 2 - 1) * 0.95 + 0.2 * torch.randn(n, 2)

    model = fitted(DAE(DAEConfig()), clusters(4000), 600)
    x, y = model.sample(2000), clusters(2000)
    distance = 2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean()
    assert float(distance) < 0.01
    assert float((x.mean(1) > 0).float().mean()) == pytest.approx(0.5, abs=0.05)
