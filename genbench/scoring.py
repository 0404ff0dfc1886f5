"""Evidence -> scores: each metric on its own, with its floor, direction and cost; one that fails harms no other."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genbench.errors import PluginError, describe
from genbench.protocol import Evidence, Score
from genbench.record.encoding import plain
from genbench.record.score import SUSPECT, floor_spread, standard_error
from genbench.registry.options import label
from genbench.spaces import Views
from genbench.spec import MetricSpec

__all__ = ["Floors", "Scorer", "evaluate", "missing"]

COPIES = "suspect copies"  # how a metric begins to say that rows repeat training rows


@dataclass(frozen=True)
class Scorer:
    """A metric that is ready to be called; ``space`` is empty for the standard space of the data."""

    spec: MetricSpec
    function: Callable[..., Score]
    config: Any = None
    space: str = ""

    def __call__(self, evidence: Evidence) -> Score:
        """Return the score."""
        return self.function(evidence) if self.spec.config is None else self.function(evidence, self.config)

    @property
    def label(self) -> str:
        """What its column is called: ``frechet``, ``frechet@pca``, ``mmd[bandwidth=2]``."""
        own = label(self.spec.name, self.config)
        return own if self.space in ("", self.spec.space) else f"{own}@{self.space}"


@dataclass(frozen=True)
class Floors:
    """What fresh real data score against the same rows: one plain score for each column.

    ``floor_sd`` of such a score wins over what its interval implies. Where the floors are of other numbers of rows than
    the samples, ``like`` holds the scores of as many samples, which are what is compared.
    """

    scores: Mapping[str, Mapping[str, Any]]
    source: str = "reference"
    like: Mapping[str, Mapping[str, Any]] | None = None


def missing(spec: MetricSpec, evidence: Evidence) -> str:
    """Return why a metric cannot be computed from this evidence, or an empty string."""
    if evidence.kind not in spec.data:
        return f"needs {' or '.join(spec.data)} data"
    has = {
        "samples": True,
        "train": evidence.train is not None,
        "density": evidence.density_test is not None,
        "truth": evidence.truth_test is not None or evidence.truth_fake is not None,
        "modes": evidence.modes is not None,
        "labels": evidence.labels_test is not None,
        "observables": evidence.observables_test is not None,
        "simulator": evidence.simulator is not None,
        "timing": bool(evidence.timing),
    }
    why = {"density": "the model has no likelihood", "truth": "the density of the data is not known"}
    return "; ".join(why.get(need, f"needs {need}") for need in spec.needs if not has[need])


def evaluate(
    evidence: Evidence,
    scorers: Sequence[Scorer],
    floors: Floors | Mapping[str, Mapping[str, Any]] | None = None,
    listener: Callable[[str], None] = lambda _: None,
    views: Views | None = None,
) -> list[dict[str, Any]]:
    """Return one plain score a metric, in the order of ``scorers``.

    ``floors`` maps a column to the score of fresh real data against the same rows; ``z`` is the distance from it in its
    standard deviations, while ``suspect`` (better than real data) counts the error of the value as well. A metric that
    raises or that lacks what it needs has value None and says why in ``warnings``.
    """
    if floors is not None and not isinstance(floors, Floors):
        floors = Floors(floors)
    views = views or Views({})
    scores = []
    for scorer in scorers:
        listener(scorer.label)
        seen, reason = _look(scorer, evidence, views)
        start = time.perf_counter()
        score = Score(None, warnings=(reason,)) if reason else _attempt(scorer, seen)
        seconds = time.perf_counter() - start
        found = _finished(scorer, score, scorer.space or evidence.space, seconds)
        scores.append(plain(found | _beside_floor(scorer, score, found, floors)))
    return [_reasoned(score) for score in scores]


def _look(scorer: Scorer, evidence: Evidence, views: Views) -> tuple[Evidence, str]:
    """Return the evidence in the metric's space, and why it cannot be scored, if so."""
    lacking = missing(scorer.spec, evidence)
    if lacking or not scorer.space:
        return evidence, lacking
    try:
        return views.view(evidence, scorer.space, train="train" in scorer.spec.needs), ""
    except PluginError as error:
        return evidence, str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        traceback.print_exc()
        return evidence, f"space {scorer.space!r}: {describe(error)}"


def _attempt(scorer: Scorer, evidence: Evidence) -> Score:
    try:
        score = scorer(evidence)
        if not isinstance(score, Score):
            return Score(None, warnings=(f"failed: the metric returned {type(score).__name__}, expected Score",))
        numbers: dict[str, Any] = {name: _number(name, getattr(score, name)) for name in ("value", "low", "high")}
        low, high = numbers["low"], numbers["high"]
        if low is not None and high is not None and low - high > 1e-9 * abs(low):  # beyond rounding
            raise PluginError(f"the interval runs from {low:.6g} down to {high:.6g}")
        return replace(score, **numbers)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        traceback.print_exc()  # into the cell's log
        return Score(None, warnings=(f"failed: {describe(error)}",))


def _number(name: str, given: Any) -> float | None:
    if given is None:
        return None
    try:
        math.isfinite(given)  # refuses text, which float would read
        return float(given)
    except Exception:
        raise PluginError(f"the {name} is {given!r}, expected a number") from None


def _finished(scorer: Scorer, score: Score, space: str, seconds: float) -> dict[str, Any]:
    value, warnings, spec = score.value, list(score.warnings), scorer.spec
    if value is not None and not math.isfinite(value):
        warnings.append(f"the value is {value}")
        score, value = replace(score, low=None, high=None, level=None), None
    return {
        "metric": spec.name,
        "label": scorer.label,
        "value": value,
        "low": score.low,
        "high": score.high,
        "level": score.level,
        "floor": None,
        "floor_sd": None,
        "floor_from": None,
        "z": None,
        "suspect": False,
        "better": spec.better,
        "ranked": spec.ranked and score.ranked,
        "unit": spec.unit,
        "best": spec.best,
        "n_real": score.n_real,
        "n_fake": score.n_fake,
        "space": space,
        "params": score.params,
        "detail": score.detail,
        "version": spec.version,
        "seconds": seconds,
        "warnings": warnings,
    }


def _beside_floor(scorer: Scorer, score: Score, found: Mapping[str, Any], floors: Floors | None) -> dict[str, Any]:
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
    suspect = score.ranked and not spoilt and worse < -SUSPECT * noise < 0.0
    return fields | {"z": gap / spread if spread else None, "suspect": suspect}


def _quantity(score: Mapping[str, Any]) -> str:
    """Return which of several quantities of one name a value is, without ", upper bound", which is still that one."""
    return str((score.get("params") or {}).get("quantity") or "").split(",")[0]


def _reasoned(score: dict[str, Any]) -> dict[str, Any]:
    """Give a reason for each field that does not exist."""
    told_of = " ".join(score["warnings"])
    why = []
    if score["value"] is None:
        why += [] if score["warnings"] else ["the metric gave no value and no reason"]
    elif score["low"] is None and "no interval" not in told_of:
        why.append("no interval: the metric gives none")
    if score["floor"] is None and "no floor" not in told_of:
        why.append("no floor: no other real rows were scored")
    elif score["value"] is not None and score["floor"] is not None and score["z"] is None and "no z" not in told_of:
        why.append(
            f"no z: the {'floor never varies' if score['floor_sd'] == 0.0 else 'spread of the floor is not known'}"
        )
    if score["best"] is None:
        why.append("no best value: it depends on the data")
    if score["value"] is not None:
        sides = (("n_real", "real rows"), ("n_fake", "samples"))
        why += [f"no {name}: no {rows} enter it" for name, rows in sides if score[name] is None]
    return score | {"warnings": [*score["warnings"], *why]}
