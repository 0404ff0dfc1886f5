"""Compute scores from evidence: each metric on its own, with its floor, direction and cost; failures are contained."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from genbench.errors import PluginError, describe
from genbench.protocol import Evidence, Score
from genbench.record.encoding import MAX_DEPTH, is_deep, json_value
from genbench.registry.component import Component
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floor_test import Floors, floor_fields
from genbench.scoring.scorer import Scorer, missing, unresolved


def evaluate(
    evidence: Evidence,
    scorers: Sequence[Scorer],
    floors: Floors | Mapping[str, Mapping[str, Any]] | None = None,
    listener: Callable[[str], None] = lambda _: None,
    views: Views | None = None,
    done: Mapping[str, Mapping[str, Any] | str] | None = None,
    on_score: Callable[[dict[str, Any]], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Return one score for each metric, as plain dictionaries in the order of ``scorers``.

    ``floors`` maps a column to the score of fresh real data against the same rows. ``z`` is the distance from the floor
    in standard errors of that distance; by it a score is ``suspect`` (better than real data), and one of a metric of
    copying is marked as ``copying``. A metric that raises or lacks what it needs has value None and says why in
    ``warnings``. ``listener`` is called with the label of each metric before it begins, ``on_score`` with each score.

    ``done`` maps the labels of metrics to their scores where these are known, and to why there is none for metrics that
    ended an earlier process.
    """
    if floors is not None and not isinstance(floors, Floors):
        floors = Floors(floors)
    done = done or {}
    usable = [scorer for scorer in scorers if not isinstance(done.get(scorer.label), str)]
    computed = _Computed(evidence, usable, views or Views({}))
    scores = []
    for scorer in scorers:
        listener(scorer.label)
        known = done.get(scorer.label)
        if isinstance(known, Mapping):
            scores.append(dict(known))
            continue
        if known is None:
            score, seconds = computed.score(scorer)
        else:
            score, seconds = Score(None, warnings=(f"failed: {known}",)), 0.0
        fields = _fields(scorer, score, scorer.space or evidence.space, seconds)
        scores.append(_add_reasons(json_value(fields | floor_fields(scorer, score, fields, floors))))
        on_score(scores[-1])
    return scores


def with_missing(
    metrics: Sequence[Component], made: Mapping[str, Mapping[str, Any] | str], reason: str
) -> list[dict[str, Any]]:
    """Return the scores that were ``made`` before their process ended, and for each other metric why it has none.

    ``made`` maps the label of a metric to its score, or to why it ended an earlier process; ``reason`` is why the last
    one ended. No code of a metric runs.
    """
    scores = []
    for scorer in map(unresolved, metrics):
        known = made.get(scorer.label)
        if isinstance(known, Mapping):
            scores.append(dict(known))
            continue
        why = f"not computed: {reason}" if known is None else f"failed: {known}"
        fields = _fields(scorer, Score(None, warnings=(why,)), scorer.space, 0.0)
        scores.append(_add_reasons(json_value(fields)))
    return scores


class _Computed:
    """The scores of one evidence, each computed when it is first needed: a metric may need that of another."""

    def __init__(self, evidence: Evidence, scorers: Sequence[Scorer], views: Views) -> None:
        self._evidence, self._views = evidence, views
        self._scorers = {scorer.label: scorer for scorer in scorers}
        self._found: dict[str, tuple[Score, float] | None] = {}

    def score(self, scorer: Scorer) -> tuple[Score, float]:
        """Return the score of a metric and the seconds that it took, without those of other metrics."""
        found = self._found.get(scorer.label)
        if found is None:
            self._found[scorer.label] = None  # while it is computed, so that no metric waits for itself
            seen, reason = _view(scorer, self._evidence, self._views)
            start, others = time.perf_counter(), self._seconds()
            score = Score(None, warnings=(reason,)) if reason else self._call(scorer, seen)
            found = score, time.perf_counter() - start - (self._seconds() - others)
            self._found[scorer.label] = found
        return found

    def _call(self, scorer: Scorer, seen: Evidence) -> Score:
        thinning = self._views.thinning
        if not scorer.spec.pairs or not thinning.applies(seen):
            return _call(scorer, replace(seen, score_of=self._score_of))
        score = _call(scorer, replace(thinning.thinned(seen), score_of=self._score_of))
        warning = f"of {thinning.max_rows} rows of a side at most, drawn at random"
        return replace(
            score, params={**score.params, "max_rows": thinning.max_rows}, warnings=(*score.warnings, warning)
        )

    def _seconds(self) -> float:
        return sum(found[1] for found in self._found.values() if found is not None)

    def _score_of(self, label: str) -> Score | None:
        """Return the score of another metric; None where that is not scored, or is waiting for this one."""
        scorer = self._scorers.get(label)
        waits = self._found.get(label, ()) is None
        return None if scorer is None or waits else self.score(scorer)[0]


def _view(scorer: Scorer, evidence: Evidence, views: Views) -> tuple[Evidence, str]:
    """Return the evidence in the metric's space, and why the metric cannot be computed, or an empty string."""
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


def _call(scorer: Scorer, evidence: Evidence) -> Score:
    try:
        score = scorer(evidence)
        if not isinstance(score, Score):
            return Score(None, warnings=(f"failed: the metric returned {type(score).__name__}, expected Score",))
        for name in ("detail", "params"):
            if is_deep(getattr(score, name)):
                raise PluginError(f"its {name} is nested more than {MAX_DEPTH} deep")
        numbers: dict[str, Any] = {name: _number(name, getattr(score, name)) for name in ("value", "low", "high")}
        low, high = numbers["low"], numbers["high"]
        if low is not None and high is not None and low - high > 1e-9 * abs(low):  # beyond rounding
            raise PluginError(f"the interval runs from {low:.6g} down to {high:.6g}")
        return replace(score, **numbers, replicates=_replicates(score.replicates))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        traceback.print_exc()  # into the cell's log
        return Score(None, warnings=(f"failed: {describe(error)}",))


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        math.isfinite(value)  # raises for text, which float would parse
        return float(value)
    except Exception:
        raise PluginError(f"the {name} is {value!r}, expected a number") from None


def _replicates(values: Any) -> tuple[float, ...]:
    """Return the replicates of a score as finite numbers; none where one of them is not finite."""
    numbers = [_number("replicates", value) for value in values]
    finite = [number for number in numbers if number is not None and math.isfinite(number)]
    return tuple(finite) if len(finite) == len(numbers) else ()


def _fields(scorer: Scorer, score: Score, space: str, seconds: float) -> dict[str, Any]:
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
        "copying": False,
        "replicates": list(score.replicates) or None,
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


def _add_reasons(score: dict[str, Any]) -> dict[str, Any]:
    """Add a warning with the reason for each field that is None."""
    given = " ".join(score["warnings"])
    why = []
    if score["value"] is None:
        why += [] if score["warnings"] else ["the metric gave no value and no reason"]
    elif score["low"] is None and "no interval" not in given:
        why.append("no interval: the metric gives none")
    if score["floor"] is None and "no floor" not in given:
        why.append("no floor: no other real rows were scored")
    elif score["value"] is not None and score["floor"] is not None and score["z"] is None and "no z" not in given:
        why.append(
            f"no z: the {'floor never varies' if score['floor_sd'] == 0.0 else 'spread of the floor is not known'}"
        )
    if score["best"] is None:
        why.append("no best value: it depends on the data")
    if score["value"] is not None:
        sides = (("n_real", "real rows"), ("n_fake", "samples"))
        why += [f"no {name}: no {rows} enter it" for name, rows in sides if score[name] is None]
    return score | {"warnings": [*score["warnings"], *why]}
