"""The core metrics: the short list of columns, for each kind of data, that ranks models and is always shown."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from genbench.table.columns import ColumnInfo

# each entry is one metric, or the first of several that was scored; a glob takes the first column that it matches
CORE_METRICS = {
    "vector": (
        "c2st",
        "energy",
        "energy_by_condition",
        "coverage",
        "precision",
        "w1_marginal",
        "w1_observables",
        "constraints",
        "membership",
        "kl",
        "class_accuracy label_tv",
    ),
    "image": (
        "c2st",
        "frechet@* frechet",
        "kid@* kid",
        "energy_by_condition",
        "coverage",
        "membership",
        "class_accuracy label_tv",
    ),
}
MEANINGS = {
    "c2st": "area under the ROC curve of a classifier of samples against real rows, 0.5 if it cannot tell them",
    "energy": "distance of the whole distributions, 0 for a perfect model",
    "energy_by_condition": "energy distance within each class or bin of the condition, mean over them",
    "class_accuracy": "share of samples that a classifier of real rows puts in the class they were drawn given",
    "coverage": "share of the neighbourhoods of real rows that hold a sample",
    "precision": "share of samples in the neighbourhoods of real rows",
    "w1_marginal": "distance of each column on its own, mean over columns, in standard deviations",
    "w1_observables": "the same for derived quantities",
    "constraints": "share of samples that break a limit or relation which every training row keeps",
    "membership": "whether training rows are nearer to the samples than held-out rows, 0.5 if not",
    "frechet": "distance of means and covariances, 0 for a perfect model",
    "kid": "squared distance by a kernel, 0 for a perfect model",
    "kl": "nats that the model's density lacks",
    "label_tv": "distance of the frequencies of the labels",
}


def core_columns(columns: Sequence[ColumnInfo], data_kind: str) -> tuple[str, ...]:
    """Return the names of the core metrics among these columns, for ``vector`` or ``image`` data."""
    names = [c.name for c in columns if c.better and not c.timing and not c.observable]
    found = []
    for entry in CORE_METRICS.get(data_kind, CORE_METRICS["vector"]):
        for pattern in entry.split():
            matching = [name for name in names if fnmatchcase(name, pattern)]
            if matching:
                found.append(matching[0])
                break
    return tuple(found)


def meaning_of(column: str) -> str:
    """Return what a core metric measures, in a few words; empty for another column."""
    return MEANINGS.get(column.partition("@")[0], "")
