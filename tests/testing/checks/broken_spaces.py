"""A sound feature space, and one for each check of spaces: its fault is found by this check, and by no other."""

from __future__ import annotations

import os

import numpy as np

import genbench

BROKEN = []


class Sound:
    """Rows, whitened column by column."""

    def fit(self, train, labels, rng):
        flat = train.reshape(len(train), -1)
        self.centre, self.scale = flat.mean(0), flat.std(0) + 1e-9
        self.tilt = 1e-3 * rng.normal(size=flat.shape[1])

    def transform(self, rows):
        return (rows.reshape(len(rows), -1) - self.centre) / self.scale + self.tilt

    def state(self):
        return {"centre": self.centre, "scale": self.scale, "tilt": self.tilt}

    def restore(self, state):
        self.__dict__.update(state)


def broken(cls):
    BROKEN.append(genbench.SpaceSpec(cls.__name__, cls, None, "rows, whitened"))
    return cls


@broken
class features_are_rows_of_numbers(Sound):  # noqa: N801 (the name of the check)
    def transform(self, rows):
        return super().transform(rows).astype(np.float32)


@broken
class each_row_is_mapped_for_itself(Sound):  # noqa: N801
    def transform(self, rows):
        return super().transform(rows) + 0.01 * (len(rows) == 20)


@broken
class same_generator_same_features(Sound):  # noqa: N801
    def fit(self, train, labels, rng):
        super().fit(train, labels, np.random.default_rng())


@broken
class rows_and_process_are_left_alone(Sound):  # noqa: N801
    def fit(self, train, labels, rng):
        super().fit(train, labels, rng)
        os.environ["A_SPACE_WAS_HERE"] = "yes"


@broken
class kept_state_gives_the_same_features(Sound):  # noqa: N801
    def state(self):
        return {**super().state(), "tilt": 0 * self.tilt}


@broken
class features_tell_rows_apart(Sound):  # noqa: N801
    def transform(self, rows):
        return np.zeros((len(rows), 3))


@genbench.hookimpl
def genbench_register():
    return [genbench.SpaceSpec("sound", Sound, None, "rows, whitened"), *BROKEN]
