"""Read what is compared: run directories, records in memory, and JSON files of pytest-benchmark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import UserError
from genbench.plan.device_names import kind_of
from genbench.record.environment import CLOCK
from genbench.record.store import Damage, read_records, read_run

if TYPE_CHECKING:
    from genbench.table.results import Results

CellName = tuple[str, str, str, str]  # model, dataset, budget, kind of device and precision where it is not fp32
RUN_FIELDS = ("created", "machine", "versions", "commit", "request")  # kept of run.json
BENCH_FIELDS = ("id", "processor", "cores", "python")  # of a machine, in files of genbench bench
MACHINE_FIELDS = ("node", "system", "python_version", *BENCH_FIELDS)
MAX_FILE_BYTES = 64 * 2**20  # of pytest-benchmark


@dataclass
class Benchmark:
    """One benchmark of pytest-benchmark: the seconds of each process, and its ``extra_info``."""

    times: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class RunSet:
    """One side of a comparison: the records of cells by name and seed, or benchmarks by name."""

    name: str
    cells: dict[CellName, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    machines: set[str] = field(default_factory=set)
    about: dict[str, Any] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)
    unfinished: int = 0  # cells of the plan without a record


def read_run_set(source: str | Path | Results, name: str = "results", *, allow_empty: bool = False) -> RunSet:
    """Read a path, or take results of ``genbench.load`` under this ``name``.

    A path is a run directory, a JSON file of pytest-benchmark, or a directory of such files, one per process. Raises
    UserError where it is none of these, or empty; with ``allow_empty`` a run may have no finished cells.
    """
    if not isinstance(source, (str, Path)):
        return _from_records(name, source.records, list(source.damaged), allow_empty)
    path = Path(source)
    if path.is_file():
        return _from_benchmarks(path, [path])
    if not path.exists():
        raise UserError(f"{path}: there is nothing here; expected a run directory or JSON of pytest-benchmark")
    if not (path / "run.json").exists() and not (path / "cells").is_dir():
        files = sorted(path.rglob("*.json"))
        if files:
            return _from_benchmarks(path, files)
    damaged: list[Damage] = []
    about = read_run(path, damaged)
    records = read_records(path, damaged=damaged)
    runs = _from_records(str(source), records, damaged, allow_empty)
    planned = set(about.get("cells") or ())
    runs.unfinished = len(planned - {str(r["key"]) for seeds in runs.cells.values() for r in seeds.values()})
    runs.about = {name: about.get(name) for name in RUN_FIELDS if about.get(name)}
    return runs


def _from_records(name: str, records: Sequence[Mapping[str, Any]], damaged: list[Damage], allow_empty: bool) -> RunSet:
    if not records and not allow_empty:
        raise UserError(f"{name}: no cell has finished yet, so there is nothing to compare")
    runs = RunSet(name, damaged=damaged)
    for record in records:
        runs.cells.setdefault(_cell_name(record), {})[int(record.get("seed") or 0)] = record
        runs.machines.add(str((record.get("machine") or {}).get("id")))
    return runs


def _cell_name(record: Mapping[str, Any]) -> CellName:
    model, dataset = (str(record.get(a) or record[b]) for a, b in (("label", "model"), ("dataset_label", "dataset")))
    device = " ".join(filter(None, (kind_of(record.get("device")), str(record.get("precision") or ""))))
    return model, dataset, str(record.get("budget") or ""), device


def _from_benchmarks(path: Path, files: Sequence[Path]) -> RunSet:
    runs = RunSet(str(path))
    for file in files:
        content = _load(file)
        machine = content.get("machine_info") or {}
        runs.machines.add(_machine_id(machine))
        runs.about.setdefault("created", content.get("datetime"))
        fields = {name: machine[name] for name in MACHINE_FIELDS if machine.get(name) is not None}
        runs.about.setdefault("machine", fields)
        if commit := (content.get("commit_info") or {}).get("id"):
            runs.about.setdefault("commit", str(commit))
        for entry in content["benchmarks"]:
            benchmark = runs.benchmarks.setdefault(str(entry.get("fullname") or entry["name"]), Benchmark())
            extra = entry.get("extra_info") or {}
            benchmark.times += _process_times(entry)
            benchmark.facts |= {k: v for k, v in extra.items() if isinstance(v, (int, str)) and v != CLOCK}
    if not runs.benchmarks:
        raise UserError(f"{path}: contains no benchmarks")
    return runs


def _load(file: Path) -> dict[str, Any]:
    expected = "expected a run directory or a file of 'pytest --benchmark-json'"
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{file}: larger than {MAX_FILE_BYTES} bytes; {expected}")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error}); {expected}") from None
    try:
        for entry in content["benchmarks"]:
            times = _process_times(entry)
            if not times or not min(times) > 0.0 or not isinstance(entry["name"], str):
                raise ValueError
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{file}: not a file of pytest-benchmark; {expected}") from None
    return dict(content)


def _process_times(entry: Mapping[str, Any]) -> list[float]:
    """Return one time per process: the fastest round or, in a file of ``genbench bench --save``, each value."""
    saved_by_bench = (entry.get("extra_info") or {}).get("clock") == CLOCK
    return [float(time) for time in entry["stats"]["data"]] if saved_by_bench else [float(entry["stats"]["min"])]


def _machine_id(machine: Mapping[str, Any]) -> str:
    processor = machine.get("cpu") or {}
    brand = processor.get("brand_raw") if isinstance(processor, Mapping) else processor
    known = [machine.get("node"), machine.get("system"), brand, machine.get("python_version")]
    return json.dumps(known + [machine.get(name) for name in BENCH_FIELDS])
