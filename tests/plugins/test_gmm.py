"""The Gaussian mixture against scipy, against what expectation maximisation promises, and on awkward data."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from genbench.budget import Budget
from genbench.protocol import TrainingData
from genbench.spec import DataFacts
from genbench.training.run import Run
from genbench_density import GMMConfig, suits_mixture
from genbench_density.expectation import Prior, Rows, expectation, maximisation, penalty
from genbench_density.gmm import GMM, best_number, bic
from genbench_density.seeding import clusters, seeds

SHAPES = [(1,), (2,), (16,), (1, 8, 8)]
COVARIANCES = torch.tensor([[[1.0, 0.6], [0.6, 0.5]], [[0.3, -0.1], [-0.1, 0.2]], [[0.05, 0.0], [0.0, 2.0]]]).double()


def fitted(rows, levels=None, weights=None, **options):
    torch.manual_seed(0)
    model = GMM(GMMConfig(**options))
    data = TrainingData(torch.as_tensor(rows, dtype=torch.float32), levels, weights)
    run = Run(Budget(1, "steps"))
    model.fit(data, run)
    assert run.facts["components"] == len(model.mixture.means)
    return model


def three(n, seed=0):
    """Return rows (n, 2) of a mixture of weights 1/2, 1/4, 1/4 around (-3, 0), (3, 1) and (0, -6)."""
    generator = torch.Generator().manual_seed(seed)
    pick = torch.multinomial(torch.tensor([0.5, 0.25, 0.25]), n, replacement=True, generator=generator)
    means = torch.tensor([[-3.0, 0.0], [3.0, 1.0], [0.0, -6.0]])
    noise = torch.randn(n, 2, 1, generator=generator)
    return means[pick] + (torch.linalg.cholesky(COVARIANCES).float()[pick] @ noise).squeeze(2)


def start(rows, k, seed=0):
    torch.manual_seed(seed)
    return maximisation(rows, clusters(rows.x, rows.share, k))


# ------------------------------------------------------------------------------------------- expectation maximisation


@pytest.mark.parametrize("cached", [True, False])
def test_the_log_likelihood_of_rows_is_scipys(cached, monkeypatch):
    if not cached:
        monkeypatch.setattr("genbench_density.expectation.MAX_PRODUCTS", 0)
    rows = Rows(three(500).double(), None, 0.0)
    assert (rows.features is not None) == cached
    mixture = start(rows, 3)
    covariance = (mixture.factors @ mixture.factors.mT).numpy()
    each = [
        mixture.log_weights[k].item() + multivariate_normal(mixture.means[k].numpy(), covariance[k]).logpdf(rows.x)
        for k in range(3)
    ]
    log_p, r = expectation(rows, mixture)
    np.testing.assert_allclose(log_p.numpy(), logsumexp(each, axis=0), rtol=1e-9)
    np.testing.assert_allclose(r.numpy(), np.exp(each - log_p.numpy()).T, atol=1e-9)


@pytest.mark.parametrize("cached", [True, False])
def test_the_maximisation_gives_weighted_moments(cached, monkeypatch):
    if not cached:
        monkeypatch.setattr("genbench_density.expectation.MAX_PRODUCTS", 0)
    x, weights = three(400).double(), torch.rand(400).double()
    r = torch.rand(400, 2).double()
    r = r / r.sum(1, keepdim=True)
    mixture = maximisation(Rows(x, weights, 0.0), r)
    for k in range(2):
        w = (r[:, k] * weights).numpy()
        np.testing.assert_allclose(mixture.means[k], np.average(x.numpy(), axis=0, weights=w), rtol=1e-9)
        covariance = mixture.factors[k] @ mixture.factors[k].T
        np.testing.assert_allclose(covariance, np.cov(x.numpy().T, aweights=w, ddof=0), rtol=1e-7)
        assert mixture.log_weights[k].exp().item() == pytest.approx(w.sum() / weights.sum().item())


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("prior_rows", [0.0, 20.0])
def test_no_iteration_lowers_what_is_maximised(noise, prior_rows):
    rows = Rows(three(600).double(), None, noise)
    mixture = start(rows, 8)
    prior = Prior(torch.eye(2).double() * 0.3, prior_rows)
    values = []
    for _ in range(40):
        log_p, r = expectation(rows, mixture)
        values.append(float(log_p.mean() - penalty(rows, mixture, prior)))
        mixture = maximisation(rows, r, prior)
    assert min(np.diff(values[1:])) > -1e-10
    assert values[-1] > values[1] + 1e-3


def test_the_noise_of_rows_enters_as_its_mean_effect():
    """The likelihood in expectation over noise is the mean of log N over many draws of it, for one Gaussian."""
    torch.manual_seed(0)
    x = torch.randn(5, 2).double()
    mixture = start(Rows(three(500).double(), None, 0.0), 1)
    moved = (x + 0.3 * torch.randn(4000, 5, 2).double()).view(-1, 2)
    drawn = expectation(Rows(moved, None, 0.0), mixture)[0].view(4000, 5).mean(0)
    exact = expectation(Rows(x, None, 0.09), mixture)[0]
    torch.testing.assert_close(exact, drawn, atol=0.02, rtol=0)


# ----------------------------------------------------------------------------------------------------------- seeding


def test_seeds_find_each_of_many_separate_clusters():
    torch.manual_seed(0)
    x = (
        torch.cartesian_prod(torch.arange(5.0), torch.arange(5.0)).repeat(40, 1) + 0.01 * torch.randn(1000, 2)
    ).double()
    share = torch.full((1000,), 1e-3).double()
    assert len(seeds(x, share, 25).round().unique(dim=0)) == 25
    assert clusters(x, share, 25).sum(0).tolist() == [40.0] * 25


def test_a_row_without_weight_is_no_seed_and_moves_no_centre():
    x = torch.tensor([[0.0], [1.0], [50.0]]).double()
    share = torch.tensor([0.5, 0.5, 0.0]).double()
    assert seeds(x, share, 2).flatten().sort().values.tolist() == [0.0, 1.0]


# ----------------------------------------------------------------------------------------------- number of components


@pytest.mark.parametrize("best", [1, 2, 5, 11, 25, 30])
def test_the_search_ends_at_or_near_the_lowest_value(best):
    assert abs(best_number(lambda k: abs(math.log(k / best)), 128) - best) <= best // 16


def test_the_search_does_not_exceed_the_largest_number():
    asked = []
    assert best_number(lambda k: asked.append(k) or -k, 37) == 37
    assert max(asked) == 37


@pytest.mark.parametrize("criterion", ["bic", "held_out"])
def test_three_separate_components_are_found(criterion):
    model = fitted(three(3000), criterion=criterion, max_components=16)
    if criterion == "bic":
        assert len(model.mixture.means) == 3
        heaviest = model.mixture.log_weights.argmax()
        assert model.mixture.means[heaviest].tolist() == pytest.approx([-3.0, 0.0], abs=0.15)
    points = three(2000, seed=1)
    truth = logsumexp(
        [
            math.log(w) + multivariate_normal(mean, cov).logpdf(points)
            for w, mean, cov in zip((0.5, 0.25, 0.25), ((-3, 0), (3, 1), (0, -6)), COVARIANCES.numpy(), strict=True)
        ],
        axis=0,
    )
    assert (truth - model.log_prob(points).numpy()).mean() < 0.02


# -------------------------------------------------------------------------------------------------------- the model


def test_log_prob_agrees_with_scipy_on_a_mixture_that_is_known(monkeypatch):
    model = fitted(three(2000), components=3)
    mixture, points = model.mixture, three(300, seed=2)
    each = [
        mixture.log_weights[k].item()
        + multivariate_normal(mixture.means[k].numpy(), (mixture.factors[k] @ mixture.factors[k].T).numpy()).logpdf(
            points.double()
        )
        for k in range(3)
    ]
    np.testing.assert_allclose(model.log_prob(points).numpy(), logsumexp(each, axis=0), rtol=1e-9)
    whole = model.log_prob(points)
    monkeypatch.setattr("genbench_density.gmm.BLOCK_VALUES", 60)
    torch.testing.assert_close(model.log_prob(points), whole, rtol=1e-12, atol=0)


def test_the_density_integrates_to_one():
    model = fitted(three(1000), components=3)
    axis = torch.linspace(-14, 14, 561)
    total = model.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * 0.05**2
    assert total.item() == pytest.approx(1, abs=1e-3)


def test_samples_have_the_moments_of_the_components():
    model = fitted(three(2000), components=3)
    samples = model.sample(60_000).double()
    weights = model.mixture.log_weights.exp()
    mean = weights @ model.mixture.means
    torch.testing.assert_close(samples.mean(0), mean, atol=0.05, rtol=0)
    centred = model.mixture.means - mean
    covariance = (weights[:, None, None] * (model.mixture.factors @ model.mixture.factors.mT)).sum(0)
    covariance += (weights[:, None, None] * centred[:, :, None] * centred[:, None, :]).sum(0)
    torch.testing.assert_close(torch.cov(samples.T), covariance, atol=0.2, rtol=0.02)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_and_finite_densities(shape):
    rows = torch.randn(200, *shape, generator=torch.Generator().manual_seed(0)).clamp(-1, 0.99)
    model = fitted(rows)
    samples = model.sample(7)
    assert samples.shape == (7, *shape)
    assert samples.dtype == torch.float32
    assert torch.isfinite(model.log_prob(samples)).all()
    assert sum(p.numel() for p in model.parameters()) > 0


@pytest.mark.parametrize("rows", [torch.ones(1, 2), torch.ones(30, 2), torch.eye(40)])
@pytest.mark.parametrize("components", [0, 4])
def test_singular_covariances_keep_a_density(rows, components):
    model = fitted(rows, components=components)
    assert torch.isfinite(model.log_prob(rows)).all()
    assert torch.isfinite(model.sample(5)).all()


def test_pixels_keep_the_variance_of_their_level():
    """Images of one level each are a Gaussian with the variance of uniform noise in the level, and no narrower."""
    pixels = torch.full((300, 1, 2, 2), 2.0 * 1 / 4 - 1 + 0.1)  # somewhere in level 1 of 4
    model = fitted(pixels, levels=4, components=1)
    assert model.mixture.means.flatten().tolist() == pytest.approx([-0.25] * 4)
    assert model.mixture.factors[0].diagonal().square().tolist() == pytest.approx([0.25 / 12] * 4)


def test_integer_weights_are_repeated_rows():
    rows, times = three(60), torch.arange(60) % 3
    repeated = rows.repeat_interleave(times, dim=0).double()
    r = torch.rand(60, 2).double()
    ours = maximisation(Rows(rows.double(), times.double(), 1e-6), r)
    theirs = maximisation(Rows(repeated, None, 1e-6), r.repeat_interleave(times, dim=0))
    torch.testing.assert_close(ours.means, theirs.means)
    torch.testing.assert_close(ours.factors, theirs.factors)


def test_bic_counts_rows_by_what_they_are_worth():
    """Rows of next to no weight add neither likelihood nor rows; a million equal ones count by their number."""
    rows = three(300).double()
    alone = Rows(rows, None, 1e-6)
    mixture = start(alone, 3)
    weights = torch.cat([torch.ones(300), torch.full((5000,), 1e-12)]).double()
    assert bic(Rows(torch.cat([rows, three(5000, 1).double()]), weights, 1e-6), mixture) == pytest.approx(
        bic(alone, mixture), rel=1e-6
    )
    likelihood = float(expectation(alone, mixture)[0].sum())
    assert bic(alone, mixture) == pytest.approx(-2 * likelihood + (2 + 3 * 2 + 3 * 3) * math.log(300))


def test_samples_follow_the_weights_of_rows():
    rows = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    samples = fitted(rows, weights=torch.exp(0.5 * rows[:, 0] - 0.125)).sample(8000)  # the mean is then 1/2
    assert samples[:, 0].mean() == pytest.approx(0.5, abs=0.06)
    assert samples[:, 1].mean() == pytest.approx(0.0, abs=0.06)


def test_a_restored_mixture_is_the_same():
    model, other = fitted(three(500), components=3), GMM(GMMConfig(components=3))
    other.restore(model.state())
    points = three(20, seed=1)
    assert torch.equal(other.log_prob(points), model.log_prob(points))
    torch.manual_seed(1)
    samples = model.sample(10)
    torch.manual_seed(1)
    assert torch.equal(other.sample(10), samples)


def test_a_sample_needs_a_fit():
    with pytest.raises(RuntimeError, match="fit the model before sampling"):
        GMM(GMMConfig()).sample(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": -1}, r"components must be in \[0, inf\), got -1"),
        ({"max_components": 0}, r"max_components must be in \[1, inf\), got 0"),
        ({"shrinkage": -0.1}, r"shrinkage must be in \[0.0, inf\), got -0.1"),
        ({"criterion": "aic"}, r"criterion must be one of .*, got 'aic'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GMMConfig(**options)


def test_data_of_too_many_dimensions_are_refused_with_the_reason():
    assert suits_mixture(DataFacts("image", shape=(1, 28, 28))) is None
    assert suits_mixture(DataFacts("image")) is None
    assert "these data have 4096" in str(suits_mixture(DataFacts("image", shape=(1, 64, 64))))
