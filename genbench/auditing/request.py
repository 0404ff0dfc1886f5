"""The request for an audit, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.registry.options import Setting, fill
from genbench.registry.registry import Entry, Registry
from genbench.registry.selection import select_names
from genbench.spec import FAULTS, MetricSpec

DEFAULT_ROWS = 800
MIN_ROWS = 50
# that only a trained model fulfils
MODEL_NEEDS = {"density", "labels", "simulator", "timing", "reconstruction", "outliers"}


@dataclass(frozen=True)
class AuditRequest:
    """The options of an audit as given; ``real`` is an array or a file, ``dataset`` a name with options."""

    real: Any = None
    dataset: str | None = None
    metrics: str | None = None
    faults: str = "all"
    rows: int | None = None
    modes: int | None = None
    seed: int = 0
    settings: tuple[Setting, ...] = ()
    data_options: Mapping[str, Any] = field(default_factory=dict)
    plugins: tuple[str | Path, ...] = ()

    def check(self) -> AuditPlan:
        """Return the dataset, metrics and faults that the request names; raises UserError."""
        for name, value, minimum in (("rows", self.rows, MIN_ROWS), ("modes", self.modes, 1), ("seed", self.seed, 0)):
            if value is not None and value < minimum:
                raise UserError(f"--{name} {value}: expected at least {minimum}")
        if (self.real is None) == (self.dataset is None):
            raise UserError("name the data to audit on: a file with --data FILE, or a dataset with -d NAME")
        if self.data_options and self.dataset is not None:
            raise UserError(f"--{next(iter(self.data_options))} describes a file; name it with --data FILE")
        selected_faults = select_names(self.faults, FAULTS, "fault")
        registry = Registry.discover(self.plugins)
        assigned = registry.assign(self.settings)
        dataset = None
        if self.dataset is not None:
            selected = registry.select("dataset", self.dataset)
            if len(selected) != 1:
                names = ", ".join(entry.key for entry, _ in selected)
                raise UserError(f"-d {self.dataset}: an audit takes one dataset, got {len(selected)}: {names}")
            entry, options = selected[0]
            dataset = entry, fill(entry.spec, [*assigned.get(("dataset", entry.key), []), *options])
        elif isinstance(self.real, (str, Path)):
            from genbench.files import dataset_spec
            from genbench.registry.discovery import Provenance

            spec, config = dataset_spec(self.real, **self.data_options)
            dataset = Entry(spec.name, spec, Provenance("file", "genbench", module="genbench.files")), config
        faults = tuple(name for name in FAULTS if name in selected_faults)
        metrics, left_out = self._metrics(registry, assigned)
        return AuditPlan(self, dataset, metrics, faults, left_out)

    def _metrics(
        self, registry: Registry, assigned: Mapping[tuple[str, str], list[Setting]]
    ) -> tuple[tuple[tuple[Entry, Any], ...], tuple[str, ...]]:
        """Return the metrics with their configs, and which are left out because they need a trained model."""
        selected, left_out = [], []
        for entry, options in registry.select("metric", self.metrics or "all"):
            spec = entry.spec
            assert isinstance(spec, MetricSpec)
            if self.metrics is None and not spec.detects:
                continue
            if needs := sorted(MODEL_NEEDS & set(spec.needs)):
                left_out.append(f"{entry.key} needs {', '.join(needs)} of a model")
                continue
            selected.append((entry, fill(spec, [*assigned.get(("metric", entry.key), []), *options])))
        if not selected and self.metrics is None:
            raise UserError("no metric declares what it detects; name some with --metrics")
        if not selected:
            raise UserError(f"--metrics {self.metrics}: an audit has real data only, and {'; '.join(left_out)}")
        return tuple(selected), tuple(left_out if self.metrics not in (None, "all") else ())


@dataclass(frozen=True)
class AuditPlan:
    """A checked request: the dataset (None for an array) and the metrics, with their configs, and the faults."""

    request: AuditRequest
    dataset: tuple[Entry, Any] | None
    metrics: tuple[tuple[Entry, Any], ...]
    faults: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the data."""
        if self.request.dataset is not None:
            return self.request.dataset
        return "real" if self.dataset is None else self.dataset[0].key
