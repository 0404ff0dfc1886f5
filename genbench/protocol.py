"""The contracts between the core and its plugins: what each receives and what it must return.

A plugin's class does not inherit from the protocols: it only needs their methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload, runtime_checkable

import numpy as np
import numpy.typing as npt

from genbench.budget import Sizes
from genbench.spec import Column

if TYPE_CHECKING:  # metrics and datasets need no torch, and then start without it
    import torch

__all__ = [
    "Array",
    "Column",
    "Data",
    "Dataset",
    "Evidence",
    "FeatureSpace",
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

Array = npt.NDArray[Any]
Sampler = Callable[..., "torch.Tensor"]  # n -> (n, *shape); n, conditions -> (n, *shape)
T = TypeVar("T")


# ---------------------------------------------------------------------------------------------------------- datasets


@dataclass(frozen=True)
class Modes:
    """Modes of a known density, in the data's own units: centres (k, d), one standard deviation, weights (k,).

    The weights sum to 1.
    """

    centres: Array
    std: float
    weights: Array


@dataclass(frozen=True)
class Simulator:
    """An expensive simulator that a model may replace, with its measured cost in seconds per sample."""

    seconds_per_sample: float
    name: str


@dataclass(frozen=True)
class WeightedRows:
    """Training rows (n, *shape) in the data's units, weights (n,) of mean 1, none negative, and conditions (n, k)."""

    rows: Array
    weights: Array
    conditions: Array | None = None


@dataclass(frozen=True)
class Data:
    """The three splits of a dataset in its own units, with what else is known of it.

    ``train``, ``test``, ``reference`` are (n, d) for vectors and (n, channels, height, width) for images; they do not
    share rows. ``log_prob`` maps (n, *shape) to (n,) nats: the exact log-density, where it is known. ``levels`` is the
    number of grey levels of integer images 0 .. levels - 1. ``labels`` maps a split's name to (n,) integers.
    ``weights`` maps each split's name to (n,) event weights, also negative ones: the law of the data is that of the
    weighted rows. The core then draws the splits by weight, and puts all training rows into ``weighted``.
    ``conditions`` maps each split's name to (n, k) numbers in their own units, of ``condition_columns``, given which
    rows are drawn: they are no part of the rows, and ``log_prob`` then takes them as second argument.
    ``observables`` maps (n, *shape) to named (n,) arrays: derived quantities in which users of these data look for
    differences. ``notes`` are shown to the user.
    """

    train: Array
    test: Array
    reference: Array
    _: KW_ONLY
    log_prob: Callable[..., Array] | None = None
    entropy: float | None = None  # nats, of the exact density
    modes: Modes | None = None
    columns: tuple[Column, ...] = ()
    levels: int | None = None
    labels: Mapping[str, Array] | None = None
    weights: Mapping[str, Array] | None = None
    weighted: WeightedRows | None = None  # by the core only
    conditions: Mapping[str, Array] | None = None
    condition_columns: tuple[Column, ...] = ()
    observables: Callable[[Array], Mapping[str, Array]] | None = None
    simulator: Simulator | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])


@runtime_checkable
class Dataset(Protocol):
    """A dataset: built from its config, it does nothing until it is loaded."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits of at most ``sizes`` rows; ``rng`` is the only source of chance.

        No copy of a row is in two splits. Rows that are equal because their columns are discrete may be:
        ``genbench.data.split`` tells them apart.
        """
        ...


# ------------------------------------------------------------------------------------------------------------ models


@dataclass(frozen=True)
class TrainingData:
    """The data that a model is trained on: standardised training rows, float32, on the run's device.

    Vectors have mean 0 and standard deviation 1 in each column. Images lie in [-1, 1]; integer images are dequantised:
    pixel x of 0 .. levels - 1 is drawn uniformly from [2x/levels - 1, 2(x+1)/levels - 1), again in each batch.

    Where rows have weights, a model whose spec says ``weights=True`` receives them; any other receives rows that were
    drawn by weight, of which heavy ones stand several times. ``conditions`` are None for a model that declares none.
    """

    train: torch.Tensor  # (n, *shape)
    levels: int | None = None
    weights: torch.Tensor | None = None  # (n,) of mean 1, none negative
    conditions: torch.Tensor | None = None  # (n, k): categories as codes from 0, other kinds standardised
    condition_columns: tuple[Column, ...] = ()
    split_seed: int = field(default=0, kw_only=True)  # of the dataset, the same for all models
    row_numbers: Array | None = field(default=None, kw_only=True)  # (n,) where rows drawn by weight stand repeatedly

    def to_levels(self, x: torch.Tensor) -> torch.Tensor:
        """Return the grey levels, integers 0 .. levels - 1, of pixels in [-1, 1]; raises ValueError without levels."""
        if self.levels is None:
            raise ValueError("these data have no grey levels")
        return ((x + 1) * (self.levels / 2)).floor().clamp(0, self.levels - 1).long()

    def from_levels(self, k: torch.Tensor) -> torch.Tensor:
        """Return the centres, in [-1, 1], of grey levels k; raises ValueError without levels."""
        if self.levels is None:
            raise ValueError("these data have no grey levels")
        return (2 * k.float() + 1) / self.levels - 1

    def validation(self, share: float = 0.1) -> tuple[Any, Any]:
        """Return the training rows in two parts: to train on, and a ``share`` of them that is held out.

        Each part is rows (m, *shape), or the tuple of rows and conditions (m, k) where there are conditions, as
        ``run.batches`` takes them. All models of a run get the same parts, each in the order of ``train``; no row
        stands in both. At least one row is held out; of a single row, both parts are that row. Raises ValueError for a
        share outside of (0, 1).
        """
        if not 0 < share < 1:
            raise ValueError(f"share must be in (0, 1), got {share}")
        numbers = np.arange(len(self.train)) if self.row_numbers is None else self.row_numbers
        distinct = np.unique(numbers)
        if len(distinct) < 2:
            return self._part(slice(None)), self._part(slice(None))
        order = np.random.Generator(np.random.PCG64(self.split_seed)).permutation(len(distinct))
        held = np.isin(numbers, distinct[order[: max(1, int(len(distinct) * share + 1e-9))]])
        return self._part(np.flatnonzero(~held)), self._part(np.flatnonzero(held))

    def _part(self, index: Any) -> Any:
        rows = self.train[index]
        return rows if self.conditions is None else (rows, self.conditions[index])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.train.dim() == 2 else "image"


class RunContext(Protocol):
    """What ``fit`` receives from the core: device, training loop, log; ``genbench.training.Run`` implements it."""

    device: torch.device

    @property
    def progress(self) -> float:
        """Fraction of the budget that is spent, or of the stage that is entered, 0 to 1: for schedules."""
        ...

    @overload
    def batches(
        self, rows: torch.Tensor, size: int, *, sample: Sampler | None = None, dequantise: bool = True
    ) -> Iterator[torch.Tensor]: ...

    @overload
    def batches(
        self,
        rows: tuple[torch.Tensor | None, ...],
        size: int,
        *,
        sample: Sampler | None = None,
        dequantise: bool = True,
    ) -> Iterator[tuple[Any, ...]]: ...

    def batches(self, rows: Any, size: int, *, sample: Sampler | None = None, dequantise: bool = True) -> Iterator[Any]:
        """Yield shuffled batches (size, *shape) until the budget, or the stage, is spent; one batch is one step.

        Of a tuple of tensors of equally many rows, the batches are tuples of the same rows of each; None in it stays
        None. Rows of integer images are dequantised anew in each batch, unless ``dequantise`` is False; other tensors
        (codes, hidden activations) are passed on as they are. A loop that is left has taken the step it was left in.

        A model that can draw samples between two steps, as its method ``sample`` does after training, passes a
        function ``sample(n)``: the core then takes a few snapshots, with its clock stopped, and the report shows
        quality against training time.
        """
        ...

    def stage(self, share: float) -> AbstractContextManager[None]:
        """Give a block a share of the whole budget: its loops end with it, and ``progress`` is its own, 0 to 1.

        Stages follow each other, and their shares sum to at most 1; what one leaves is there for those after it.
        """
        ...

    def steps(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> Iterator[int]:
        """Yield the number of each step until the budget is spent, for a model that draws its own batches.

        A budget in epochs needs ``per_epoch``, the steps of one.
        """
        ...

    def step(self, *, per_epoch: int | None = None, sample: Sampler | None = None) -> bool:
        """Count one step that a library has taken, and return whether the budget allows another: for callbacks."""
        ...

    def log(self, **values: float | torch.Tensor) -> None:
        """Record the loss and other curves; tensors are read later, so that steps do not wait for the device."""
        ...

    def report(self, **facts: float | torch.Tensor) -> None:
        """Record finite numbers that the model knows of itself, such as the number of its function evaluations."""
        ...


@runtime_checkable
class Model(Protocol):
    """A generative model: built from its config, it does nothing until ``fit``.

    The core seeds torch, numpy and random before each call, so global generators may be used freely. ``log_prob``,
    ``parameters`` (an iterable of the learned tensors) and the capabilities of the spec are optional.
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train on ``data.train``; a second call starts from scratch."""
        ...

    def sample(self, n: int) -> torch.Tensor:
        """Return new samples (n, *shape) in the units of ``TrainingData``, on the run's device, without gradient.

        Where the training data have conditions it is called as ``sample(n, conditions)``, with one row (n, k) for each
        sample, in the units of ``TrainingData.conditions``.
        """
        ...


class Likelihood(Protocol):
    """A model whose spec declares a density.

    After ``fit`` it may have two texts for whoever reads its likelihood: ``log_prob_note``, which is shown with the
    table (of what it is the density, if not of the samples), and ``log_prob_defect``, why its values mean nothing for
    these data: they are then marked, and not ranked.
    """

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log-density (n,) in nats of x (n, *shape), in the units of ``TrainingData``.

        Where the training data have conditions it is called as ``log_prob(x, conditions)``: the density given those.
        """
        ...


# ---------------------------------------------------------------------------------------------------- feature spaces


class FeatureSpace(Protocol):
    """A space that metrics may be taken in: built from its config, fitted on training rows, then fixed.

    Rows are float64 in the core's standard space: vectors (n, d) standardised by the training rows, images
    (n, channels, height, width) with pixels in [0, 1]. If it has ``state()``, which returns a mapping of names to
    arrays, and ``restore(state)``, the core stores the fitted state, so that it is fitted once for all models of a run.
    """

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Fit the space to training rows; ``labels`` (n,) are integers, None where the data have none."""
        ...

    def transform(self, rows: Array) -> Array:
        """Return the features (n, features) of rows as float64; those of a row do not depend on other rows."""
        ...


# ----------------------------------------------------------------------------------------------------------- metrics


@dataclass(frozen=True)
class LogDensity:
    """Log-densities in nats, in the data's own units, at the first ``len(values)`` rows of the evidence."""

    values: Array  # (n,)
    kind: str  # exact, bound, estimate


class RealSide:
    """The held-out real data that a metric compares with, and a cache of what metrics compute from them alone."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows  # (n, d) float64
        self._cache: dict[object, Any] = {}

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, cached under ``key`` for all metrics and models that are scored against these rows."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]  # type: ignore[no-any-return]


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
    score_of: Callable[[str], Score | None] | None = None  # of another metric scored beside, by its column, or None
    seed: int = 0

    @property
    def column_of(self) -> tuple[int, ...]:
        """For each scoring column the index of the column of the data that it is made of, each its own if unknown.

        A periodic column is made into two scoring columns, a category into one for each level.
        """
        found: list[int] = []
        for i, column in enumerate(self.raw_columns):
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
