"""Negative log-likelihood of held-out rows, in nats or bits."""

from __future__ import annotations

import math

from genbench.protocol import Evidence, Score
from genbench_likelihood import LikelihoodConfig
from genbench_likelihood.means import mean_score

__all__ = ["bits_per_dim", "nll"]


def nll(evidence: Evidence, config: LikelihoodConfig) -> Score:
    """Return the mean negative log-likelihood of held-out rows, in nats per dimension; lower is better.

    The density is that in the data's own units. ``params`` has its kind: exact, bound (the true value is at most this
    one) or estimate; different kinds must not be ranked together.
    """
    return _score(evidence, config, 1.0)


def bits_per_dim(evidence: Evidence, config: LikelihoodConfig) -> Score:
    """Return the mean negative log-likelihood of integer images in bits per dimension; lower is better.

    The density is that of pixels with uniform noise of one grey level added, so that the value is an upper bound of the
    bits in which the integers can be encoded (Theis et al. 2016, arXiv:1511.01844).
    """
    if evidence.levels is None:
        return Score(None, warnings=("the images are not of integers: bits have no meaning",))
    return _score(evidence, config, 1.0 / math.log(2.0))


def _score(evidence: Evidence, config: LikelihoodConfig, unit: float) -> Score:
    density = evidence.densities.get(config.density) if config.density else evidence.density_test
    if density is None:
        return Score(
            None, warnings=("the model has no likelihood" + (f" {config.density!r}" if config.density else ""),)
        )
    dimensions = evidence.real.rows.shape[1]
    if evidence.test_raw is not None:
        dimensions = math.prod(evidence.test_raw.shape[1:])
    return mean_score(
        density.values, "the log-density is not finite", -unit / dimensions,
        n_real=len(density.values), params={"kind": density.kind, "dimensions": dimensions},
    )  # fmt: skip
