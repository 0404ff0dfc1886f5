"""Floors: what fresh real rows score against held-out ones, at the same sizes, and how much that varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, RealSide
from genbench.record.score import standard_error
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floor_test import Floors
from genbench.scoring.scorer import Scorer

__all__ = ["floors_of", "spread_of_floors"]

SPLITS = 8  # of the pooled real rows, for a metric whose interval says nothing
REAL = ("test_raw", "truth_test", "labels_test")
FAKE = ("fake_raw", "truth_fake", "labels_fake")
THE_FLOOR = "no floor: this is the floor"
FEWEST = 4  # real rows, to be halved


def floors_of(evidence: Evidence, reference: Evidence | None, scorers: Sequence[Scorer], views: Views) -> Floors | None:
    """Return the floors of some evidence; ``reference`` is the same with fresh real rows in the place of samples.

    Never of unlike sizes: where the fresh rows are more than the samples, as many are used; where they are fewer, as
    many samples are compared with them. Without a reference, random halves of the real rows are scored against each
    other. None where there are too few.
    """
    rng, source = evidence.rng("floor"), "reference"
    if reference is None:
        n = len(evidence.real.rows)
        if n < FEWEST:
            return None
        order, source = rng.permutation(n), "random halves of the real rows"
        evidence, reference = _halved(evidence, order[: n // 2], order[n // 2 :])
    n_fake, n_fresh = len(evidence.fake), len(reference.fake)
    if n_fresh > n_fake:
        reference = _fewer(reference, rng.permutation(n_fresh)[:n_fake])
    elif n_fresh < n_fake:
        evidence = _fewer(evidence, rng.permutation(n_fake)[:n_fresh])
    like = None
    if source != "reference" or n_fresh < n_fake:
        like = {score["label"]: score for score in evaluate(evidence, scorers, views=views)}
    found = spread_of_floors(reference, scorers, evaluate(reference, scorers, views=views), views)
    return Floors({score["label"]: score for score in found}, source, like)


def spread_of_floors(
    evidence: Evidence, scorers: Sequence[Scorer], scores: Sequence[Mapping[str, Any]], views: Views
) -> list[dict[str, Any]]:
    """Return the scores of fresh real rows, ``evidence.fake``, each with its standard deviation in ``floor_sd``.

    That is what the interval implies. A metric that has none is taken again on 8 random splits of all real rows, which
    gives its law under the hypothesis that both sides are alike.
    """
    found = []
    for scorer, score in zip(scorers, scores, strict=True):
        spread = standard_error(score) or _over_splits(evidence, scorer, score, views)
        warnings = [THE_FLOOR if text.startswith("no floor: no other") else text for text in score["warnings"]]
        found.append({**score, "floor_sd": spread, "warnings": warnings})
    return found


def _over_splits(evidence: Evidence, scorer: Scorer, score: Mapping[str, Any], views: Views) -> float | None:
    one_sided = (score["low"] is None) != (score["high"] is None)  # "at least": no spread says more
    if score["value"] is None or one_sided or {"density", "timing", "simulator"} & set(scorer.spec.needs):
        return None
    if scorer.space:
        evidence = views.view(evidence, scorer.space, train="train" in scorer.spec.needs)
    rng, plain = evidence.rng(f"splits {scorer.label}"), replace(scorer, space="")
    values = [score["value"]]
    for _ in range(SPLITS):
        [again] = evaluate(_resplit(evidence, rng), [plain])
        if again["value"] is not None:
            values.append(again["value"])
    return float(np.std(values, ddof=1)) if len(values) > SPLITS // 2 else None


def _resplit(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    """Return the evidence with real rows and fresh ones exchanged at random."""
    n, m = len(evidence.real.rows), len(evidence.fake)
    order = rng.permutation(n + m)
    pooled = np.concatenate([evidence.real.rows, evidence.fake])
    changed: dict[str, Any] = {"real": RealSide(pooled[order[:n]]), "fake": pooled[order[n:]]}
    for one, other in zip(REAL, FAKE, strict=True):
        values = getattr(evidence, one), getattr(evidence, other)
        if values[0] is not None and values[1] is not None:
            both = np.concatenate(values)
            changed |= {one: both[order[:n]], other: both[order[n:]]}
    if evidence.observables_test is not None and evidence.observables_fake is not None:
        both_of = {k: np.concatenate([v, evidence.observables_fake[k]]) for k, v in evidence.observables_test.items()}
        changed["observables_test"] = {name: both[order[:n]] for name, both in both_of.items()}
        changed["observables_fake"] = {name: both[order[n:]] for name, both in both_of.items()}
    return replace(evidence, **changed, density_test=None, density_fake=None)


def _halved(evidence: Evidence, real: Array, fresh: Array) -> tuple[Evidence, Evidence]:
    """Return the evidence against one part of the real rows, and the same with the other in the place of samples."""
    kept = {name: _some(getattr(evidence, name), real) for name in (*REAL, "observables_test")}
    mine = replace(evidence, real=RealSide(evidence.real.rows[real]), density_test=None, **kept)
    names = zip((*REAL, "observables_test"), (*FAKE, "observables_fake"), strict=True)
    given = {other: _some(getattr(evidence, one), fresh) for one, other in names}
    if evidence.labels_fake is None:  # labels that samples lack are told from the rows, on either side
        given["labels_fake"] = None
    return mine, replace(mine, fake=evidence.real.rows[fresh], density_fake=None, **given)


def _fewer(evidence: Evidence, rows: Array) -> Evidence:
    """Return the evidence with some of its samples only."""
    kept = {name: _some(getattr(evidence, name), rows) for name in (*FAKE, "observables_fake")}
    return replace(evidence, fake=evidence.fake[rows], density_fake=None, **kept)


def _some(values: Any, rows: Array) -> Any:
    if isinstance(values, Mapping):
        return {name: each[rows] for name, each in values.items()}
    return None if values is None else values[rows]
