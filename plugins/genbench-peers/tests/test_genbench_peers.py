"""Models of other libraries keep the contract, and are what their libraries say."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch

genbench_peers = pytest.importorskip("genbench_peers", reason="pip install ./plugins/genbench-peers")

from genbench.budget import Budget  # noqa: E402
from genbench.errors import ConfigError  # noqa: E402
from genbench.protocol import TrainingData  # noqa: E402
from genbench.registry.registry import Registry, resolve  # noqa: E402
from genbench.testing import check_plugin, configured  # noqa: E402
from genbench.training.run import Run  # noqa: E402

MODELS = {n: e for n, e in Registry.discover().models.items() if e.provenance.distribution == "genbench-peers"}
needs_pythae = pytest.mark.skipif("pythae_vae" not in MODELS, reason="pip install 'genbench-peers[pythae]'")


def fitted(name: str, rows: torch.Tensor, steps: int = 50, **options):
    spec = MODELS[name].spec
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    model = resolve(MODELS[name])(configured(spec, **options))
    run = Run(Budget(steps, "steps"), train=rows)
    model.fit(TrainingData(rows), run)
    run.finish()
    return model


def test_what_is_installed_is_registered() -> None:
    assert {"sklearn_gmm", "sklearn_kde"} <= set(MODELS)
    assert ("zuko_nsf" in MODELS) == bool(importlib.util.find_spec("zuko"))


@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_contract(name: str) -> None:
    [report] = check_plugin(f"model:{name}", fast=True)
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}


def test_the_mixture_is_that_of_scikit_learn() -> None:
    rows = torch.cat([torch.randn(300, 2) * 0.1 + 1, torch.randn(300, 2) * 0.1 - 1])
    model = fitted("sklearn_gmm", rows)
    assert model.estimator.n_components == 2
    x = torch.randn(20, 2)
    assert np.allclose(model.log_prob(x), model.estimator.score_samples(x.double().numpy()))
    samples = model.sample(2000)
    assert abs(float((samples[:1000, 0] > 0).float().mean()) - 0.5) < 0.1  # in no order


def test_the_kernel_estimate_is_that_of_scikit_learn() -> None:
    model = fitted("sklearn_kde", torch.tensor([[0.0]]), bandwidth=0.5)
    density = math.exp(float(model.log_prob(torch.tensor([[0.5]]))))
    assert density == pytest.approx(math.exp(-0.5) / (0.5 * math.sqrt(2 * math.pi)))


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("zuko_", "normflows_"))])
def test_the_density_of_a_flow_integrates_to_one(name: str) -> None:
    model = fitted(name, torch.randn(500, 2), steps=100)
    side = torch.linspace(-6, 6, 241)
    grid = torch.cartesian_prod(side, side)
    assert float(model.log_prob(grid).exp().sum() * (side[1] - side[0]) ** 2) == pytest.approx(1, abs=0.02)


@needs_pythae
def test_the_autoencoder_of_pythae_learns_to_reconstruct() -> None:
    images = (torch.randint(0, 2, (256, 1, 1, 1)) * torch.ones(1, 6, 6) * 1.6 - 0.8).expand(256, 1, 6, 6)
    model = fitted("pythae_vae", images, steps=150, learning_rate=1e-3)
    assert float((model.reconstruct(images) - images).abs().mean()) < 0.15
    samples = model.sample(200)
    assert samples.shape == (200, 1, 6, 6)
    assert float(samples.flatten(1).std(1).mean()) < 0.1  # one grey in an image, as in the data
    assert 0.1 < float((samples.mean((1, 2, 3)) > 0).float().mean()) < 0.9


@pytest.mark.parametrize(
    ("name", "options"), [("sklearn_gmm", {"covariance": "round"}), ("sklearn_kde", {"bandwidth": "-1"})]
)
def test_impossible_options_are_refused(name: str, options: dict) -> None:
    with pytest.raises(ConfigError):
        configured(MODELS[name].spec, **options)
