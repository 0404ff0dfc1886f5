"""Checks of feature spaces: features of each row for itself, the same each time, and kept as they were fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbench.protocol import Array
from genbench.testing import laws
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.surroundings import generators_untouched, untouched

N = 400


def rows_and_labels(subject: Subject) -> tuple[Array, Array]:
    """Return training rows in the core's standard space, vectors or images in [0, 1], and their labels."""
    rng = np.random.default_rng(0)
    if "vector" in subject.spec.data:
        rows = laws.clusters().draw(N, rng)
        return rows, laws.clusters().nearest(rows)
    images = (laws.images(N, rng) + 1) / 2
    return images, (images[:, 0, 0, 0] > 0.5).astype(np.int64)


def fit(subject: Subject, seed: int = 0) -> Any:
    """Return a space fitted under a seed."""
    space = subject.build()
    rows, labels = rows_and_labels(subject)
    space.fit(rows, labels if "labels" in subject.spec.needs else None, np.random.default_rng(seed))
    return space


def fitted(subject: Subject) -> Any:
    """Return the fitted space that several checks share."""
    return subject.once("space", lambda: fit(subject))


@check("space", remedy="return one row of features for each row, as float64")
def features_are_rows_of_numbers(subject: Subject) -> None:
    """Of any number of rows it gives as many rows of finite float64 features, always equally many."""
    rows, _ = rows_and_labels(subject)
    widths = set()
    for n in (1, 7, N):
        features = fitted(subject).transform(rows[:n])
        expect(isinstance(features, np.ndarray), f"transform returned {type(features).__name__}")
        expect(features.ndim == 2 and len(features) == n, f"of {n} rows the features have shape {features.shape}")
        expect(features.dtype == np.float64, f"the features have dtype {features.dtype}, expected float64")
        expect(np.isfinite(features).all(), "some features are not finite")
        widths.add(features.shape[1])
    expect(len(widths) == 1, f"the number of features depends on that of rows: {sorted(widths)}")


@check("space", remedy="transform each row on its own: no statistics over the rows of one call")
def each_row_is_mapped_for_itself(subject: Subject) -> None:
    """The features of a row do not depend on the rows beside it."""
    rows, _ = rows_and_labels(subject)
    together, alone = fitted(subject).transform(rows)[:20], fitted(subject).transform(rows[:20])
    worst = float(np.abs(together - alone).max())
    expect(worst <= 1e-4 * (1 + np.abs(alone).max()), f"with other rows beside them features change by {worst:.3g}")


@check("space", remedy="draw from the generator that fit is given, or seed torch by it")
def same_generator_same_features(subject: Subject) -> None:
    """Fitted twice with the same generator it gives the same features, bit for bit."""
    rows, _ = rows_and_labels(subject)
    same = np.array_equal(fitted(subject).transform(rows), fit(subject).transform(rows))
    expect(same, "fitted twice with one seed, the features differ")


@check("space", remedy="work on copies, and set nothing of the process")
def rows_and_process_are_left_alone(subject: Subject) -> None:
    """Fitting and mapping change no row, no global generator and nothing of the process."""
    rows, labels = rows_and_labels(subject)
    before, space = rows.copy(), subject.build()
    with untouched("the space"), generators_untouched("the space"):
        space.fit(rows, labels if "labels" in subject.spec.needs else None, np.random.default_rng(0))
        space.transform(rows)
    expect(np.array_equal(rows, before), "it changed the rows")


@check("space", remedy="put all that transform needs into state(), as arrays, and take it back in restore(state)")
def kept_state_gives_the_same_features(subject: Subject) -> None:
    """Restored from its state it gives the features it gave."""
    if not hasattr(fitted(subject), "state"):
        raise Skipped("it keeps no state")
    rows, _ = rows_and_labels(subject)
    state = {name: np.asarray(array) for name, array in fitted(subject).state().items()}
    again = subject.build()
    again.restore(state)
    expect(np.array_equal(again.transform(rows), fitted(subject).transform(rows)), "restored, the features differ")


@check("space", remedy="see that the rows enter the features: a constant space hides every fault")
def features_tell_rows_apart(subject: Subject) -> None:
    """Rows of the two groups of the data have different features."""
    rows, labels = rows_and_labels(subject)
    features = fitted(subject).transform(rows)
    groups = [features[labels == label] for label in (0, 1)]
    gap = np.abs(groups[0].mean(0) - groups[1].mean(0)).max()
    noise = max(float(group.std(0).max()) for group in groups) / np.sqrt(N / 2)
    expect(gap > 5 * noise + 1e-9, f"the groups' mean features differ by {gap:.3g}, with a noise of {noise:.3g}")
