"""Compute floors: what fresh real rows score against held-out ones, at equal sizes, and how much that varies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, RealSide
from genbench.record.score import standard_error
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floor_test import Floors
from genbench.scoring.scorer import Scorer

RANDOM_SPLITS = 8  # of the pooled real rows, for a metric without an interval
MIN_ROWS_TO_HALVE = 4
REAL_FIELDS = ("test_raw", "truth_test", "labels_test", "conditions_test")
FAKE_FIELDS = ("fake_raw", "truth_fake", "labels_fake", "conditions_fake")
NOT_OF_ROWS = {"density", "timing", "simulator", "reconstruction", "outliers"}  # needs that a split of rows lacks
FLOOR_WARNING = "no floor: this is the floor"


def floors_of(evidence: Evidence, reference: Evidence | None, scorers: Sequence[Scorer], views: Views) -> Floors | None:
    """Return the floors of some evidence; ``reference`` is the same with fresh real rows in place of samples.

    Sizes are equal: of more fresh rows than samples only as many are used, and with fewer fresh rows only as many
    samples are compared. Without a reference, random halves of the real rows are scored against each other. Returns
    None where there are fewer than four.
    """
    rng, source = evidence.rng("floor"), "reference"
    if reference is None:
        n = len(evidence.real.rows)
        if n < MIN_ROWS_TO_HALVE:
            return None
        order, source = rng.permutation(n), "random halves of the real rows"
        evidence, reference = _halve(evidence, order[: n // 2], order[n // 2 :])
    n_fake, n_fresh = len(evidence.fake), len(reference.fake)
    if n_fresh > n_fake:
        reference = _subsample(reference, rng.permutation(n_fresh)[:n_fake])
    elif n_fresh < n_fake:
        evidence = _subsample(evidence, rng.permutation(n_fake)[:n_fresh])
    like = None
    if source != "reference" or n_fresh < n_fake:
        like = {score["label"]: score for score in evaluate(evidence, scorers, views=views)}
    found = add_floor_spread(reference, scorers, evaluate(reference, scorers, views=views), views)
    return Floors({score["label"]: score for score in found}, source, like)


def add_floor_spread(
    evidence: Evidence,
    scorers: Sequence[Scorer],
    scores: Sequence[Mapping[str, Any]],
    views: Views,
    listener: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Return the scores of fresh real rows, ``evidence.fake``, each with its standard deviation in ``floor_sd``.

    It is derived from the interval. A metric without one is computed on 8 random splits of all real rows, which samples
    its distribution under the hypothesis that both sides are alike. ``listener`` is called with the label of each.
    """
    found = []
    for scorer, score in zip(scorers, scores, strict=True):
        listener(scorer.label)
        spread = standard_error(score) or _spread_over_splits(evidence, scorer, score, views)
        warnings = [FLOOR_WARNING if text.startswith("no floor: no other") else text for text in score["warnings"]]
        found.append({**score, "floor_sd": spread, "warnings": warnings})
    return found


def _spread_over_splits(evidence: Evidence, scorer: Scorer, score: Mapping[str, Any], views: Views) -> float | None:
    one_sided = (score["low"] is None) != (score["high"] is None)  # a limit has no spread
    if score["value"] is None or one_sided or NOT_OF_ROWS & set(scorer.spec.needs):
        return None
    if scorer.space:
        evidence = views.view(evidence, scorer.space, train="train" in scorer.spec.needs)
    rng, plain = evidence.rng(f"splits {scorer.label}"), replace(scorer, space="")
    values = [score["value"]]
    for _ in range(RANDOM_SPLITS):
        [repeated] = evaluate(_resplit(evidence, rng), [plain], views=Views({}, max_rows=views.thinning.max_rows))
        if repeated["value"] is not None:
            values.append(repeated["value"])
    return float(np.std(values, ddof=1)) if len(values) > RANDOM_SPLITS // 2 else None


def _resplit(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    """Return the evidence with its real and fresh rows pooled and split again at random."""
    n, m = len(evidence.real.rows), len(evidence.fake)
    order = rng.permutation(n + m)
    pooled = np.concatenate([evidence.real.rows, evidence.fake])
    changed: dict[str, Any] = {"real": RealSide(pooled[order[:n]]), "fake": pooled[order[n:]]}
    for real_field, fake_field in zip(REAL_FIELDS, FAKE_FIELDS, strict=True):
        values = getattr(evidence, real_field), getattr(evidence, fake_field)
        if values[0] is not None and values[1] is not None:
            both = np.concatenate(values)
            changed |= {real_field: both[order[:n]], fake_field: both[order[n:]]}
    if evidence.observables_test is not None and evidence.observables_fake is not None:
        both_of = {k: np.concatenate([v, evidence.observables_fake[k]]) for k, v in evidence.observables_test.items()}
        changed["observables_test"] = {name: both[order[:n]] for name, both in both_of.items()}
        changed["observables_fake"] = {name: both[order[n:]] for name, both in both_of.items()}
    return replace(evidence, **changed, density_test=None, density_fake=None)


def _halve(evidence: Evidence, real: Array, fresh: Array) -> tuple[Evidence, Evidence]:
    """Return the evidence against one part of the real rows, and the same with the other part in place of samples."""
    kept = {name: _select(getattr(evidence, name), real) for name in (*REAL_FIELDS, "observables_test")}
    half = replace(evidence, real=RealSide(evidence.real.rows[real]), density_test=None, **kept)
    names = zip((*REAL_FIELDS, "observables_test"), (*FAKE_FIELDS, "observables_fake"), strict=True)
    moved = {fake_field: _select(getattr(evidence, real_field), fresh) for real_field, fake_field in names}
    if evidence.labels_fake is None:  # a metric predicts labels that the samples lack; so it does for the fresh rows
        moved["labels_fake"] = None
    return half, replace(half, fake=evidence.real.rows[fresh], density_fake=None, **moved)


def _subsample(evidence: Evidence, rows: Array) -> Evidence:
    """Return the evidence with only some of its samples."""
    kept = {name: _select(getattr(evidence, name), rows) for name in (*FAKE_FIELDS, "observables_fake")}
    return replace(evidence, fake=evidence.fake[rows], density_fake=None, **kept)


def _select(values: Any, rows: Array) -> Any:
    if isinstance(values, Mapping):
        return {name: each[rows] for name, each in values.items()}
    return None if values is None else values[rows]
