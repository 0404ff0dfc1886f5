"""Metrics that are ready to be called, and what they need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from evidences import GOOD, evidence, scorer

from genbench.protocol import LogDensity, Modes, Score, Simulator
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer, missing
from genbench.spec import MetricSpec

LOG = LogDensity(np.zeros(5), "exact")


HAVING = {
    "train": {"train": np.zeros((5, 2))},
    "density": {"density_test": LOG},
    "truth": {"truth_test": np.zeros(5)},
    "modes": {"modes": Modes(np.zeros((1, 2)), 1.0, np.ones(1))},
    "labels": {"labels_test": np.zeros(5, int)},
    "observables": {"observables_test": {"mass": np.zeros(5)}},
    "simulator": {"simulator": Simulator(1.0, "slow")},
    "timing": {"timing": {"fit_s": 1.0}},
}


@pytest.mark.parametrize("need", HAVING)
def test_a_metric_is_not_asked_without_what_it_needs(need: str) -> None:
    asked = scorer(GOOD, needs=(need,))
    [without] = evaluate(evidence(), [asked])
    assert without["value"] is None
    assert [text for text in without["warnings"] if not text.startswith("no ")] == without["warnings"][:1]
    [with_it] = evaluate(evidence(**HAVING[need]), [asked])
    assert with_it["value"] == 1.5


def test_what_lacks_is_told_in_words() -> None:
    spec = MetricSpec("m", "a:b", None, "m", needs=("density", "truth", "train"))
    assert missing(spec, evidence()) == (
        "the model has no likelihood; the density of the data is not known; needs train"
    )
    assert missing(MetricSpec("m", "a:b", None, "m", data=("image",)), evidence()) == "needs image data"
    assert missing(MetricSpec("m", "a:b", None, "m"), evidence()) == ""


@dataclass(frozen=True)
class Config:
    power: int = 2


def test_a_metric_with_options_is_given_them() -> None:
    spec = MetricSpec("m", "a:b", Config, "m")
    [score] = evaluate(evidence(), [Scorer(spec, lambda _, config: Score(float(config.power)), Config(5))])
    assert score["value"] == 5
