"""A score beside its floor: how far it is from what fresh real rows score, and whether it is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genbench.protocol import Score
from genbench.record.score import SUSPECT_STANDARD_ERRORS, floor_spread, standard_error
from genbench.scoring.scorer import Scorer

__all__ = ["Floors", "beside_floor"]

COPIES = "suspect copies"  # how a metric begins to say that rows repeat training rows


@dataclass(frozen=True)
class Floors:
    """What fresh real data score against the same rows: one plain score for each column.

    ``floor_sd`` of such a score wins over what its interval implies. Where the floors are of other numbers of rows than
    the samples, ``like`` holds the scores of as many samples, which are what is compared.
    """

    scores: Mapping[str, Mapping[str, Any]]
    source: str = "reference"
    like: Mapping[str, Mapping[str, Any]] | None = None


def beside_floor(scorer: Scorer, score: Score, found: Mapping[str, Any], floors: Floors | None) -> dict[str, Any]:
    """Return the fields that come of a floor: where it is, how far the value is from it, whether it is too good."""
    floor = None if floors is None else floors.scores.get(scorer.label)
    if floors is None or floor is None or floor.get("value") is None:
        return {}
    if _quantity(floor) != _quantity(found):
        return {"warnings": [*found["warnings"], f"no floor: that of real data is {_quantity(floor) or 'another'}"]}
    compared = found if floors.like is None else floors.like.get(scorer.label, {})
    spread = floor_spread(floor)
    fields = {"floor": floor["value"], "floor_sd": spread, "floor_from": floors.source}
    if floors.like is not None:
        sizes = {name: compared.get(name) for name in ("value", "n_real", "n_fake")}
        if (error := standard_error(compared)) is not None:
            sizes["standard_error"] = error
        fields["detail"] = {**score.detail, "compared_with_floor": sizes}
    limits = [name for name, of in (("value", compared), ("floor", floor)) if (of.get("detail") or {}).get("at_least")]
    if limits:  # more events than that may be what either is worth
        why = f"no z: the {' and the '.join(limits)} {'is a lower limit' if len(limits) == 1 else 'are lower limits'}"
        return fields | {"warnings": [*found["warnings"], why]}
    if found["value"] is None or compared.get("value") is None or spread is None:
        return fields
    gap = compared["value"] - floor["value"]
    # of a metric that is not ranked the low end is copying, whichever way it is declared
    worse = -gap if scorer.spec.better == "higher" and scorer.spec.ranked else gap
    error = standard_error(compared)
    noise = math.hypot(spread, spread if error is None else error)  # of fresh real rows in the place of the samples
    spoilt = [text for text in floor.get("warnings", ()) if text.startswith(COPIES)]  # rows that are not fresh
    reasons = [text for text in floor.get("warnings", ()) if text.startswith("no interval")]
    floor_warnings = [*spoilt, *(reasons if not spread and found["low"] is not None else ())]
    if floor_warnings:
        fields["warnings"] = [*found["warnings"], *(f"of the floor: {text}" for text in floor_warnings)]
    suspect = score.ranked and not spoilt and worse < -SUSPECT_STANDARD_ERRORS * noise < 0.0
    return fields | {"z": gap / spread if spread else None, "suspect": suspect}


def _quantity(score: Mapping[str, Any]) -> str:
    """Return which of several quantities of one name a value is, without ", upper bound", which is still that one."""
    return str((score.get("params") or {}).get("quantity") or "").split(",")[0]
