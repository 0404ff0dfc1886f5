"""Speed-up per sample and break-even, from the measured times of the cell and the declared cost of the simulator."""

from __future__ import annotations

from typing import Any

from genbench.protocol import Evidence, Score

__all__ = ["break_even", "speedup"]

NO_INTERVAL = "no interval: each time was measured once; the spread over seeds shows how much it varies"


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
    """Return fit_s / (s_simulator - s_model): samples after which training has paid for itself; lower is better.

    It is not rounded. There is no value where the model does not sample faster than the simulator: then it never pays.
    ``detail["with_training_events"]`` also counts the simulation of the training events:
    (fit_s + n_train s_simulator) / (s_simulator - s_model).
    """
    rate, cost, fit = _positive(evidence, "samples_per_s"), _cost(evidence), evidence.timing.get("fit_s")
    if rate is None or cost is None:
        return _unknown(evidence, rate)
    if fit is None:
        return Score(None, params=_params(evidence), warnings=("the training was not timed",))
    saved = cost - 1 / rate
    detail: dict[str, Any] = {"fit_s": fit, "samples_per_s": rate}
    if saved <= 0:
        reason = f"never: {1 / rate:.3g} s a sample, the simulator takes {cost:.3g} s"
        return Score(None, params=_params(evidence), detail=detail, warnings=(reason,))
    if evidence.train is not None:
        detail["with_training_events"] = (fit + len(evidence.train) * cost) / saved
    return Score(fit / saved, params=_params(evidence), detail=detail, warnings=(NO_INTERVAL,))


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
