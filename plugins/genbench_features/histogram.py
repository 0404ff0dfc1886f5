"""Total variation distance of the label histograms of samples and held-out rows, with given or predicted labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, Score

__all__ = ["label_tv"]

MIN_ROWS = 10  # of either side, for an interval
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
BOOTSTRAP_DRAWS = 400


def label_tv(evidence: Evidence) -> Score:
    """Return the total variation distance of two label histograms, ½ Σ|p - q|, between 0 and 1; lower is better.

    The classifier predicts the labels of samples and of held-out rows alike, so that its errors cancel; where samples
    come with labels, the given labels of both sides are used. ``params["labels"]`` says which; ``detail`` has both
    histograms, the true one, and the classifier's accuracy on held-out rows. The value is not 0 where the distributions
    are equal. The interval is of the distance of the distributions, by a parametric bootstrap with its bias removed; it
    begins at 0 where equal distributions give as large a value in one of 40 draws.
    """
    predict = getattr(evidence.features, "predict", None)
    n, m = len(evidence.real.rows), len(evidence.fake)
    if predict is None:
        return Score(None, n_real=n, n_fake=m, warnings=("needs a space that predicts labels, as classifier does",))
    features = evidence.real.rows.shape[1] - evidence.condition_scores
    predicted = real = predict(evidence.real.rows[:, :features])
    # a label that samples were drawn given says nothing of what they show
    given = evidence.labels_test is not None and evidence.labels_fake is not None and not evidence.condition_scores
    if given:
        real, fake = np.asarray(evidence.labels_test), np.asarray(evidence.labels_fake)
    else:
        fake = predict(evidence.fake[:, :features])
    classes = np.unique(
        np.concatenate([real, fake, evidence.labels_test if evidence.labels_test is not None else real])
    )
    p, q = _shares(real, classes), _shares(fake, classes)
    value = _distance(p, q)
    detail: dict[str, Any] = {"labels": classes.tolist(), "held_out": p.tolist(), "samples": q.tolist()}
    if evidence.labels_test is not None:
        detail["accuracy"] = float(np.mean(predicted == evidence.labels_test))
        detail["truth"] = _shares(evidence.labels_test, classes).tolist()
    params = {"classes": len(classes), "labels": "given" if given else "predicted"}
    if min(n, m) < MIN_ROWS:
        reason = f"no interval: {MIN_ROWS} rows of either side are needed"
        return Score(value, n_real=n, n_fake=m, params=params, detail=detail, warnings=(reason,))
    low, high = _interval(value, p, q, n, m, evidence.rng("label_tv"))
    detail["interval"] = "parametric bootstrap, bias-corrected"
    return Score(value, low=low, high=high, level=0.95, n_real=n, n_fake=m, params=params, detail=detail)


def _shares(labels: Array, classes: Array) -> Array:
    return np.bincount(np.searchsorted(classes, labels), minlength=len(classes)) / max(1, len(labels))


def _distance(p: Array, q: Array) -> float:
    return float(0.5 * np.abs(p - q).sum())


def _interval(value: float, p: Array, q: Array, n: int, m: int, rng: np.random.Generator) -> tuple[float, float]:
    draws = _bootstrap(p, q, n, m, rng)
    bias = float(draws.mean()) - value
    half = QUANTILE * float(draws.std(ddof=1)) + max(0.0, bias) / 2
    pooled = (n * p + m * q) / (n + m)
    equal = _bootstrap(pooled, pooled, n, m, rng)
    low = 0.0 if value <= np.quantile(equal, 0.975) else max(0.0, value - bias - half)
    return low, min(1.0, value - bias + half)


def _bootstrap(p: Array, q: Array, n: int, m: int, rng: np.random.Generator) -> Array:
    """Return the distances (draws,) of histograms of n and m labels that are drawn with the shares p and q."""
    first, second = rng.multinomial(n, p, BOOTSTRAP_DRAWS) / n, rng.multinomial(m, q, BOOTSTRAP_DRAWS) / m
    distances: Array = 0.5 * np.abs(first - second).sum(1)
    return distances
