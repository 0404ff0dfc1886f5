"""Compare a score with its floor: how far it is from what fresh real rows score, better than real, or copying."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri, stdtr

from genbench.protocol import Score
from genbench.record.score import SUSPECT_STANDARD_ERRORS, floor_spread, jackknife_gap_error, standard_error
from genbench.scoring.scorer import Scorer

COPIES_PREFIX = "suspect copies"  # of a metric's warning that rows repeat training rows


@dataclass(frozen=True)
class Floors:
    """What fresh real data score against the same rows: one score for each column.

    ``floor_sd`` of such a score takes precedence over what its interval implies. Where the number of fresh rows is not
    that of the samples, ``like`` has the scores of an equal number of samples, which are compared instead.
    """

    scores: Mapping[str, Mapping[str, Any]]
    source: str = "reference"
    like: Mapping[str, Mapping[str, Any]] | None = None


def floor_fields(scorer: Scorer, score: Score, fields: Mapping[str, Any], floors: Floors | None) -> dict[str, Any]:
    """Return the fields that depend on the floor: its value, the distance from it, and what that distance means.

    ``suspect`` is a score better than that of fresh real rows, beyond 3 standard errors of value and floor together;
    ``copying`` one of a metric of copying that is as much worse.
    """
    floor = None if floors is None else floors.scores.get(scorer.label)
    if floors is None or floor is None or floor.get("value") is None:
        return {}
    if _quantity(floor) != _quantity(fields):
        return {"warnings": [*fields["warnings"], f"no floor: that of real data is {_quantity(floor) or 'another'}"]}
    compared = fields if floors.like is None else floors.like.get(scorer.label, {})
    spread = floor_spread(floor)
    added = {"floor": floor["value"], "floor_sd": spread, "floor_from": floors.source}
    if floors.like is not None:
        sizes = {name: compared.get(name) for name in ("value", "n_real", "n_fake")}
        if (error := standard_error(compared)) is not None:
            sizes["standard_error"] = error
        added["detail"] = {**score.detail, "compared_with_floor": sizes}
    limits = [name for name, of in (("value", compared), ("floor", floor)) if (of.get("detail") or {}).get("at_least")]
    if limits:  # the true value of either may be higher
        why = f"no z: the {' and the '.join(limits)} {'is a lower limit' if len(limits) == 1 else 'are lower limits'}"
        return added | {"warnings": [*fields["warnings"], why]}
    if fields["value"] is None or compared.get("value") is None or spread is None:
        return added
    gap = compared["value"] - floor["value"]
    error = standard_error(compared)
    z = _z(gap, compared, floor, math.hypot(spread, spread if error is None else error))
    # of a floor whose rows are not fresh
    copies = [text for text in floor.get("warnings", ()) if text.startswith(COPIES_PREFIX)]
    no_interval = [text for text in floor.get("warnings", ()) if text.startswith("no interval")]
    floor_warnings = [*copies, *(no_interval if not spread and fields["low"] is not None else ())]
    if floor_warnings:
        added["warnings"] = [*fields["warnings"], *(f"of the floor: {text}" for text in floor_warnings)]
    if z is None or copies:
        return added | {"z": z}
    worse, spec = -z if scorer.spec.better == "higher" else z, scorer.spec
    suspect = spec.ranked and score.ranked and not spec.copying and worse < -SUSPECT_STANDARD_ERRORS
    return added | {"z": z, "suspect": suspect, "copying": spec.copying and worse > SUSPECT_STANDARD_ERRORS}


def _z(gap: float, value: Mapping[str, Any], floor: Mapping[str, Any], noise: float) -> float | None:
    """Return how far a value is from its floor: the normal quantile with the t probability of the jackknifed gap.

    Without replicates of both, or where all of them are equal, as of a model that only copies, it is the gap in
    units of ``noise``, the errors of both together; None where that is 0.
    """
    one, other = value.get("replicates") or (), floor.get("replicates") or ()
    error = jackknife_gap_error(one, other)
    if not error:
        return gap / noise if noise else None
    tail = max(stdtr(len(one) - 1, -abs(gap) / error), sys.float_info.min)  # else the quantile may be infinite
    return math.copysign(float(-ndtri(tail)), gap)


def _quantity(score: Mapping[str, Any]) -> str:
    """Return which quantity of a metric a value is, without a qualifier such as ", upper bound"."""
    return str((score.get("params") or {}).get("quantity") or "").split(",")[0]
