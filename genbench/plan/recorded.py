"""What a record says of its cell, made into the cell again: its model, its dataset, the sizes of its splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genbench.budget import Sizes
from genbench.errors import PluginError, UserError
from genbench.files import DATA_FOLDER, FileConfig, FileDataset
from genbench.plan.cell import Cell
from genbench.plan.plan import FILE
from genbench.plan.precision import FP32
from genbench.plan.presets import PRESETS
from genbench.record.store import key_of, read_run
from genbench.registry.component import Component
from genbench.registry.options import Setting, fill
from genbench.registry.registry import Entry, Registry
from genbench.spec import DatasetSpec

Record = Mapping[str, Any]


@dataclass(frozen=True)
class RecordedCell(Cell):
    """A cell as it was run: its ``key`` is that of its record, even if a plugin has changed since."""

    recorded_key: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        self.__dict__["key"] = self.recorded_key

    @property
    def has_changed(self) -> bool:
        """Whether a plugin, an option or a library that could change the samples is another one now."""
        return key_of(self.identity) != self.recorded_key


def cell_of(run: Path, record: Record, registry: Registry) -> RecordedCell:
    """Return the cell of a record, with its model, to be trained or restored; raises UserError where one is absent."""
    dataset = dataset_of(run, record, registry)
    if isinstance(dataset, str):
        raise UserError(dataset)
    source = record.get("provenance") or {}
    distribution, name = source.get("distribution") or "genbench", str(record["model"])
    try:
        entry = registry.find("model", f"{distribution}:{name}")
    except UserError:
        raise UserError(
            f"model {name!r}: its plugin {source.get('plugin')!r} ({distribution}) is not installed; install it, or "
            "name its file with --plugin"
        ) from None
    options = [
        Setting(name, option, value, f"{name}.{option}={value!r}")
        for option, value in (record.get("model_config") or {}).items()
    ]
    budget = str((record.get("identity") or {}).get("budget") or record["budget"])  # as it was before the data decided
    seed, sizes = int(record["seed"]), sizes_of(record, read_run(run, []))
    model, device = Component(entry, fill(entry.spec, options)), str(record["device"])
    precision, key = str(record.get("precision") or FP32), str(record["key"])
    return RecordedCell(model, dataset, seed, budget, device, sizes, precision=precision, recorded_key=key)


def dataset_of(run: Path, record: Record, registry: Registry) -> Component | str:
    """Return the dataset of a record, or the reason why it cannot be built.

    Data that a run stores are looked for in the run, which may have been moved.
    """
    source = (record.get("provenance") or {}).get("dataset") or {}
    options = [
        Setting(record["dataset"], name, value, f"{record['dataset']}.{name}={value!r}")
        for name, value in (record.get("dataset_config") or {}).items()
    ]
    try:
        if source.get("module") == FILE.module:
            spec = DatasetSpec(
                record["dataset"], FileDataset, FileConfig, "a file", data=record["data_kind"], labels=True
            )
            config = fill(spec, options)
            if not Path(config.path).exists() and (stored := run / DATA_FOLDER / Path(config.path).name).exists():
                config = replace(config, path=str(stored))
            elif not Path(config.path).exists() and not Path(config.path.rpartition(":")[0] or config.path).exists():
                return f"the file {config.path} of dataset {record['dataset']!r} does not exist any more"
            return Component(
                Entry(
                    spec.name,
                    replace(spec, labels=config.labels is not None, observables=bool(config.observables)),
                    FILE,
                ),
                config,
            )
        distribution = source.get("distribution") or "genbench"
        try:
            entry = registry.find("dataset", f"{distribution}:{record['dataset']}")
        except UserError:
            problem = f"its plugin {source.get('plugin')!r} ({distribution}) is not installed"
            return f"dataset {record['dataset']!r}: {problem}; install it, or name its file with --plugin"
        return Component(entry, fill(entry.spec, options))
    except (UserError, PluginError, KeyError, TypeError, ValueError) as error:
        return f"dataset {record['dataset']!r} cannot be built from its record: {error}"


def sizes_of(record: Record, run_info: Mapping[str, Any]) -> Sizes:
    """Return the requested sizes of the splits; those of schema 1 are not in the record and come from the preset."""
    requested = (record.get("identity") or {}).get("sizes")
    preset = PRESETS.get((run_info.get("request") or {}).get("preset", ""), PRESETS["default"])
    return Sizes(**requested) if requested else preset.sizes
