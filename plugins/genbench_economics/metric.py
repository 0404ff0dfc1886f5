"""Speed-up per sample and break-even, from the measured times of the cell and the declared cost of the simulator."""

from __future__ import annotations

from typing import Any

from genbench.protocol import Evidence, Score

__all__ = ["break_even", "speedup"]

NO_INTERVAL = "no interval: each time was measured once; the spread over seeds shows how much it varies"
NO_WORTH = "not limited by what the samples are worth, which was not scored beside it: score equivalent, too"


def speedup(evidence: Evidence) -> Score:
    """Return the seconds of a simulated sample divided by those of a generated one, without unit; higher is better.

    The model's seconds are measured on the device of the cell; the simulator's are declared by the dataset. The
    training is not counted: it is in `break_even`.
    """
    rate, cost = _positive(evidence, "samples_per_s"), _cost(evidence)
    if rate is None or cost is None:
        return _unknown(evidence, rate)
    return Score(cost * rate, params=_params(evidence), detail={"samples_per_s": rate}, warnings=(NO_INTERVAL,))


def break_even(evidence: Evidence) -> Score:
    """Return the number of samples from which on the model has cost less than simulating as many; lower is better.

    It is (n_train s + fit_s) / (s - 1/samples_per_s), for s seconds of the simulator a sample: the n_train training
    events had to be simulated first. It is not rounded. There is no value where training never pays: where the model
    samples no faster than the simulator, and where the samples are worth fewer real events than that (`equivalent`, if
    it is scored beside): N samples carry no more information than their worth, so that they save at most
    worth (s - 1/samples_per_s) - n_train s - fit_s seconds. Where the worth is only known as a lower bound, that bound
    decides nothing. ``detail`` has the ``worth``, whether that is ``worth_at_least``, and ``training_only``, the number
    of samples that pays for fit_s alone. Butter et al. 2020, arXiv:2008.06545, for the limit by the information.
    """
    rate, cost, fit = _positive(evidence, "samples_per_s"), _cost(evidence), evidence.timing.get("fit_s")
    if rate is None or cost is None:
        return _unknown(evidence, rate)
    if fit is None or evidence.train is None:
        reason = "the training was not timed" if fit is None else "needs the training rows, which were simulated first"
        return Score(None, params=_params(evidence), warnings=(reason,))
    n, saved = len(evidence.train), cost - 1 / rate
    detail: dict[str, Any] = {"fit_s": fit, "samples_per_s": rate, "n_train": n}
    if saved <= 0:
        reason = f"never: {1 / rate:.3g} s a sample, the simulator takes {cost:.3g} s"
        return Score(None, params=_params(evidence), detail=detail, warnings=(reason,))
    value = (n * cost + fit) / saved
    worth, at_least = _worth(evidence)
    detail |= {"training_only": fit / saved, "worth": worth, "worth_at_least": at_least}
    if worth is not None and not at_least and worth < value:
        reason = f"never pays: worth {worth:,.0f} of {n:,} simulated training events"
        if worth > n:
            reason = f"never pays: worth {worth:,.0f} events, and training cost as much as simulating {value:,.0f}"
        return Score(None, params=_params(evidence), detail=detail, warnings=(reason,))
    warnings = (NO_INTERVAL,) if worth is not None else (NO_INTERVAL, NO_WORTH)
    return Score(value, params=_params(evidence), detail=detail, warnings=warnings)


def _worth(evidence: Evidence) -> tuple[float | None, bool]:
    """Return how many real events the samples are worth, if that is scored beside, and whether it is a lower bound."""
    score = None if evidence.score_of is None else evidence.score_of("equivalent")
    return (None, False) if score is None else (score.value, bool(score.detail.get("at_least")))


def _cost(evidence: Evidence) -> float | None:
    cost = None if evidence.simulator is None else evidence.simulator.seconds_per_sample
    return cost if cost is not None and cost > 0 else None


def _positive(evidence: Evidence, name: str) -> float | None:
    value = evidence.timing.get(name)
    return value if value is not None and value > 0 else None


def _params(evidence: Evidence) -> dict[str, Any]:
    assert evidence.simulator is not None
    return {"simulator": evidence.simulator.name, "seconds_per_sample": evidence.simulator.seconds_per_sample}


def _unknown(evidence: Evidence, rate: float | None) -> Score:
    reason = "sampling was not timed" if rate is None else "the simulator declares no cost per sample"
    return Score(None, params=_params(evidence), warnings=(reason,))
