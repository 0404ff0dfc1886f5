"""Metrics whose power is known, some that go wrong, and audits of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import genbench
from genbench.auditing.result import Audit
from genbench.protocol import Array

METRICS = '''
"""Metrics whose power is known, and some that go wrong."""

import numpy as np

from genbench import MetricSpec, hookimpl
from genbench.protocol import Score


def mean(evidence):
    return Score(float(evidence.fake[:, 0].mean()))


def copied(evidence):
    known = set(map(bytes, np.ascontiguousarray(evidence.train)))
    return Score(sum(bytes(row) in known for row in np.ascontiguousarray(evidence.fake)) / len(evidence.fake))


def blind(evidence):
    return Score(float(evidence.rng(str(evidence.fake[0])).normal()))


def far(evidence):
    return Score(float(np.median(evidence.fake[:, 0])))


def shy(evidence):
    if np.abs(evidence.fake).max() > 8:
        return Score(None, warnings=("too far for me",))
    return Score(float(evidence.fake.std()))


def broken(evidence):
    raise ValueError("no such luck")


def likes_far(evidence):
    return Score(float(np.abs(evidence.fake).max()))


@hookimpl
def genbench_register():
    return [
        MetricSpec("t_mean", mean, None, "mean of the first column", ranked=False, detects=("shift",)),
        MetricSpec("t_copied", copied, None, "share of copies", needs=("samples", "train"), detects=("exact_copies",)),
        MetricSpec("t_blind", blind, None, "a random number", detects=("shift", "outliers")),
        MetricSpec("t_far", far, None, "the median", ranked=False, detects=("shift", "quantisation")),
        MetricSpec("t_shy", shy, None, "the width, of rows that are near", detects=("outliers",)),
        MetricSpec("t_broken", broken, None, "raises", detects=("shift",)),
        MetricSpec("t_likes_far", likes_far, None, "the farthest number", better="higher"),
    ]
'''


def normal(n: int, d: int = 1, seed: int = 0) -> Array:
    rows: Array = np.random.default_rng(seed).standard_normal((n, d))
    return rows


def audit(plugin: Path, real: Array, metrics: str, faults: str = "shift", **given: Any) -> Audit:
    return genbench.audit(real=real, metrics=metrics, faults=faults, plugins=plugin, **given)
