"""One cell: a model and a dataset with their options, a seed, a budget and a device, and the key that names it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

from genbench.budget import Sizes
from genbench.plan.device_names import DeviceName
from genbench.record.status import Status
from genbench.record.store import key_of
from genbench.registry.component import Component, measured
from genbench.registry.options import canonical
from genbench.registry.registry import CORE
from genbench.registry.source_hash import source_hash
from genbench.spec import DatasetSpec, ModelSpec
from genbench.version import __version__

__all__ = ["PROTOCOL", "REAL", "Cell", "data_of"]

PROTOCOL = 1  # raised whenever the same request would give other numbers
DTYPE = "float32"  # what models are trained in
REAL = "real"  # the row of fresh real data: a floor, no model


@dataclass(frozen=True)
class Cell:
    """The unit that runs, fails and resumes."""

    model: Component
    dataset: Component
    seed: int
    budget: str
    device: str
    sizes: Sizes
    metrics: tuple[Component, ...] = field(default=(), compare=False)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that could change the samples, and nothing else."""
        return {
            "protocol": PROTOCOL,
            "model": _identity(self.model),
            "dataset": _identity(self.dataset),
            "seed": self.seed,
            "budget": self.budget,
            "device": DeviceName.parse(self.device).kind,
            "dtype": DTYPE,
            "sizes": asdict(self.sizes),
            "torch": _minor_version("torch"),
        }

    @cached_property
    def key(self) -> str:
        """Hash of the identity: the name of the cell's folder."""
        return key_of(self.identity)

    @property
    def density(self) -> str:
        """Kind of the model's likelihood under its config."""
        spec = self.model.spec
        assert isinstance(spec, ModelSpec)
        return spec.density_of(self.model.config)

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        assert isinstance(self.dataset.spec, DatasetSpec)
        return self.dataset.spec.data

    @property
    def measures(self) -> dict[str, Any]:
        """What its scores depend on besides the samples, by the name of the column: ``frechet``, ``frechet@pca``."""
        return {metric.label: measured(metric) for metric in self.metrics}

    def complete(self, scores: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the scores of its record, out of those just made: all of them."""
        return list(scores)

    def spent(self, before: Mapping[str, Any]) -> float:
        """Return the seconds of its deadline that an attempt used which got as far as its samples and no further."""
        usage = before.get("usage") or {}
        return 0.0 if before["status"] == Status.OK else float((usage.get("fit") or {}).get("wall_s") or 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return what a record says of the cell itself."""
        assert isinstance(self.model.spec, ModelSpec)
        return {
            "key": self.key,
            "model": self.model.name,
            "label": self.model.label,
            "model_config": canonical(self.model.config),
            "density": self.density,
            "baseline": self.model.spec.baseline,
            "dataset": self.dataset.name,
            "dataset_label": self.dataset.label,
            "dataset_config": canonical(self.dataset.config),
            "data_kind": self.kind,
            "seed": self.seed,
            "budget": self.budget,
            "device": self.device,
            "protocol": PROTOCOL,
            "identity": self.identity,
            "provenance": {**_source(self.model), "dataset": _source(self.dataset)},
        }


def _identity(chosen: Component) -> dict[str, Any]:
    """Return which plugin and options these are.

    A plugin of genbench's own goes by its source, so that a new genbench keeps the results of what did not change; what
    belongs to the core is told by the protocol.
    """
    provenance = chosen.entry.provenance
    known = {"name": chosen.name, "config": chosen.options, "distribution": provenance.distribution}
    if not provenance.path:
        return known
    if provenance.editable or not provenance.version or provenance.distribution == CORE.distribution:
        target = chosen.spec.target if isinstance(chosen.spec.target, str) else ""
        return {**known, "source": source_hash(provenance.path, provenance.module, target.partition(":")[0])}
    return {**known, "version": provenance.version}


def _source(chosen: Component) -> dict[str, Any]:
    provenance = chosen.entry.provenance
    return {
        "plugin": provenance.plugin,
        "distribution": provenance.distribution,
        "version": provenance.version or __version__,
        "module": provenance.module,
    }


@cache
def _minor_version(distribution: str) -> str:
    try:
        return ".".join(importlib.metadata.version(distribution).split(".")[:2])
    except importlib.metadata.PackageNotFoundError:
        return ""


def data_of(cell: Cell) -> tuple[Any, ...]:
    """Return what the real data of a cell are: two distributions may each have a dataset of one name."""
    return cell.dataset.entry.provenance.distribution or "", cell.dataset.identity, cell.seed, cell.sizes
