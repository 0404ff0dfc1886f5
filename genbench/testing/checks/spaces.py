"""Checks of feature spaces: each row is mapped on its own, reproducibly, and the state can be restored."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbench.protocol import Array
from genbench.testing import toy_data
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.process_state import expect_generators_unused, expect_process_unchanged

NUMBER_OF_ROWS = 400


def rows_and_labels(subject: Subject) -> tuple[Array, Array]:
    """Return training rows, standardised vectors or images in [0, 1], and their labels."""
    rng = np.random.default_rng(0)
    if "vector" in subject.spec.data:
        rows = toy_data.CLUSTERS.draw(NUMBER_OF_ROWS, rng)
        return rows, toy_data.CLUSTERS.nearest(rows)
    images = (toy_data.images(NUMBER_OF_ROWS, rng) + 1) / 2
    return images, (images[:, 0, 0, 0] > 0.5).astype(np.int64)


def fit(subject: Subject, seed: int = 0) -> Any:
    """Return a space newly fitted under a seed."""
    space = subject.build()
    rows, labels = rows_and_labels(subject)
    space.fit(rows, labels if "labels" in subject.spec.needs else None, np.random.default_rng(seed))
    return space


def fitted_space(subject: Subject) -> Any:
    """Return a fitted space, shared by several checks."""
    return subject.once("space", lambda: fit(subject))


@check("space", remedy="return one row of float64 features per row")
def features_are_rows_of_numbers(subject: Subject) -> None:
    """For any number of rows, transform returns as many rows of finite float64 features, of a fixed number."""
    rows, _ = rows_and_labels(subject)
    widths = set()
    for n in (1, 7, NUMBER_OF_ROWS):
        features = fitted_space(subject).transform(rows[:n])
        expect(isinstance(features, np.ndarray), f"transform returned {type(features).__name__}")
        expect(features.ndim == 2 and len(features) == n, f"for {n} rows the features have shape {features.shape}")
        expect(features.dtype == np.float64, f"the features have dtype {features.dtype}, expected float64")
        expect(np.isfinite(features).all(), "some features are not finite")
        widths.add(features.shape[1])
    expect(len(widths) == 1, f"the number of features depends on the number of rows: {sorted(widths)}")


@check("space", remedy="transform each row on its own, without statistics over the rows of a call")
def each_row_is_mapped_for_itself(subject: Subject) -> None:
    """The features of a row do not depend on the other rows of the call."""
    rows, _ = rows_and_labels(subject)
    together, alone = fitted_space(subject).transform(rows)[:20], fitted_space(subject).transform(rows[:20])
    worst = float(np.abs(together - alone).max())
    expect(worst <= 1e-4 * (1 + np.abs(alone).max()), f"features change by {worst:.3g} with the other rows of the call")


@check("space", remedy="draw from the generator that fit is given, or seed torch by it")
def same_generator_same_features(subject: Subject) -> None:
    """Fitted twice with the same generator, it gives the same features, bit for bit."""
    rows, _ = rows_and_labels(subject)
    same = np.array_equal(fitted_space(subject).transform(rows), fit(subject).transform(rows))
    expect(same, "fitted twice with one seed, the features differ")


@check("space", remedy="work on copies, and change no global setting")
def rows_and_process_are_left_alone(subject: Subject) -> None:
    """Fit and transform change no row, use no global generator and leave the process unchanged."""
    rows, labels = rows_and_labels(subject)
    before, space = rows.copy(), subject.build()
    with expect_process_unchanged("the space"), expect_generators_unused("the space"):
        space.fit(rows, labels if "labels" in subject.spec.needs else None, np.random.default_rng(0))
        space.transform(rows)
    expect(np.array_equal(rows, before), "it changed the rows")


@check("space", remedy="return all that transform needs from state(), as arrays, and restore it in restore(state)")
def kept_state_gives_the_same_features(subject: Subject) -> None:
    """A space restored from its state gives the same features."""
    if not hasattr(fitted_space(subject), "state"):
        raise Skipped("it has no method state()")
    rows, _ = rows_and_labels(subject)
    state = {name: np.asarray(array) for name, array in fitted_space(subject).state().items()}
    again = subject.build()
    again.restore(state)
    expect(
        np.array_equal(again.transform(rows), fitted_space(subject).transform(rows)),
        "after restoring its state, the features differ",
    )


@check("space", remedy="make the features depend on the rows: constant features hide every fault")
def features_tell_rows_apart(subject: Subject) -> None:
    """The two groups of rows in the data have different features."""
    rows, labels = rows_and_labels(subject)
    features = fitted_space(subject).transform(rows)
    groups = [features[labels == label] for label in (0, 1)]
    gap = np.abs(groups[0].mean(0) - groups[1].mean(0)).max()
    noise = max(float(group.std(0).max()) for group in groups) / np.sqrt(NUMBER_OF_ROWS / 2)
    expect(gap > 5 * noise + 1e-9, f"the mean features of the groups differ by {gap:.3g}, with a noise of {noise:.3g}")
