"""A sound metric, and one for each check of metrics, with the one fault that this check, and no other, must find."""

from __future__ import annotations

import random

import numpy as np

import genbench
from genbench.protocol import Score
from genbench.testing.toy_data import energy_distance

BROKEN = []


def sound(evidence):
    """Return the energy distance with a rough interval."""
    real, fake = evidence.real.rows, evidence.fake
    value = energy_distance(real, fake)
    half = 2.0 / np.sqrt(min(len(real), len(fake)))
    return Score(value, low=value - half, high=value + half, level=0.95, n_real=len(real), n_fake=len(fake))


def spec(name, target, **fields):
    return genbench.MetricSpec(name, target, None, "energy distance", **({"best": 0.0} | fields))


def broken(check, **fields):
    def register(function):
        BROKEN.append(spec(check, function, **fields))
        return function

    return register


@broken("answers_with_a_score")
def no_level(evidence):
    score = sound(evidence)
    return Score(score.value, low=score.low, high=score.high)


@broken("same_evidence_same_score")
def of_its_mood(evidence):
    return Score(sound(evidence).value + 2e-4 * random.SystemRandom().random(), detail={"a": 1})


@broken("evidence_and_process_are_left_alone")
def in_place(evidence):
    score = sound(evidence)
    evidence.fake[0] += 1e-12
    return score


@broken("order_of_rows_does_not_matter")
def pairs_rows(evidence):
    real, fake = evidence.real.rows, evidence.fake
    n = min(len(real), len(fake))
    lagged = np.mean(fake[1:] * fake[:-1]) if len(fake) > 1 else 0.0
    return Score(energy_distance(real[:n], fake[:n]) + max(0.0, float(lagged) - 0.2), detail={"a": 1})


@broken("unequal_numbers_of_rows_work")
def of_equal_numbers(evidence):
    real, fake = evidence.real.rows, evidence.fake
    return Score(energy_distance(real, fake) + abs(len(real) - len(fake)) / 100, detail={"a": 1})


@broken("few_rows_do_not_break_it")
def of_many_rows(evidence):
    if len(evidence.fake) < 10:
        raise IndexError("list index out of range")
    return sound(evidence)


@broken("a_known_fault_changes_the_score")
def constant(evidence):
    return Score(0.0, detail={"rows": len(evidence.fake)})


@broken("held_out_rows_enter_the_score")
def of_the_samples_alone(evidence):
    return Score(float(np.hypot(*(evidence.fake.mean(axis=0) - (0.3, 0.0)))), detail={"a": 1})


@broken("advertised_faults_are_seen", detects=("shift", "exact_copies"))
def of_the_means(evidence):
    gap = evidence.fake.mean(axis=0) - evidence.real.rows.mean(axis=0)
    return Score(float(np.hypot(*gap)), detail={"a": 1})


@broken("faults_change_it_for_the_worse", better="higher")
def the_wrong_way(evidence):
    return sound(evidence)


@broken(
    "copies_alone_count_as_copying", copying=True, better="higher", ranked=False, best=None, needs=("samples", "train")
)
def distance_to_training_rows(evidence):
    """Return the mean distance to the nearest training row, which is small for narrow samples as well."""
    gaps = evidence.fake[:, None] - evidence.train[None]
    return Score(float(np.sqrt((gaps**2).sum(2)).min(1).mean()), detail={"a": 1})


@broken("perfect_samples_are_near_the_best", best=1.0)
def another_best(evidence):
    return sound(evidence)


@genbench.hookimpl
def genbench_register():
    return [spec("sound", sound, detects=("shift", "dropped_modes")), *BROKEN]
