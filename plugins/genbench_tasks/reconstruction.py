"""How well held-out rows are reconstructed, and how well noise is removed from them by reconstruction."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_tasks.jackknife import LEVEL, MIN_ROWS, interval_of, without_groups

__all__ = ["denoising", "reconstruction"]

Array = npt.NDArray[Any]


def reconstruction(evidence: Evidence) -> Score:
    """Return the root mean squared error of reconstructions, in standard deviations of the data; lower is better.

    For held-out rows x of mean m and their reconstructions y, all in the space of the model, it is
    √(Σ|x - y|² / Σ|x - m|²). The reconstruction by the mean row has 1, the identity 0: values of codes of different
    dimensions are different quantities. ``detail`` has the share of variance that is explained, 1 minus the square.
    The interval is by a delete-a-group jackknife over rows.
    """
    tasks = evidence.tasks
    if tasks is None or tasks.reconstruction is None:
        return Score(None, warnings=("the model has no reconstructions",))
    rows = _flat(tasks.rows)
    squares = np.square(rows - rows.mean(0)).sum(1)
    if not squares.sum() > 0:
        return Score(None, n_real=len(rows), warnings=("the held-out rows are all equal: they have no variance",))
    terms = np.stack([np.square(_flat(tasks.reconstruction) - rows).sum(1), squares], axis=1)
    params: dict[str, Any] = {"dimensions": rows.shape[1]}
    warnings: tuple[str, ...] = ()
    if tasks.codes is not None:
        codes = tasks.codes.shape[1]
        params |= {"code_dimensions": codes, "quantity": f"codes of {codes} dimensions"}
        if codes >= rows.shape[1]:
            warnings = (f"codes of {codes} dimensions compress none of the {rows.shape[1]} of the data",)
    value = _relative_error(terms.sum(0))
    detail = {"explained_variance": 1 - value**2}
    return _score(value, _relative_error, terms, params, detail, warnings, lowest=0.0)


def denoising(evidence: Evidence) -> Score:
    """Return the gain in dB of reconstructing noisy held-out rows over doing nothing; higher is better.

    For rows x, the same with Gaussian noise z, and the reconstructions y of z, all in the space of the model, it is
    10 log10(Σ|z - x|² / Σ|y - x|²): 3 dB halve the squared error, and below 0 more is lost than noise. ``params`` has
    the standard deviation of the noise: half of that of a column, a quarter of the range of pixels. ``detail`` has what
    the best linear filter gains, which knows the covariance of the held-out rows (Wiener 1949): a model below it has
    learned less than a Gaussian. The interval is by a delete-a-group jackknife over rows.
    """
    tasks = evidence.tasks
    if tasks is None or tasks.noisy is None or tasks.denoised is None:
        return Score(None, warnings=("the model has no reconstructions of noisy rows",))
    rows = _flat(tasks.rows)
    terms = np.stack([np.square(_flat(made) - rows).sum(1) for made in (tasks.noisy, tasks.denoised)], axis=1)
    if not (terms.sum(0) > 0).all():
        return Score(None, n_real=len(rows), warnings=("no noise was added or none is left: the gain is infinite",))
    params = {"noise": tasks.noise, "quantity": f"noise of {tasks.noise:g}", "dimensions": rows.shape[1]}
    detail = {"linear_filter": _linear_gain(rows, tasks.noise)}
    return _score(_gain(terms.sum(0)), _gain, terms, params, detail)


def _flat(rows: Array) -> Array:
    return rows.reshape(len(rows), -1).astype(np.float64)


def _relative_error(sums: Array) -> float:
    return math.sqrt(max(0.0, float(sums[0] / sums[1])))


def _gain(sums: Array) -> float:
    return 10 * math.log10(float(sums[0] / sums[1]))


def _linear_gain(rows: Array, noise: float) -> float | None:
    """Return the gain in dB of the linear filter that is best for the covariance of rows (n, d)."""
    n, d = rows.shape
    if n < 2 or not noise > 0:
        return None
    variances = np.square(np.linalg.svd(rows - rows.mean(0), compute_uv=False)) / n
    left = float((variances * noise**2 / (variances + noise**2)).sum())
    return 10 * math.log10(d * noise**2 / left) if left > 0 else None


def _score(
    value: float,
    function: Callable[[Array], float],
    terms: Array,
    params: dict[str, Any],
    detail: dict[str, Any],
    warnings: tuple[str, ...] = (),
    lowest: float = -math.inf,
) -> Score:
    """Return the score of a function of sums over rows, with its interval where there are enough of them."""
    replicates = without_groups(function, terms)
    if not replicates:
        why = f"no interval: {MIN_ROWS} rows are needed"
        return Score(value, n_real=len(terms), params=params, detail=detail, warnings=(*warnings, why))
    low, high, error = interval_of(value, replicates)
    detail |= {"interval": "delete-a-group jackknife", "interval_of": "population", "standard_error": error}
    return Score(
        value, low=max(low, lowest), high=high, level=LEVEL, n_real=len(terms), params=params, detail=detail,
        warnings=warnings, replicates=replicates,
    )  # fmt: skip
