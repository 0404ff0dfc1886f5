"""Whether samples that are drawn given conditions are right for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["ClassAccuracyConfig", "EnergyByConditionConfig", "genbench_register"]


@dataclass(frozen=True)
class EnergyByConditionConfig:
    """Options of the energy distance by condition."""

    bins: int = 5  # of a numerical condition, with equally many held-out rows

    def __post_init__(self) -> None:
        if not 1 <= self.bins <= 50:
            raise ValueError(f"bins must be in [1, 50], got {self.bins}")


@dataclass(frozen=True)
class ClassAccuracyConfig:
    """Options of the classifier that judges samples."""

    trees: int = 100  # of the forest

    def __post_init__(self) -> None:
        if not 1 <= self.trees <= 10_000:
            raise ValueError(f"trees must be in [1, 10000], got {self.trees}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the metrics of conditional samples."""
    return [
        MetricSpec(
            "energy_by_condition",
            "genbench_conditional.by_condition:energy_by_condition",
            EnergyByConditionConfig,
            "mean energy distance within each class, or bin of a condition",
            unit="units of the space",
            best=0.0,
            needs=("samples", "conditions"),
            paper="Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018",
        ),
        MetricSpec(
            "class_accuracy",
            "genbench_conditional.classes:class_accuracy",
            ClassAccuracyConfig,
            "share of samples in which a classifier of real rows finds the class they were drawn given",
            better="higher",
            needs=("samples", "train", "conditions"),
            paper="Ravuri & Vinyals 2019, arXiv:1905.10887",
        ),
        MetricSpec(
            "posterior_accuracy",
            "genbench_conditional.posterior:posterior_accuracy",
            None,
            "share of held-out rows whose class is the most probable by the model's density and Bayes' theorem",
            better="higher",
            needs=("density", "conditions"),
        ),
        MetricSpec(
            "posterior_nll",
            "genbench_conditional.posterior:posterior_nll",
            None,
            "-log p(class given row) of held-out rows, by the model's density and Bayes' theorem",
            unit="nats",
            needs=("density", "conditions"),
        ),
    ]
