"""What a plugin declares: frozen specs, from which genbench lists, validates and plans without importing its code."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, is_dataclass
from functools import partial
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from genbench.budget import Budget, Sizes
from genbench.columns import COLUMN_KINDS, Column, DataFacts, DataKind
from genbench.errors import PluginError, UserError, describe

__all__ = [
    "CAPABILITIES",
    "COLUMN_KINDS",
    "PLUGIN_KINDS",
    "Column",
    "DataFacts",
    "DatasetSpec",
    "DensityKind",
    "MetricSpec",
    "ModelSpec",
    "Published",
    "SpaceSpec",
    "Spec",
    "SuiteSpec",
]

DensityKind = Literal["exact", "bound", "estimate", "none"]
Better = Literal["lower", "higher"]
Recipe = int | Callable[[int, int], float]  # steps, or a function of training rows and dimensions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
DENSITY_KINDS = ("exact", "bound", "estimate", "none")
DATA_KINDS = ("vector", "image")
MAX_SEEDS = 10_000
SUPPORTS = ("continuous", "discrete")
CONDITIONS = ("none", "optional", "required")
CAPABILITIES = ("encode", "decode", "reconstruct", "anomaly_score")
PLUGIN_KINDS = ("model", "dataset", "metric", "space", "suite")


@dataclass(frozen=True)
class _BaseSpec:
    name: str
    target: str | Callable[..., Any]
    config: type | None
    summary: str

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        where = _check_name(self)
        if isinstance(self.target, str):
            if not TARGET.fullmatch(self.target):
                raise ValueError(f"{where}: target must be 'package.module:Attribute', got {self.target!r}")
        elif not callable(self.target):
            raise ValueError(f"{where}: target must be 'package.module:Attribute' or a class, got {self.target!r}")
        if self.config is not None and not (isinstance(self.config, type) and is_dataclass(self.config)):
            raise ValueError(f"{where}: config must be a dataclass or None, got {self.config!r}")


def _check_name(spec: _BaseSpec | SuiteSpec) -> str:
    """Return how messages call a spec; raises ValueError for a name or a summary that cannot be used."""
    where = f"{type(spec).__name__}({spec.name!r})"
    if not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
        raise ValueError(f"{where}: name must match {NAME.pattern}")
    if not isinstance(spec.summary, str) or not spec.summary.strip():
        raise ValueError(f"{where}: summary must describe the plugin in one line")
    return where


def _check_members(where: str, name: str, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    if isinstance(values, str) or not values or any(v not in allowed for v in values):
        raise ValueError(f"{where}: {name} must be a tuple of some of {allowed}, got {values!r}")


def _is_importable(function: object) -> bool:
    """Return whether other processes can import a function, as they cannot a lambda or one within another."""
    return callable(function) and "<" not in getattr(function, "__qualname__", "")


def _is_recipe(steps: object) -> bool:
    return _is_importable(steps) if callable(steps) else isinstance(steps, int) and steps > 0


@dataclass(frozen=True)
class ModelSpec(_BaseSpec):
    """The spec of a generative model.

    ``density`` is the kind of value that ``log_prob`` returns; if options of the config change it, the config has a
    property ``density``, which takes precedence. ``steps`` is the length of the training recipe in batches drawn from
    ``run.batches``: a number, or a function of the numbers of training rows and of dimensions that returns one; or
    either for each kind of data. A function is asked when a run is planned, where the dataset declares its shape, and
    else when the data are loaded. The preset scales the number and the core caps it; ``--budget`` replaces it by one
    budget for all models. ``iterative=False`` declares that the model does not loop over ``run.batches``, so that no
    budget applies. ``weights=True`` declares that it uses the weights of its training rows;
    else it is given rows drawn by weight. ``categories=True`` declares that it takes a category as one column of codes
    from 0, which ``TrainingData.columns`` names, and not as a column a level. ``conditions`` says whether it learns the
    density of rows given conditions: ``none``, ``optional`` or ``required``. ``suits`` is a function of ``DataFacts``
    that returns why the model cannot take such data, or None: it is asked when a run is planned and again when the data
    are loaded, and must import nothing heavy. ``support`` says what ``log_prob`` is for integer images: the density of
    dequantised ones (``continuous``), or the probability of their levels (``discrete``). ``densities`` maps the names
    of further likelihoods of the same training to their kinds: a method ``log_prob_NAME`` returns each, and metrics
    with an option ``density``, as ``nll``, show it in a column of its own. ``capabilities`` names its optional methods,
    some of ``CAPABILITIES``.
    """

    _: KW_ONLY
    density: DensityKind = "none"
    data: tuple[str, ...] = DATA_KINDS
    steps: Recipe | Mapping[str, Recipe] = 4000
    iterative: bool = True
    weights: bool = False
    categories: bool = False
    conditions: Literal["none", "optional", "required"] = "none"
    suits: Callable[[DataFacts], str | None] | None = None
    support: Literal["continuous", "discrete"] = "continuous"
    densities: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    baseline: bool = False
    paper: str = ""

    kind: ClassVar[str] = "model"

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"ModelSpec({self.name!r})"
        if self.density not in DENSITY_KINDS:
            raise ValueError(f"{where}: density must be one of {DENSITY_KINDS}, got {self.density!r}")
        _check_members(where, "data", self.data, DATA_KINDS)
        if self.capabilities:
            _check_members(where, "capabilities", self.capabilities, CAPABILITIES)
        if self.conditions not in CONDITIONS:
            raise ValueError(f"{where}: conditions must be one of {CONDITIONS}, got {self.conditions!r}")
        if self.support not in SUPPORTS:
            raise ValueError(f"{where}: support must be one of {SUPPORTS}, got {self.support!r}")
        if self.suits is not None and not _is_importable(self.suits):
            raise ValueError(f"{where}: suits must be a function of a module, which other processes can import")
        for name, kind in self.densities.items():
            if not name.isidentifier() or kind not in DENSITY_KINDS[:-1]:
                raise ValueError(f"{where}: densities must map names to {DENSITY_KINDS[:-1]}, got {name!r}: {kind!r}")
        steps = self.steps if isinstance(self.steps, Mapping) else dict.fromkeys(self.data, self.steps)
        if not set(self.data) <= set(steps) or not all(map(_is_recipe, steps.values())):
            expected = f"steps must be positive, one number or one for each of {self.data}; or functions of a module"
            raise ValueError(f"{where}: {expected}")
        object.__setattr__(self, "steps", MappingProxyType(dict(steps)))
        object.__setattr__(self, "densities", MappingProxyType(dict(self.densities)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return partial(ModelSpec, **values | {name: dict(values[name]) for name in ("steps", "densities")}), ()

    def steps_for(self, kind: str, rows: int | None = None, dimensions: int | None = None) -> int | None:
        """Return the length of the recipe in steps, for data of a kind (``vector`` or ``image``).

        It is None where it depends on the numbers of training rows and of dimensions, and these are not given. Raises
        PluginError where the model's function raises or returns anything but a positive number.
        """
        recipe = self.steps[kind]  # type: ignore[index]
        if not callable(recipe):
            return int(recipe)
        if rows is None or dimensions is None:
            return None
        where = f"model {self.name!r}: steps(rows={rows}, dimensions={dimensions})"
        try:
            steps: Any = recipe(rows, dimensions)
        except Exception as error:
            raise PluginError(f"{where} raised {describe(error)}") from error
        is_number = isinstance(steps, Real) and not isinstance(steps, bool)
        if not is_number or not 0 < float(steps) < math.inf:
            raise PluginError(f"{where} returned {steps!r}, expected a positive number")
        return max(1, round(float(steps)))

    def density_of(self, config: object) -> str:
        """Return the kind of ``log_prob`` under a config: exact, bound, estimate or none."""
        return getattr(config, "density", self.density)


@dataclass(frozen=True)
class DatasetSpec(_BaseSpec):
    """The spec of a dataset or simulator.

    ``data`` is ``vector`` or ``image``. ``rows`` is None where any number can be drawn. ``density`` and ``modes`` are
    True where the exact log-density and the modes are known; ``labels``, ``observables``, ``simulator`` and
    ``outliers`` are True where its ``Data`` have them; an option ``outliers`` of the config takes precedence, where
    None, False and an empty text mean none. ``conditions`` is True where rows are drawn given conditions; in a dataset
    whose config has an option ``given``, that option decides. ``shape``, ``levels`` and ``columns`` are those of its
    ``Data``, where they are known before they are loaded; properties of the config of these names take precedence.
    ``licence`` and ``source`` are those of the data.
    """

    _: KW_ONLY
    data: DataKind = "vector"
    rows: int | None = None
    density: bool = False
    modes: bool = False
    labels: bool = False
    observables: bool = False
    simulator: bool = False
    outliers: bool = False
    conditions: bool = False
    shape: tuple[int, ...] | None = None
    levels: int | None = None
    columns: tuple[Column, ...] = ()
    licence: str = ""
    source: str = ""
    paper: str = ""

    kind: ClassVar[str] = "dataset"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_members(f"DatasetSpec({self.name!r})", "data", (self.data,), DATA_KINDS)

    def outliers_of(self, config: object) -> bool:
        """Return whether the data have outliers under a config."""
        value = getattr(config, "outliers", self.outliers)
        return value is not None and value is not False and value != ""

    def is_conditional(self, config: object) -> bool:
        """Return whether rows are drawn given conditions under a config."""
        return bool(getattr(config, "given", self.conditions))

    def facts(self, config: object) -> DataFacts:
        """Return what is known of the data under a config before they are loaded."""
        known = {name: getattr(config, name, getattr(self, name)) for name in ("shape", "levels", "columns")}
        return DataFacts(self.data, rows=self.rows, **known)


@dataclass(frozen=True)
class MetricSpec(_BaseSpec):
    """The spec of a metric.

    ``needs`` names what the evidence must hold: some of ``samples``, ``train``, ``density`` (the model's), ``truth``
    (the dataset's), ``modes``, ``labels``, ``observables``, ``simulator``, ``timing``, ``conditions``,
    ``reconstruction`` (the model's), ``outliers`` (the dataset's, with a score of the model). ``best`` is the value of
    a perfect model, None where it depends on the data. ``ranked=False`` declares that neither direction is better, as
    of distances to training rows, which are too small for samples narrower than the data and too large for samples far
    from them; ``better`` then is the direction away from training rows. ``copying=True`` declares that bad values mean
    one thing: samples repeat training rows. A score that is worse than that of fresh real rows then is marked as
    copying, and one that is better is no finding. ``space`` names the feature space in which it is always taken.
    ``snapshots=True`` declares that it is also taken of a few snapshots of each training, for curves of quality against
    time: such a metric needs samples only, is cheap, and its mean does not depend on the number of samples.
    ``optional=True`` leaves it out of ``all``: it is taken where its name is given. ``pairs=True`` declares that its
    cost grows with the number of pairs of rows: of more than ``--max-rows`` rows of a side it then gets a random part.

    ``detects`` names the faults, some of ``FAULTS``, that it claims to detect: ``genbench audit`` checks the claim.
    """

    _: KW_ONLY
    better: Better = "lower"
    ranked: bool = True
    copying: bool = False
    unit: str = ""
    best: float | None = None
    detects: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("samples",)
    data: tuple[str, ...] = DATA_KINDS
    space: str = ""
    snapshots: bool = False
    optional: bool = False
    pairs: bool = False
    version: int = 1
    paper: str = ""

    kind: ClassVar[str] = "metric"

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"MetricSpec({self.name!r})"
        if self.better not in ("lower", "higher"):
            raise ValueError(f"{where}: better must be 'lower' or 'higher', got {self.better!r}")
        _check_members(where, "needs", self.needs, NEEDS)
        _check_members(where, "data", self.data, DATA_KINDS)
        if self.snapshots and self.needs != ("samples",):
            raise ValueError(f"{where}: with snapshots=True it can need samples only, got needs={self.needs!r}")
        if self.detects:
            _check_members(where, "detects", self.detects, FAULTS)


@dataclass(frozen=True)
class SpaceSpec(_BaseSpec):
    """The spec of a feature space, in which metrics may be taken as ``metric@space``.

    ``needs`` is () or ``("labels",)``: the labels of the training rows. ``image_metrics`` names the metrics that
    ``--metrics all`` also takes in this space where the data are images.
    """

    _: KW_ONLY
    needs: tuple[str, ...] = ()
    data: tuple[str, ...] = DATA_KINDS
    image_metrics: tuple[str, ...] = ()
    version: int = 1
    paper: str = ""

    kind: ClassVar[str] = "space"

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"SpaceSpec({self.name!r})"
        if self.needs:
            _check_members(where, "needs", self.needs, ("labels",))
        _check_members(where, "data", self.data, DATA_KINDS)
        if isinstance(self.image_metrics, str):
            raise ValueError(f"{where}: image_metrics must be a tuple of names, got {self.image_metrics!r}")


@dataclass(frozen=True)
class Published:
    """A published value of a suite: what a model of others reached in one metric.

    ``value`` is in the unit of ``metric``, a name as on the command line, and ``error`` its standard error, None where
    none is stated. ``source`` says where the value stands, as "PacGAN (Lin et al. 2018), table 1". ``dataset`` is the
    label of one dataset of the suite, empty for all.
    """

    model: str
    metric: str
    value: float
    error: float | None = None
    source: str = ""
    _: KW_ONLY
    dataset: str = ""

    def __post_init__(self) -> None:
        where = f"Published({self.model!r}, {self.metric!r})"
        if not all(isinstance(text, str) and text.strip() for text in (self.model, self.metric, self.source)):
            raise ValueError(f"{where}: model, metric and source must be texts that are not empty")
        if not math.isfinite(self.value) or not 0 <= (self.error or 0.0) < math.inf:
            raise ValueError(f"{where}: value and error must be finite, got {self.value!r} and {self.error!r}")


@dataclass(frozen=True)
class SuiteSpec:
    """The spec of a suite: a protocol with its published values. It is data, without a target or options.

    ``models``, ``datasets`` and ``metrics`` are selections as on the command line: ``"vae[latent=2|8],kde"``. What of
    them is not installed is skipped, with the reason. ``seeds`` is their number. ``budget`` is that of each model,
    ``"60s"`` or ``"400000steps"``, and empty for the recipes of the models. ``sizes`` are the rows of each split; as
    many samples are scored as there are test rows.
    """

    name: str
    _: KW_ONLY
    models: str
    datasets: str
    metrics: str
    summary: str
    seeds: int = 3
    budget: str = ""
    sizes: Sizes = field(default_factory=Sizes)
    published: tuple[Published, ...] = ()
    paper: str = ""

    kind: ClassVar[str] = "suite"
    target: ClassVar[str] = ""  # there is nothing to import
    config: ClassVar[None] = None

    def __post_init__(self) -> None:
        where = _check_name(self)
        for name in ("models", "datasets", "metrics"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name).strip():
                raise ValueError(f"{where}: {name} must be a selection, as 'vae[latent=2],kde'")
        if not isinstance(self.seeds, int) or not 1 <= self.seeds <= MAX_SEEDS:
            raise ValueError(f"{where}: seeds must be their number, 1 to {MAX_SEEDS}, got {self.seeds!r}")
        if not isinstance(self.sizes, Sizes) or min(self.sizes.train, self.sizes.test, self.sizes.reference) < 1:
            raise ValueError(f"{where}: sizes must be Sizes(train, test, reference), each at least 1")
        try:
            _ = Budget.parse(self.budget) if self.budget else None
        except UserError as error:
            raise ValueError(f"{where}: {error}") from None
        object.__setattr__(self, "published", tuple(self.published))
        if wrong := [each for each in self.published if not isinstance(each, Published)]:
            raise ValueError(f"{where}: published must hold Published(...), got {wrong[0]!r}")


FAULTS = (
    "dropped_modes", "uneven_weights", "shift", "width", "lost_correlation", "lost_mode_correlation", "outliers",
    "ridges", "quantisation", "exact_copies", "near_copies", "repeated_points", "memorised_half", "heavy_tails",
    "lost_rare_mode", "lost_class", "added_noise", "jittered_repeats", "exchanged_columns", "mirrored_column",
    "rounded_column", "rounded_angle", "clipped_tails", "shuffled_column", "drift", "impossible_values",
    "lost_triple_dependence", "blur", "shifted_images", "low_contrast", "checkerboard_pattern",
)  # fmt: skip
NEEDS = (
    "samples", "train", "density", "truth", "modes", "labels", "observables", "simulator", "timing", "reconstruction",
    "outliers", "conditions",
)  # fmt: skip
Spec = ModelSpec | DatasetSpec | MetricSpec | SpaceSpec | SuiteSpec
