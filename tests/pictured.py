"""Subjects of pictures made up for tests."""

import numpy as np
from synthetic import record, score

from genbench.protocol import Data
from genbench.report.figures.dataset_results import SeedSamples
from genbench.report.figures.draw import results_by_dataset

RNG = np.random.default_rng(0)


def subject_with(data, samples, **fields):
    """Return a subject whose models have these samples."""
    records = [record(label, 0, [score("energy", 1.0)], **fields) for label in [*samples, "real"]]
    (subject,) = results_by_dataset(records)
    subject.__dict__["seed_samples"] = SeedSamples(0, data, {**samples, "real": data.reference})
    return subject


def table(n=4000, d=3, **fields):
    rows = RNG.normal(size=(3, n, d))
    return Data(*rows, **fields)
