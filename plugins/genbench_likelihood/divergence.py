"""Divergences from a known density in both directions, and a gap for models without a density."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Evidence, LogDensity, Score
from genbench_likelihood.means import mean_score

__all__ = ["cross_entropy_gap", "kl", "kl_reverse"]

NO_TRUTH = "the density of the data is not known"
NO_DENSITY = "the model has no likelihood"
ZERO_TRUTH = "samples where the true density is 0: the divergence is infinite"


def kl(evidence: Evidence) -> Score:
    """Return KL(truth‖model), the mean over held-out rows of log p - log q, in nats; lower is better.

    0 for a perfect model, infinite where the model's density q is 0 at a held-out row; by chance a value may be
    negative. ``params`` has the kind of q; where it is a lower bound, the value is an upper bound. It is most sensitive
    to lost modes. The interval is mean ± 1.96 standard errors. Kullback & Leibler 1951, doi:10.1214/aoms/1177729694.
    """
    model, truth = evidence.density_test, evidence.truth_test
    if model is None or truth is None:
        return Score(None, warnings=(NO_DENSITY if model is None else NO_TRUTH,))
    gaps, params = _gaps(truth, model.values), _params("KL(truth||model)", model, "upper")
    reason = "a log-density is not finite: the divergence is infinite"
    return mean_score(gaps, reason, n_real=len(gaps), params=params)


def kl_reverse(evidence: Evidence) -> Score:
    """Return KL(model‖truth), the mean over samples of log q - log p, in nats; lower is better.

    0 for a perfect model, infinite where the true density p is 0 at a sample; by chance a value may be negative.
    ``params`` has the kind of the model's density q; where it is a lower bound, so is the value. It is most sensitive
    to samples between the modes, hardly to lost modes. The interval is mean ± 1.96 standard errors. Kullback & Leibler
    1951, doi:10.1214/aoms/1177729694.
    """
    model, truth = evidence.density_fake, evidence.truth_fake
    if model is None or truth is None:
        return Score(
            None, warnings=("the model's density at its own samples is not known" if model is None else NO_TRUTH,)
        )
    gaps, params = _gaps(model.values, truth), _params("KL(model||truth)", model, "lower")
    return mean_score(gaps, ZERO_TRUTH, n_fake=len(gaps), params=params)


def cross_entropy_gap(evidence: Evidence) -> Score:
    """Return E_model[-log p] - H(p) in nats: how much less probable samples are than data under the true density p.

    0 for a perfect model, and lower is better only down to 0: samples that crowd at the peaks of p make it negative, so
    it is not ranked. It needs no density of the model, and is blind to faults that keep the mean log-density, such as
    lost modes of equal height. KL(model‖truth) is this gap plus the entropy that the model lacks. The interval is mean
    ± 1.96 standard errors, with the error of the entropy where held-out rows estimate it. Cover & Thomas 2006,
    doi:10.1002/047174882X.
    """
    truth, entropy = evidence.truth_fake, evidence.entropy
    if truth is None:
        return Score(None, warnings=(NO_TRUTH,))
    truth, error, source = np.asarray(truth, np.float64), 0.0, "exact"
    if entropy is None and evidence.truth_test is not None:
        known = np.asarray(evidence.truth_test, np.float64)
        entropy, source = -float(known.mean()), f"mean over {len(known)} held-out rows"
        error = float(known.std(ddof=1)) / len(known) ** 0.5 if len(known) > 1 else 0.0
    if entropy is None:
        return Score(None, warnings=("the entropy of the data is not known",))
    params = {"entropy": entropy, "entropy_from": source}
    return mean_score(-truth - entropy, ZERO_TRUTH, error=error, n_fake=len(truth), params=params)


def _gaps(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    n = min(len(p), len(q))
    return np.asarray(p[:n], np.float64) - np.asarray(q[:n], np.float64)


def _params(quantity: str, model: LogDensity, bound: str) -> dict[str, str]:
    quantity += f", {bound} bound" if model.kind == "bound" else ""
    return {"quantity": quantity, "kind": model.kind}
