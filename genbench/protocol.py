"""The contracts between the core and its plugins: what is handed over, and what must come back.

Nothing here is inherited from: a plugin's class only has to have these methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from genbench.budget import Sizes

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
]

Array = npt.NDArray[Any]
Sampler = Callable[[int], "torch.Tensor"]  # n -> (n, *shape)
T = TypeVar("T")


# --------------------------------------------------------------------------------------------- what a dataset gives


@dataclass(frozen=True)
class Column:
    """One column of a table, in the data's own units."""

    name: str
    _: KW_ONLY
    unit: str = ""
    log: bool = False  # modelled and scored as its logarithm
    period: float | None = None  # an angle, say, that repeats after this much


@dataclass(frozen=True)
class Modes:
    """Modes of a known density in the data's units: centres (k, d), standard deviation, weights (k,) summing to 1."""

    centres: Array
    std: float
    weights: Array


@dataclass(frozen=True)
class Simulator:
    """An expensive simulator that a model may replace, with its measured cost."""

    seconds_per_sample: float
    name: str


@dataclass(frozen=True)
class Data:
    """A dataset, drawn and split, in its own units.

    ``train``, ``test``, ``reference`` are (n, d) for vectors and (n, channels, height, width) for images; they share no
    row. ``log_prob`` maps (n, *shape) to (n,) nats: the exact density, where it is known. ``levels`` is the number of
    grey levels of integer images 0 .. levels - 1. ``labels`` maps a split's name to (n,) integers. ``observables`` maps
    (n, *shape) to named (n,) arrays that a physicist would look at.
    """

    train: Array
    test: Array
    reference: Array
    _: KW_ONLY
    log_prob: Callable[[Array], Array] | None = None
    entropy: float | None = None  # nats, of the exact density
    modes: Modes | None = None
    columns: tuple[Column, ...] = ()
    levels: int | None = None
    labels: Mapping[str, Array] | None = None
    observables: Callable[[Array], Mapping[str, Array]] | None = None
    simulator: Simulator | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])


@runtime_checkable
class Dataset(Protocol):
    """Built from its config; inert until loaded."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return at most ``sizes`` rows in disjoint, deduplicated splits, drawn with ``rng`` alone."""
        ...


# --------------------------------------------------------------------------------------- what a model gets and gives


@dataclass(frozen=True)
class TrainingData:
    """What a model may see: standardised training rows, float32, on the run's device.

    Vectors have mean 0 and standard deviation 1 in each column. Images lie in [-1, 1]; integer images are dequantised:
    pixel x of 0 .. levels - 1 is drawn uniformly from [2x/levels - 1, 2(x+1)/levels - 1), anew in each batch.
    """

    train: torch.Tensor  # (n, *shape)
    levels: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.train.dim() == 2 else "image"


class RunContext(Protocol):
    """What the core hands to ``fit``: the device, the loop, the log. ``genbench.training.Run`` implements it."""

    device: torch.device

    @property
    def progress(self) -> float:
        """Fraction of the budget that is spent, 0 to 1: what a schedule depends on."""
        ...

    def batches(self, rows: torch.Tensor, size: int, *, sample: Sampler | None = None) -> Iterator[torch.Tensor]:
        """Yield shuffled batches (size, *shape) until the budget ends: the training loop. One batch is one step.

        ``sample(n)`` is given by a model that can draw between two steps as its ``sample`` will at the end: the core
        then takes a few snapshots, its clock stopped, and the report shows quality against the time of training.
        """
        ...

    def log(self, **values: float | torch.Tensor) -> None:
        """Note the loss and what else is worth a curve; tensors are read later, so no step waits for the device."""
        ...


@runtime_checkable
class Model(Protocol):
    """Built from its config; inert until fitted.

    The core seeds torch, numpy and random before each call, so global generators may be used freely. ``log_prob`` and
    ``parameters`` (an iterable of the learned tensors) are optional, as are the declared capabilities.
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn from ``data.train``; a second call starts afresh."""
        ...

    def sample(self, n: int) -> torch.Tensor:
        """Return (n, *shape) new samples in the space the model was trained in, on its device, without gradient."""
        ...


class Likelihood(Protocol):
    """A model whose spec declares a density."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n,) nats for x (n, *shape), in the space the model was trained in."""
        ...


# ---------------------------------------------------------------------------------------- what a feature space is given


class FeatureSpace(Protocol):
    """A space that metrics may be taken in: built from its config, fitted on training rows, then frozen.

    Rows come in the core's standard space, float64: vectors (n, d) standardised by the training rows, images
    (n, channels, height, width) with pixels in [0, 1]. Where it has ``state()``, a mapping of names to arrays, and
    ``restore(state)``, the core keeps what was fitted, so that the models of a run share it.
    """

    def fit(self, train: Array, labels: Array | None, rng: np.random.Generator) -> None:
        """Learn from the training rows alone; ``labels`` (n,) are integers, None where the data have none."""
        ...

    def transform(self, rows: Array) -> Array:
        """Return (n, features) float64, each row's for itself."""
        ...


# --------------------------------------------------------------------------------------- what a metric gets and gives


@dataclass(frozen=True)
class LogDensity:
    """Log-densities in nats, in the data's own units, at given rows of the evidence (the first ``len(values)``)."""

    values: Array  # (n,)
    kind: str  # exact, bound, estimate


class RealSide:
    """The held-out real data as a metric sees them, with a place to keep what is computed from them only once."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows  # (n, d) float64
        self._kept: dict[object, Any] = {}

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, remembered under ``key`` for all later metrics and models scored against these rows."""
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Evidence:
    """What a metric may see of one model on one dataset.

    ``real`` and ``fake`` are float64 (n, d), flattened and in the scoring space named by ``space``: standardised by the
    training data only, logarithms and periodic columns (as sine and cosine) applied, or raw. ``test_raw`` and
    ``fake_raw`` are the same rows in the data's own units and shape. In a feature space ``features`` is the space
    itself, fitted.
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
    labels_fake: Array | None = None  # of samples that came with labels
    features: FeatureSpace | None = None
    observables_test: Mapping[str, Array] | None = None
    observables_fake: Mapping[str, Array] | None = None
    seed: int = 0

    def rng(self, name: str) -> np.random.Generator:
        """Return this metric's own generator; the same name and seed give the same numbers."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *name.encode()])))


@dataclass(frozen=True)
class Score:
    """What a metric answers; the core adds floor, direction, unit, version and seconds.

    A value that does not exist is None, with the reason in ``warnings``. ``low`` and ``high`` bound the value at
    ``level``. ``detail`` holds what is no number of the table: a value per feature, per bandwidth, a certificate.
    ``ranked=False`` takes this value out of ranks, whatever the spec says: it is another quantity.
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


class Metric(Protocol):
    """A plain function, deterministic under ``evidence.rng``; one with options takes its config as second argument."""

    def __call__(self, evidence: Evidence, /) -> Score:
        """Return the score."""
        ...
