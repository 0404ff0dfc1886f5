"""Evidence of a few rows, and metrics of a line."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Evidence, RealSide, Score
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec


def evidence(**fields) -> Evidence:
    return Evidence(RealSide(np.zeros((5, 2))), np.ones((5, 2)), **fields)


def scorer(answer, name: str = "asked", **declared) -> Scorer:
    def metric(_: Evidence) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return Scorer(MetricSpec(name, metric, None, "a metric", **declared), metric)


GOOD = Score(1.5, low=1.0, high=2.0, level=0.95, n_real=5, n_fake=5, params={"k": 3}, detail={"x": np.arange(2)})
