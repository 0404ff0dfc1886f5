"""What a metric receives, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from genbench.protocol.datasets import Array, Modes, Simulator
from genbench.protocol.spaces import FeatureSpace
from genbench.spec import Column

T = TypeVar("T")


@dataclass(frozen=True)
class LogDensity:
    """Log-densities in nats, in the data's own units, at the first ``len(values)`` rows of the evidence."""

    values: Array  # (n,)
    kind: str  # exact, bound, estimate


class RealSide:
    """The held-out real data that a metric compares with, and a cache of what metrics compute from them alone."""

    def __init__(self, rows: Array, total: int | None = None) -> None:
        self.rows = rows  # (n, d) float64
        self.total = len(rows) if total is None else total  # rows of the larger side before a part of each was drawn
        self._cache: dict[object, Any] = {}

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, cached under ``key`` for all metrics and models that are scored against these rows."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class HeldOutTasks:
    """What a trained model makes of held-out rows beside samples, in the space that it was trained in.

    ``rows`` (n, *shape) are the first held-out rows; integers are in the middle of their level, without dequantisation.
    ``reconstruction`` (n, *shape) is what the model makes of them; ``denoised`` of ``noisy``, the rows with Gaussian
    noise of standard deviation ``noise``. ``codes`` is (n, k). ``anomaly`` maps the name of a score (``anomaly_score``,
    ``density``: minus the log-density, ``reconstruction``: its squared error) to those of held-out rows (m,) and of
    outliers (l,), higher where more anomalous. ``problems`` maps a method that failed to the reason.
    """

    rows: Array
    _: KW_ONLY
    reconstruction: Array | None = None
    noise: float = 0.0
    noisy: Array | None = None
    denoised: Array | None = None
    codes: Array | None = None
    anomaly: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """All that a metric receives of one model on one dataset.

    ``real`` and ``fake`` are float64 (n, d), flattened, in the scoring space named by ``space``. The space
    ``standardised`` takes logarithms, replaces periodic columns by sine and cosine, and standardises by the training
    data only; ``raw`` keeps the numbers as they are. ``test_raw`` and ``fake_raw`` are the same rows in the data's own
    units and shape, with ``raw_columns`` where they are declared. Where rows are drawn given conditions, the scoring
    columns of the conditions follow those of the rows, so that a distance is one of the joint distributions. In a
    feature space, ``features`` is the fitted space.
    """

    real: RealSide
    fake: Array
    _: KW_ONLY
    space: str = "standardised"
    kind: str = "vector"
    columns: tuple[str, ...] = ()  # names of the d scoring columns
    train: Array | None = None  # (n, d), scoring space
    reference: Array | None = None  # (n, d), scoring space
    test_raw: Array | None = None
    fake_raw: Array | None = None
    train_raw: Array | None = None
    raw_columns: tuple[Column, ...] = ()  # of vectors, in the data's units; () where the dataset declares none
    density_test: LogDensity | None = None  # the model's, at test rows
    density_fake: LogDensity | None = None  # the model's, at its own samples
    densities: Mapping[str, LogDensity] = field(default_factory=dict)  # its further ones, at test rows
    truth_test: Array | None = None  # (n,) nats: the dataset's exact log-density at test rows
    truth_fake: Array | None = None  # at the samples
    entropy: float | None = None  # nats, of the exact density
    modes: Modes | None = None  # in the data's units, as fake_raw
    levels: int | None = None
    timing: Mapping[str, float | None] = field(default_factory=dict)
    simulator: Simulator | None = None
    labels_train: Array | None = None  # (n,) integers
    labels_test: Array | None = None
    labels_fake: Array | None = None  # of samples that came with labels, or were drawn given them
    log_prob_classes: Array | None = None  # (m, levels): the model's log-densities at test rows given each class
    conditions_train: Array | None = None  # (n, k), in their own units
    conditions_test: Array | None = None
    conditions_fake: Array | None = None
    condition_columns: tuple[Column, ...] = ()
    condition_scores: int = 0  # how many of the d columns are of conditions: the last ones
    features: FeatureSpace | None = None
    observables_test: Mapping[str, Array] | None = None
    observables_fake: Mapping[str, Array] | None = None
    tasks: HeldOutTasks | None = None
    score_of: Callable[[str], Score | None] | None = None  # of another metric scored beside, by its column, or None
    seed: int = 0

    @property
    def data_columns(self) -> tuple[Column, ...]:
        """Columns of the data from which the scoring columns are made: of the rows, then of their conditions."""
        rows = self.raw_columns or tuple(
            Column(name) for name in self.columns[: len(self.columns) - self.condition_scores]
        )
        return (*rows, *(self.condition_columns if self.condition_scores else ()))

    @property
    def column_of(self) -> tuple[int, ...]:
        """For each scoring column the index of the one of ``data_columns`` it is made of, each its own if unknown.

        A periodic column is made into two scoring columns, a category into one for each level.
        """
        found: list[int] = []
        for i, column in enumerate(self.data_columns):
            here = self.columns[len(found) :]
            several = [f"sin {column.name}", f"cos {column.name}"]
            if column.kind == "category":
                several = [f"{column.name}={level}" for level in column.levels]
            found += [i] * (len(several) if list(here[: len(several)]) == several else here[:1] == (column.name,))
        d = self.fake.shape[1]
        return tuple(found) if len(found) == len(self.columns) == d else tuple(range(d))

    def rng(self, name: str) -> np.random.Generator:
        """Return the random generator of a metric: the same name and seed give the same numbers."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *name.encode()])))


@dataclass(frozen=True)
class Score:
    """What a metric returns; the core adds floor, direction, unit, version and seconds.

    A value that does not exist is None, with the reason in ``warnings``. ``low`` and ``high`` are its confidence
    interval at ``level``. ``detail`` holds what does not fit in a table: a value per feature, per bandwidth, a
    certificate. ``ranked=False`` excludes this value from ranks, whatever the spec declares: it is another quantity.
    ``replicates`` are the value without each group of a delete-a-group jackknife, whose groups of real rows depend only
    on the number of rows: the error of the difference of two models that were scored against the same rows follows.
    """

    value: float | None
    _: KW_ONLY
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n_real: int | None = None
    n_fake: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    ranked: bool = True
    replicates: Sequence[float] = ()


def jackknife_groups(n: int, groups: int = 20) -> Array:
    """Return the group (n,) of each of n rows, in order, for ``Score.replicates``; the same n gives the same groups.

    They are random, since files may be sorted, and of equal sizes to within one row.
    """
    order = np.random.Generator(np.random.PCG64(n)).permutation(n)
    return (order % groups).astype(np.uint8)


class Metric(Protocol):
    """A function, deterministic given ``evidence.rng``; a metric with options takes its config as second argument."""

    def __call__(self, evidence: Evidence, /) -> Score:
        """Return the score."""
        ...
