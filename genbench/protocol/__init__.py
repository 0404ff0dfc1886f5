"""The contracts between the core and its plugins: what each receives and what it must return.

A plugin's class does not inherit from the protocols: it only needs their methods.
"""

from genbench.budget import Sizes
from genbench.protocol.datasets import Array, Data, Dataset, Modes, Simulator, WeightedRows
from genbench.protocol.evidence import (
    Evidence,
    HeldOutTasks,
    LogDensity,
    Metric,
    RealSide,
    Score,
    jackknife_groups,
)
from genbench.protocol.models import Likelihood, Model, TrainingData
from genbench.protocol.run_context import RunContext, Sampler
from genbench.protocol.spaces import FeatureSpace
from genbench.spec import Column

__all__ = [
    "Array",
    "Column",
    "Data",
    "Dataset",
    "Evidence",
    "FeatureSpace",
    "HeldOutTasks",
    "Likelihood",
    "LogDensity",
    "Metric",
    "Model",
    "Modes",
    "RealSide",
    "RunContext",
    "Sampler",
    "Score",
    "Simulator",
    "Sizes",
    "TrainingData",
    "WeightedRows",
    "jackknife_groups",
]
