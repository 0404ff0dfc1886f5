"""The class of a row by the model's conditional density and Bayes' theorem: p(y | x) from p(x | y) and p(y)."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Evidence, Score
from genbench_conditional.shares import LEVEL, NO_CLASSES, QUANTILE, Array, accuracy, class_names, mean_replicates

__all__ = ["posterior_accuracy", "posterior_nll"]


def posterior_accuracy(evidence: Evidence) -> Score:
    """Return the share of held-out rows whose class has the highest posterior probability; higher is better.

    The prior is the frequency of classes among training rows. Where the density is a bound or an estimate, so is the
    posterior that follows from it. The interval is Wilson's, of the rows that were evaluated.
    """
    posterior, classes = _log_posterior(evidence)
    if posterior is None:
        return Score(None, warnings=(classes,))
    truth = _truth(evidence, posterior)
    right = (posterior.argmax(1) == truth).astype(np.float64)
    return accuracy(right, truth, class_names(evidence), {}, n_real=len(right))


def posterior_nll(evidence: Evidence) -> Score:
    """Return the mean of -log p(class | row) over held-out rows, in nats; lower is better.

    The prior is the frequency of classes among training rows; ``detail["prior"]`` is the value of the prior alone, its
    entropy. The interval is of the mean, by the normal distribution.
    """
    posterior, classes = _log_posterior(evidence)
    if posterior is None:
        return Score(None, warnings=(classes,))
    truth = _truth(evidence, posterior)
    nats = -posterior[np.arange(len(truth)), truth]
    if not np.isfinite(nats).all():
        impossible = int((~np.isfinite(nats)).sum())
        return Score(None, n_real=len(nats), warnings=(f"{impossible} of {len(nats)} rows have probability 0",))
    half = QUANTILE * float(nats.std(ddof=1)) / math.sqrt(len(nats))
    value = float(nats.mean())
    prior = float(-_log_prior(evidence)[truth].mean())
    return Score(
        value, low=max(0.0, value - half), high=value + half, level=LEVEL, n_real=len(nats), detail={"prior": prior},
        replicates=mean_replicates(nats),
    )  # fmt: skip


def _truth(evidence: Evidence, posterior: Array) -> Array:
    assert evidence.conditions_test is not None
    truth: Array = evidence.conditions_test[: len(posterior), 0].astype(np.int64)
    return truth


def _log_prior(evidence: Evidence) -> Array:
    """Return the logarithms (levels,) of the frequencies of classes among training rows, if known, or held-out ones."""
    given = evidence.conditions_test if evidence.conditions_train is None else evidence.conditions_train
    assert given is not None
    counts = np.bincount(given[:, 0].astype(np.int64), minlength=len(class_names(evidence)))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(counts / counts.sum()))


def _log_posterior(evidence: Evidence) -> tuple[Array | None, str]:
    """Return (m, levels) log p(class | row) of held-out rows; or None and the reason."""
    if not class_names(evidence):
        return None, NO_CLASSES
    if evidence.log_prob_classes is None:
        return None, "needs the model's log-density given each class"
    joint = evidence.log_prob_classes + _log_prior(evidence)
    largest = joint.max(1, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        return joint - shift - np.log(np.exp(joint - shift).sum(1, keepdims=True)), ""
