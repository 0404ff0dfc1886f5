"""A cell: a model and a dataset with their options, a seed, a budget and a device, identified by its key."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import Any

from genbench.budget import RecipeShare, Sizes
from genbench.plan.device_names import DeviceName
from genbench.plan.precision import FP32
from genbench.plan.presets import PRESETS
from genbench.record.status import Status
from genbench.record.store import key_of
from genbench.registry.component import Component, measurement
from genbench.registry.options import canonical_options
from genbench.registry.registry import CORE
from genbench.registry.source_hash import source_hash, training_hash
from genbench.spec import DatasetSpec, ModelSpec
from genbench.version import __version__

PROTOCOL = 2  # increased whenever the same request would give other numbers
DTYPE = "float32"  # of the data that models are trained on
REAL = "real"  # the row of fresh real data, which is the floor and not a model


@dataclass(frozen=True)
class Cell:
    """The unit that runs, fails and resumes.

    ``budget_s`` is set for a model that does not iterate: the seconds that others may train. One that takes longer is
    not stopped, and has a note. ``precision`` is that of training, ``fp32`` or ``bf16``.
    """

    model: Component
    dataset: Component
    seed: int
    budget: str
    device: str
    sizes: Sizes
    metrics: tuple[Component, ...] = field(default=(), compare=False)
    budget_s: float | None = field(default=None, compare=False)
    precision: str = FP32

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that could change the samples of the cell, and nothing else."""
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
            **self._precision,
        }

    @property
    def _precision(self) -> dict[str, str]:
        """What identity and record hold of the precision: nothing of that which all had before there was a choice."""
        return {} if self.precision == FP32 else {"precision": self.precision}

    @cached_property
    def key(self) -> str:
        """The hash of the identity, which is also the name of the cell's folder."""
        return key_of(self.identity)

    @property
    def density(self) -> str:
        """The kind of the model's likelihood under its config: exact, bound, estimate or none."""
        spec = self.model.spec
        assert isinstance(spec, ModelSpec)
        return spec.density_of(self.model.config)

    @property
    def densities(self) -> Mapping[str, str]:
        """The kinds of the further likelihoods of the model, by name."""
        assert isinstance(self.model.spec, ModelSpec)
        return self.model.spec.densities

    @property
    def recipe_steps(self) -> int | None:
        """The steps that the recipe of the model takes on this dataset.

        It is None where it is not trained in steps, and where they depend on data that are not loaded yet.
        """
        return self._recipe_steps(*known_size(self.dataset, self.sizes))

    def _recipe_steps(self, rows: int | None, dimensions: int | None) -> int | None:
        spec = self.model.spec
        assert isinstance(spec, ModelSpec)
        recipe = spec.steps_for(self.kind, rows, dimensions) if spec.iterative else None
        return None if recipe is None else PRESETS["default"].steps(recipe, self.dataset.name)

    def length(self, rows: int, dimensions: int) -> dict[str, Any]:
        """Return the fields ``budget`` and ``recipe_steps`` of its record where they depend on the loaded data.

        There are none where both were known before. Raises PluginError as ``ModelSpec.steps_for``.
        """
        spec = self.model.spec
        assert isinstance(spec, ModelSpec)
        if not spec.iterative or self.recipe_steps is not None:
            return {}
        recipe, share = spec.steps_for(self.kind, rows, dimensions), RecipeShare.parse(self.budget)
        assert recipe is not None
        budget = self.budget if share is None else f"{share.steps(recipe)}steps"
        return {"budget": budget, "recipe_steps": self._recipe_steps(rows, dimensions)}

    @property
    def kind(self) -> str:
        """The kind of its data: ``vector`` or ``image``."""
        assert isinstance(self.dataset.spec, DatasetSpec)
        return self.dataset.spec.data

    @property
    def measures(self) -> dict[str, Any]:
        """What each score depends on besides the samples, by the name of its column (``frechet``, ``frechet@pca``)."""
        return {metric.label: measurement(metric) for metric in self.metrics}

    def complete(self, scores: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return all scores for its record, given the ``scores`` that were just computed."""
        return list(scores)

    def spent(self, before: Mapping[str, Any]) -> float:
        """Return the seconds of its deadline that an earlier attempt spent on training, if that has no scores."""
        usage = before.get("usage") or {}
        return 0.0 if before["status"] == Status.OK else float((usage.get("fit") or {}).get("wall_s") or 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of a record that describe the cell itself."""
        assert isinstance(self.model.spec, ModelSpec)
        return {
            "key": self.key,
            "model": self.model.name,
            "label": self.model.label,
            "model_config": canonical_options(self.model.config),
            "density": self.density,
            "baseline": self.model.spec.baseline,
            "dataset": self.dataset.name,
            "dataset_label": self.dataset.label,
            "dataset_config": canonical_options(self.dataset.config),
            "data_kind": self.kind,
            "seed": self.seed,
            "budget": self.budget,
            "recipe_steps": self.recipe_steps,
            "device": self.device,
            **self._precision,
            "protocol": PROTOCOL,
            "identity": self.identity,
            "provenance": {**_provenance(self.model), "dataset": _provenance(self.dataset)},
        }


def known_size(dataset: Component, sizes: Sizes) -> tuple[int | None, int | None]:
    """Return the numbers of training rows and of dimensions of a dataset before it is loaded; None where not known."""
    assert isinstance(dataset.spec, DatasetSpec)
    facts = dataset.spec.facts(dataset.config)
    return (None, None) if facts.shape is None else (sizes.train_of(facts.rows), math.prod(facts.shape))


def _identity(component: Component) -> dict[str, Any]:
    """Return which plugin a component is, and with which options.

    genbench's own plugins are identified by a hash of their source, so that results of unchanged plugins stay valid in
    a new version of genbench; changes of the core increase ``PROTOCOL`` instead. Models that are trained with the
    helpers of ``genbench.training`` are also identified by a hash of these.
    """
    provenance = component.entry.provenance
    identity = {"name": component.name, "config": component.options, "distribution": provenance.distribution}
    if not provenance.path:
        return identity
    target = component.spec.target if isinstance(component.spec.target, str) else ""
    code = provenance.path, provenance.module, target.partition(":")[0]
    if component.spec.kind == "model" and (helpers := training_hash(*code)):
        identity["training"] = helpers
    if provenance.editable or not provenance.version or provenance.distribution == CORE.distribution:
        return {**identity, "source": source_hash(*code)}
    return {**identity, "version": provenance.version}


def _provenance(component: Component) -> dict[str, Any]:
    provenance = component.entry.provenance
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
    """Return what identifies the real data of a cell: distribution, dataset and its options, seed, sizes."""
    return cell.dataset.entry.provenance.distribution or "", cell.dataset.identity, cell.seed, cell.sizes
