"""Scores of densities: held-out likelihood, bits per dimension, divergence from a known truth."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["genbench_register"]


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``nll``, ``bits_per_dim`` and ``kl``."""
    return [
        MetricSpec(
            "nll",
            "genbench_likelihood.likelihood:nll",
            None,
            "negative log-likelihood of held-out rows, by kind of density",
            unit="nats per dimension",
            needs=("density",),
        ),
        MetricSpec(
            "bits_per_dim",
            "genbench_likelihood.likelihood:bits_per_dim",
            None,
            "negative log-likelihood of integer images, dequantised, by kind of density",
            unit="bits per dimension",
            needs=("density",),
            data=("image",),
            paper="Theis et al. 2016, arXiv:1511.01844",
        ),
        MetricSpec(
            "kl",
            "genbench_likelihood.divergence:kl",
            None,
            "Kullback-Leibler divergence from the known density, or the cross-entropy gap to it",
            unit="nats",
            best=0.0,
            needs=("truth",),
            paper="Kullback & Leibler 1951, doi:10.1214/aoms/1177729694",
        ),
    ]
