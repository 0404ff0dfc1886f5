"""Density estimates of scikit-learn (Pedregosa et al. 2011); images are flattened."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from genbench.protocol import RunContext, TrainingData
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

from genbench_peers import GaussianMixtureConfig, KernelDensityConfig

COMPONENTS = (1, 2, 4, 8, 16, 25, 36)  # that are tried
BANDWIDTHS = np.geomspace(0.01, 1.0, 15)  # that are tried
MAX_ROWS = 2000  # on which a bandwidth is chosen


class _Estimate:
    """A fitted estimator of scikit-learn, with samples and log-densities as tensors."""

    estimator: Any

    def sample(self, n: int) -> torch.Tensor:
        """Return (n, *shape); the rows of a mixture come in the order of its components, and are shuffled."""
        if not hasattr(self, "estimator"):
            raise RuntimeError("fit the model before sampling")
        found = self.estimator.sample(n, **self.seeds())
        rows = found[0] if isinstance(found, tuple) else found
        shuffled = torch.from_numpy(np.asarray(rows, dtype="f4"))[torch.randperm(n)]
        return shuffled.view(n, *self.shape).to(self.device)

    def seeds(self) -> dict[str, Any]:
        """Return the keywords of ``sample`` by which its random numbers are seeded."""
        return {}

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n,) nats for x (n, *shape)."""
        return torch.from_numpy(self.estimator.score_samples(_flat(x))).to(self.device)

    def prepare(self, data: TrainingData, run: RunContext) -> Any:
        """Return the training rows (n, d) as float64."""
        self.shape, self.device = data.shape, run.device
        return _flat(data.train)


class GaussianMixtureModel(_Estimate):
    """``sklearn.mixture.GaussianMixture``, its number of components chosen by the Bayesian information criterion."""

    def __init__(self, config: GaussianMixtureConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Fit by expectation maximisation, once for each number of components."""
        rows, c = self.prepare(data, run), self.config
        numbers = [k for k in ((c.components,) if c.components else COMPONENTS) if k <= len(rows)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            seed = int(np.random.randint(2**31))  # noqa: NPY002 (which genbench seeds)
            fitted = [GaussianMixture(k, covariance_type=c.covariance, random_state=seed).fit(rows) for k in numbers]
        self.estimator = min(fitted, key=lambda each: each.bic(rows)) if len(fitted) > 1 else fitted[0]
        self.estimator.random_state = None  # numpy's global generator, which genbench seeds


class KernelDensityModel(_Estimate):
    """``sklearn.neighbors.KernelDensity`` with a Gaussian kernel, its width chosen by cross-validation."""

    def __init__(self, config: KernelDensityConfig) -> None:
        self.config = config

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Keep the rows, after the choice of the bandwidth."""
        rows = self.prepare(data, run)
        bandwidth = self.config.bandwidth
        if not bandwidth:
            some = rows[np.random.permutation(len(rows))[:MAX_ROWS]]  # noqa: NPY002
            bandwidth = GridSearchCV(KernelDensity(), {"bandwidth": BANDWIDTHS}).fit(some).best_params_["bandwidth"]
        self.estimator = KernelDensity(bandwidth=bandwidth).fit(rows)

    def seeds(self) -> dict[str, Any]:
        """Return a seed drawn from numpy's global generator, which genbench seeds."""
        return {"random_state": int(np.random.randint(2**31))}  # noqa: NPY002


def _flat(x: torch.Tensor) -> Any:
    return x.flatten(1).double().cpu().numpy()
