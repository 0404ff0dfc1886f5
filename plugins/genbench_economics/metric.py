"""Speed-up per sample and break-even, from the clocks of the cell and the declared cost of the simulator."""

from __future__ import annotations

from typing import Any

from genbench.protocol import Evidence, Score

__all__ = ["break_even", "speedup"]

ONE_CLOCK = "no interval: each clock ran once; the spread over seeds tells how far it varies"


def speedup(evidence: Evidence) -> Score:
    """Return the seconds of a simulated sample over those of a generated one, without unit; higher is better.

    The model's are those of its timed batches, on the device of the cell; the simulator's are declared by the dataset.
    Training is not counted: that is `break_even`.
    """
    rate, cost = _positive(evidence, "samples_per_s"), _cost(evidence)
    if rate is None or cost is None:
        return _unknown(evidence, rate)
    return Score(cost * rate, params=_params(evidence), detail={"samples_per_s": rate}, warnings=(ONE_CLOCK,))


def break_even(evidence: Evidence) -> Score:
    """Return fit_s / (s_simulator - s_model): samples after which training has paid for itself; lower is better.

    Rounded to no whole sample. None where the model samples no faster than the simulator: it never pays.
    ``detail["with_training_events"]`` counts the simulation of the training events too:
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
        why = f"never: {1 / rate:.3g} s a sample, the simulator takes {cost:.3g} s"
        return Score(None, params=_params(evidence), detail=detail, warnings=(why,))
    if evidence.train is not None:
        detail["with_training_events"] = (fit + len(evidence.train) * cost) / saved
    return Score(fit / saved, params=_params(evidence), detail=detail, warnings=(ONE_CLOCK,))


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
    why = "sampling was not timed" if rate is None else "the simulator declares no cost per sample"
    return Score(None, params=_params(evidence), warnings=(why,))
