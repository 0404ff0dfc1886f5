"""How far the model is from a known density: a divergence each way, and a gap where the model has no density."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Evidence, LogDensity, Score
from genbench_likelihood.means import mean_score

__all__ = ["cross_entropy_gap", "kl", "kl_reverse"]

NO_TRUTH = "the density of the data is not known"
NO_DENSITY = "the model has no likelihood"
OUTSIDE = "samples where the true density is 0: the divergence is infinite"


def kl(evidence: Evidence) -> Score:
    """Return KL(truth‖model), the mean over held-out rows of log p - log q, in nats; lower is better.

    0 for the truth, infinite where the model's density q vanishes on data; a value may be below 0 by chance. ``params``
    has the kind of q; where that is a lower bound the value is an upper bound. Sees lost modes above all. The interval
    is mean ± 1.96 standard errors. Kullback & Leibler 1951, doi:10.1214/aoms/1177729694.
    """
    model, truth = evidence.density_test, evidence.truth_test
    if model is None or truth is None:
        return Score(None, warnings=(NO_DENSITY if model is None else NO_TRUTH,))
    gaps, params = _gaps(truth, model.values), _params("KL(truth||model)", model, "upper")
    why = "a log-density is not finite: the divergence is infinite"
    return mean_score(gaps, why, n_real=len(gaps), params=params)


def kl_reverse(evidence: Evidence) -> Score:
    """Return KL(model‖truth), the mean over samples of log q - log p, in nats; lower is better.

    0 for the truth, infinite where a sample falls where the true density p vanishes; a value may be below 0 by chance.
    ``params`` has the kind of q; where that is a lower bound so is the value. Sees samples between the modes above all,
    lost modes hardly. The interval is mean ± 1.96 standard errors. Kullback & Leibler 1951,
    doi:10.1214/aoms/1177729694.
    """
    model, truth = evidence.density_fake, evidence.truth_fake
    if model is None or truth is None:
        return Score(
            None, warnings=("the model's density at its own samples is not known" if model is None else NO_TRUTH,)
        )
    gaps, params = _gaps(model.values, truth), _params("KL(model||truth)", model, "lower")
    return mean_score(gaps, OUTSIDE, n_fake=len(gaps), params=params)


def cross_entropy_gap(evidence: Evidence) -> Score:
    """Return E_model[-log p] - H(p), how much rarer samples are under the truth p than data are, in nats.

    0 for a perfect model, and lower is better only down to there: samples that crowd at the peaks of p make it
    negative, so that it ranks nothing. Needs no density of the model, and is blind to whatever keeps the mean
    log-density, lost modes of equal height among it. KL(model‖truth) is this plus the entropy that the model lacks.
    The interval is mean ± 1.96 standard errors, that of an entropy over held-out rows included. Cover & Thomas 2006,
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
    return mean_score(-truth - entropy, OUTSIDE, error=error, n_fake=len(truth), params=params)


def _gaps(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    n = min(len(p), len(q))
    return np.asarray(p[:n], np.float64) - np.asarray(q[:n], np.float64)


def _params(quantity: str, model: LogDensity, bound: str) -> dict[str, str]:
    quantity += f", {bound} bound" if model.kind == "bound" else ""
    return {"quantity": quantity, "kind": model.kind}
