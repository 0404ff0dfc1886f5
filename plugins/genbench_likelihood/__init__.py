"""Scores of densities: held-out likelihood, bits per dimension, divergence from a known density, calibration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["LikelihoodConfig", "genbench_register"]


@dataclass(frozen=True)
class LikelihoodConfig:
    """Options of the likelihoods."""

    density: str = ""  # which of the model's likelihoods: one of those its spec names, or, if empty, the main one


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``nll``, ``bits_per_dim``, ``kl``, ``kl_reverse``, ``cross_entropy_gap``, ``calibration``."""
    return [
        MetricSpec(
            "nll",
            "genbench_likelihood.likelihood:nll",
            LikelihoodConfig,
            "negative log-likelihood of held-out rows, ranked by kind of density",
            unit="nats per dimension",
            needs=("density",),
        ),
        MetricSpec(
            "bits_per_dim",
            "genbench_likelihood.likelihood:bits_per_dim",
            LikelihoodConfig,
            "negative log-likelihood of dequantised integer images, ranked by kind of density",
            unit="bits per dimension",
            needs=("density",),
            data=("image",),
            paper="Theis et al. 2016, arXiv:1511.01844",
        ),
        MetricSpec(
            "kl",
            "genbench_likelihood.divergence:kl",
            None,
            "Kullback-Leibler divergence of the model's density from the true one, over held-out rows",
            unit="nats",
            best=0.0,
            needs=("density", "truth"),
            paper="Kullback & Leibler 1951, doi:10.1214/aoms/1177729694",
        ),
        MetricSpec(
            "kl_reverse",
            "genbench_likelihood.divergence:kl_reverse",
            None,
            "Kullback-Leibler divergence of the true density from the model's, over samples",
            unit="nats",
            best=0.0,
            needs=("density", "truth"),
            paper="Kullback & Leibler 1951, doi:10.1214/aoms/1177729694",
        ),
        MetricSpec(
            "cross_entropy_gap",
            "genbench_likelihood.divergence:cross_entropy_gap",
            None,
            "how much less probable samples are than data under the true density; negative if they crowd at its peaks",
            ranked=False,
            unit="nats",
            best=0.0,
            needs=("samples", "truth"),
            paper="Cover & Thomas 2006, doi:10.1002/047174882X",
        ),
        MetricSpec(
            "calibration",
            "genbench_likelihood.calibration:calibration",
            None,
            "mean difference of nominal level and coverage of the model's highest-density regions",
            unit="probability",
            best=0.0,
            needs=("samples", "density"),
            paper="Hermans et al. 2022, arXiv:2110.06581; Lemos et al. 2023, arXiv:2302.03026",
        ),
    ]
