"""What a plugin declares: frozen descriptions that list, explain, validate and plan without importing heavy code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, is_dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

__all__ = ["DatasetSpec", "DensityKind", "MetricSpec", "ModelSpec", "SpaceSpec", "Spec"]

DensityKind = Literal["exact", "bound", "estimate", "none"]
DataKind = Literal["vector", "image"]
Better = Literal["lower", "higher"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
DENSITY_KINDS = ("exact", "bound", "estimate", "none")
DATA_KINDS = ("vector", "image")


@dataclass(frozen=True)
class _Declared:
    name: str
    target: str | Callable[..., Any]
    config: type | None
    summary: str

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        where = f"{type(self).__name__}({self.name!r})"
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise ValueError(f"{where}: name must match {NAME.pattern}")
        if isinstance(self.target, str):
            if not TARGET.fullmatch(self.target):
                raise ValueError(f"{where}: target must be 'package.module:Attribute', got {self.target!r}")
        elif not callable(self.target):
            raise ValueError(f"{where}: target must be 'package.module:Attribute' or a class, got {self.target!r}")
        if self.config is not None and not (isinstance(self.config, type) and is_dataclass(self.config)):
            raise ValueError(f"{where}: config must be a dataclass or None, got {self.config!r}")
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise ValueError(f"{where}: summary must say in a line what it is")


def _check_members(where: str, field: str, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    if isinstance(values, str) or not values or any(v not in allowed for v in values):
        raise ValueError(f"{where}: {field} must be a tuple out of {allowed}, got {values!r}")


@dataclass(frozen=True)
class ModelSpec(_Declared):
    """One generative model.

    ``density`` is what ``log_prob`` returns; a config whose options change it has a ``density`` property that wins.
    ``steps`` is the length of the recipe, in batches drawn from ``run.batches``: one number, or one for each kind of
    data. The preset scales it and the core caps it; ``--budget`` replaces it by one budget for all models.
    ``iterative=False`` says that the model does not loop over ``run.batches``, so no budget applies.
    ``capabilities`` names the optional methods it has: ``encode``, ``decode``, ``reconstruct``.
    """

    _: KW_ONLY
    density: DensityKind = "none"
    data: tuple[str, ...] = DATA_KINDS
    steps: int | Mapping[str, int] = 4000
    iterative: bool = True
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
            _check_members(where, "capabilities", self.capabilities, ("encode", "decode", "reconstruct"))
        steps = self.steps if isinstance(self.steps, Mapping) else dict.fromkeys(self.data, self.steps)
        if not set(self.data) <= set(steps) or not all(isinstance(n, int) and n > 0 for n in steps.values()):
            raise ValueError(f"{where}: steps must be positive, one number or one for each of {self.data}")
        object.__setattr__(self, "steps", MappingProxyType(dict(steps)))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {
            "density": self.density,
            "data": self.data,
            "steps": dict(self.steps),  # type: ignore[arg-type]
            "iterative": self.iterative,
            "capabilities": self.capabilities,
            "baseline": self.baseline,
            "paper": self.paper,
        }
        return _rebuild_model, (self.name, self.target, self.config, self.summary, fields)

    def steps_for(self, kind: str) -> int:
        """Return the length of the recipe on data of this kind, in steps."""
        return self.steps[kind]  # type: ignore[index]

    def density_of(self, config: object) -> str:
        """Return the kind of ``log_prob`` under this config: exact, bound, estimate or none."""
        return getattr(config, "density", self.density)


def _rebuild_model(name: str, target: Any, config: Any, summary: str, fields: dict[str, Any]) -> ModelSpec:
    return ModelSpec(name, target, config, summary, **fields)


@dataclass(frozen=True)
class DatasetSpec(_Declared):
    """One dataset or simulator.

    ``data`` is ``vector`` or ``image``. ``rows`` is None where any number can be drawn. ``density`` says whether the
    exact log-density is known, ``modes`` whether the modes are; ``labels``, ``observables`` and ``simulator`` whether
    its data carry them. ``licence`` and ``source`` are of the data.
    """

    _: KW_ONLY
    data: DataKind = "vector"
    rows: int | None = None
    density: bool = False
    modes: bool = False
    labels: bool = False
    observables: bool = False
    simulator: bool = False
    licence: str = ""
    source: str = ""
    paper: str = ""

    kind: ClassVar[str] = "dataset"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_members(f"DatasetSpec({self.name!r})", "data", (self.data,), DATA_KINDS)


@dataclass(frozen=True)
class MetricSpec(_Declared):
    """One score.

    ``needs`` names what the evidence must hold, out of ``samples``, ``train``, ``density`` (the model's), ``truth``
    (the dataset's), ``modes``, ``labels``, ``observables``, ``simulator``, ``timing``. ``best`` is the value of a
    perfect model, None where it depends on the data. ``ranked=False`` says that neither end is good: low is copying,
    high is far from the data. ``space`` names a feature space that it is always taken in. ``snapshots=True`` says that
    it is also taken of a few snapshots of each training, for curves of quality against time: it needs samples only, is
    cheap, and its mean does not depend on how many they are.

    ``detects`` names the faults, out of ``FAULTS``, that it advertises to see: ``genbench audit`` holds it to them.
    """

    _: KW_ONLY
    better: Better = "lower"
    ranked: bool = True
    unit: str = ""
    best: float | None = None
    detects: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("samples",)
    data: tuple[str, ...] = DATA_KINDS
    space: str = ""
    snapshots: bool = False
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
class SpaceSpec(_Declared):
    """One feature space that metrics may be taken in, as ``metric@space``.

    ``needs`` is () or ``("labels",)``, those of the training rows. ``image_metrics`` names the metrics that ``all``
    also takes in this space where the data are images.
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


FAULTS = (
    "dropped_modes", "uneven_weights", "shift", "width", "lost_correlation", "lost_mode_correlation", "outliers",
    "ridges", "quantisation", "exact_copies", "near_copies", "repeated_points", "memorised_half", "heavy_tails",
)  # fmt: skip
NEEDS = ("samples", "train", "density", "truth", "modes", "labels", "observables", "simulator", "timing")
Spec = ModelSpec | DatasetSpec | MetricSpec | SpaceSpec
