"""How far the model is from a density that is known."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Evidence, LogDensity, Score
from genbench_likelihood.means import mean_score

__all__ = ["kl"]

OUTSIDE = "samples where the true density is 0: the divergence is infinite"


def kl(evidence: Evidence) -> Score:
    """Return a divergence of the model from the known truth, in nats; lower is better.

    ``params["quantity"]`` says which. KL(truth‖model), the mean over held-out rows of log p - log q, where the model
    has a density q: an upper bound where q is a lower bound. Else KL(model‖truth), the mean over samples of log q -
    log p, where q is known there. Else the cross-entropy gap E_model[-log p] - H(p): 0 for a perfect model, blind to
    what keeps the mean log-density, negative for samples that crowd at the peaks. Kullback & Leibler 1951,
    doi:10.1214/aoms/1177729694.
    """
    if evidence.density_test is not None and evidence.truth_test is not None:
        return _forward(evidence.density_test, evidence.truth_test)
    if evidence.truth_fake is None:
        return Score(None, warnings=("the density of the data is not known at the samples",))
    if evidence.density_fake is not None:
        return _reverse(evidence.density_fake, evidence.truth_fake)
    entropy, source = evidence.entropy, "exact"
    if entropy is None and evidence.truth_test is not None:
        entropy, source = -float(np.mean(evidence.truth_test)), f"mean over {len(evidence.truth_test)} held-out rows"
    if entropy is None:
        return Score(None, warnings=("the entropy of the data is not known",))
    params = {"quantity": "cross-entropy gap", "entropy": entropy, "entropy_from": source}
    truth = np.asarray(evidence.truth_fake, dtype=np.float64)
    return mean_score(-truth - entropy, OUTSIDE, n_fake=len(truth), params=params)


def _forward(model: LogDensity, truth: np.ndarray) -> Score:
    n = min(len(model.values), len(truth))
    params = {"quantity": "KL(truth||model)", "kind": model.kind}
    if model.kind == "bound":
        params["quantity"] += ", upper bound"
    gaps = np.asarray(truth[:n], np.float64) - np.asarray(model.values[:n], np.float64)
    return mean_score(gaps, "a log-density is not finite: the divergence is infinite", n_real=n, params=params)


def _reverse(model: LogDensity, truth: np.ndarray) -> Score:
    n = min(len(model.values), len(truth))
    params = {"quantity": "KL(model||truth)", "kind": model.kind}
    if model.kind == "bound":
        params["quantity"] += ", lower bound"
    gaps = np.asarray(model.values[:n], np.float64) - np.asarray(truth[:n], np.float64)
    return mean_score(gaps, OUTSIDE, n_fake=n, params=params)
