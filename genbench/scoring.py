"""Evidence -> scores: each metric on its own, with its floor, direction and cost; one that fails harms no other."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genbench.discovery import told
from genbench.errors import PluginError
from genbench.protocol import Evidence, Score
from genbench.record import plain
from genbench.spec import MetricSpec

__all__ = ["Scorer", "evaluate", "missing", "standard_error"]


@dataclass(frozen=True)
class Scorer:
    """A metric that is ready to be called."""

    spec: MetricSpec
    function: Callable[..., Score]
    config: Any = None

    def __call__(self, evidence: Evidence) -> Score:
        """Return the score."""
        return self.function(evidence) if self.spec.config is None else self.function(evidence, self.config)


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
    floors: Mapping[str, Mapping[str, Any]] | None = None,
    listener: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Return one plain score a metric, in the order of ``scorers``.

    ``floors`` maps a metric to the score of fresh real data against the same rows. A metric that raises or that lacks
    what it needs has value None and says why in ``warnings``.
    """
    scores = []
    for scorer in scorers:
        listener(scorer.spec.name)
        start = time.perf_counter()
        score = _attempt(scorer, evidence)
        seconds = time.perf_counter() - start
        scores.append(_finished(scorer.spec, score, evidence.space, seconds, (floors or {}).get(scorer.spec.name)))
    return scores


def _attempt(scorer: Scorer, evidence: Evidence) -> Score:
    lacking = missing(scorer.spec, evidence)
    if lacking:
        return Score(None, warnings=(lacking,))
    try:
        score = scorer(evidence)
        if not isinstance(score, Score):
            return Score(None, warnings=(f"the metric returned {type(score).__name__}, expected Score",))
        numbers: dict[str, Any] = {name: _number(name, getattr(score, name)) for name in ("value", "low", "high")}
        return replace(score, **numbers)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        traceback.print_exc()  # into the cell's log
        return Score(None, warnings=(f"failed: {told(error)}",))


def _number(name: str, given: Any) -> float | None:
    if given is None:
        return None
    try:
        math.isfinite(given)  # refuses text, which float would read
        return float(given)
    except Exception:
        raise PluginError(f"the {name} is {given!r}, expected a number") from None


def _finished(
    spec: MetricSpec, score: Score, space: str, seconds: float, floor: Mapping[str, Any] | None
) -> dict[str, Any]:
    value, warnings = score.value, list(score.warnings)
    if value is not None and not math.isfinite(value):
        warnings.append(f"the value is {value}")
        value = None
    floor_value = None if floor is None else floor.get("value")
    floor_sd = None if floor is None else standard_error(floor)
    z = None
    if value is not None and floor_value is not None and floor_sd:
        z = (value - floor_value) / math.hypot(floor_sd, standard_error({"low": score.low, "high": score.high}) or 0.0)
    return plain(  # type: ignore[no-any-return]
        {
            "metric": spec.name,
            "value": value,
            "low": score.low,
            "high": score.high,
            "level": score.level,
            "floor": floor_value,
            "floor_sd": floor_sd,
            "z": z,
            "better": spec.better,
            "ranked": spec.ranked,
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
    )


def standard_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that an interval at 95 % implies, None where there is no interval."""
    low, high = score.get("low"), score.get("high")
    return None if low is None or high is None else (high - low) / (2 * 1.96)
