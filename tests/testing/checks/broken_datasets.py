"""A sound dataset, and one for each check of datasets, with the one fault that this check, and no other, must find."""

from __future__ import annotations

import math
import os
import random
from dataclasses import replace

import numpy as np

import genbench
from genbench.protocol import Column, Data, Modes, Simulator
from genbench.testing.toy_data import Clusters

LAW = Clusters(np.array([[2.0, 0.0], [-2.0, 0.0]]), 0.5, np.array([0.5, 0.5]))
ENTROPY = math.log(2) + math.log(2 * math.pi * math.e) + 2 * math.log(0.5)  # the clusters do not overlap
FLAGS = dict.fromkeys(("density", "modes", "labels", "observables", "simulator"), True)
BROKEN = {}


class SoundData:
    """Two clusters in the plane, with all that a dataset can carry."""

    def load(self, sizes, rng):
        parts = [self.draw(n, rng) for n in (sizes.train, sizes.test, sizes.reference)]
        return Data(
            *parts,
            log_prob=LAW.log_prob,
            entropy=ENTROPY,
            modes=Modes(LAW.centres, LAW.std, LAW.weights),
            labels=dict(zip(("train", "test", "reference"), map(LAW.nearest, parts), strict=True)),
            observables=lambda rows: {"radius": np.hypot(*rows.T)},
            simulator=Simulator(0.1, "two clusters 1.0"),
            columns=(Column("x"), Column("y")),
        )

    def draw(self, n, rng):
        return LAW.draw(n, rng)


def spec(name, target, **fields):
    known = {"licence": "MIT", "source": "generated"} | FLAGS | fields
    return genbench.DatasetSpec(name, target, None, "two clusters", **known)


def broken(check, **fields):
    def register(cls):
        BROKEN[check] = spec(check, cls, **fields)
        return cls

    return register


class Changed(SoundData):
    """Sound but for what ``change`` does to the data."""

    def load(self, sizes, rng):
        return self.change(super().load(sizes, rng))


@broken("constructor_is_inert")
class Eager(SoundData):
    def __init__(self):
        self.early = random.random()


@broken("splits_are_finite_and_alike")
class Generous(SoundData):
    def draw(self, n, rng):
        return super().draw(n + 1, rng)


@broken("splits_share_no_row")
class Leaks(Changed):
    def change(self, data):
        test = data.test.copy()
        test[:5] = data.train[:5]
        labels = {**data.labels, "test": LAW.nearest(test)}
        return replace(data, test=test, labels=labels)


@broken("same_generator_same_data")
class Unseeded(SoundData):
    def draw(self, n, rng):
        return LAW.draw(n, np.random.default_rng())


@broken("other_generator_other_data")
class AlwaysTheSame(SoundData):
    def load(self, sizes, rng):
        return super().load(sizes, np.random.default_rng(0))


@broken("loading_leaves_the_process_alone")
class Rude(SoundData):
    def draw(self, n, rng):
        os.environ["A_DATASET_WAS_HERE"] = str(rng.integers(1 << 30))
        return super().draw(n, rng)


@broken("flags_are_true", simulator=False)
class Undeclared(SoundData):
    pass


@broken("columns_have_their_kinds")
class NotWhole(Changed):
    def change(self, data):
        return replace(data, columns=(Column("x"), Column("y", kind="integer")))


@broken("origin_is_stated", licence="")
class OfUnknownOrigin(SoundData):
    pass


@broken("log_prob_gives_a_number_a_row")
class Blind(Changed):
    def change(self, data):
        first = data.test[0].copy()

        def log_prob(x):
            values = LAW.log_prob(x)
            return values if len(x) > 50 else np.where((x == first).all(1), -np.inf, values)

        return replace(data, log_prob=log_prob)


@broken("declared_density_integrates_to_one")
class Unnormalised(Changed):
    def change(self, data):
        return replace(data, log_prob=lambda x: LAW.log_prob(x) + 0.3, entropy=ENTROPY - 0.3)


@broken("declared_density_is_that_of_the_draws")
class Warmer(Changed):
    def change(self, data):
        law = Clusters(LAW.centres, 0.6, LAW.weights)
        return replace(data, log_prob=law.log_prob)


@broken("declared_modes_hold_the_draws")
class Misplaced(Changed):
    def change(self, data):
        return replace(data, modes=Modes(LAW.centres, LAW.std, np.array([0.8, 0.2])))


@broken("labels_fit_the_rows")
class OneLabelShort(Changed):
    def change(self, data):
        return replace(data, labels={**data.labels, "test": data.labels["test"][:-1]})


@broken("observables_fit_the_rows")
class Relative(Changed):
    def change(self, data):
        return replace(data, observables=lambda rows: {"x": rows[:, 0] - rows[:, 0].mean()})


@broken("simulator_has_a_cost")
class Free(Changed):
    def change(self, data):
        return replace(data, simulator=Simulator(0.0, "two clusters 1.0"))


@genbench.hookimpl
def genbench_register():
    return [spec("sound", SoundData), *BROKEN.values()]
