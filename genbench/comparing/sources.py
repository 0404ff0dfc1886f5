"""What is compared: run directories, records in memory, and the JSON files of pytest-benchmark."""

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

__all__ = ["Benchmark", "CellName", "Side", "read_side"]

CellName = tuple[str, str, str, str]  # model, dataset, budget, kind of device
ABOUT = ("created", "machine", "versions", "commit", "request")  # of run.json
MACHINE = ("node", "system", "python_version", "id", "processor", "cores", "python")  # the last four of bench
LARGEST = 64 * 2**20  # bytes of a file of pytest-benchmark


@dataclass
class Benchmark:
    """One benchmark of pytest-benchmark: a time of each process in seconds, and its ``extra_info``."""

    times: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Side:
    """One of the two sides: the cells of runs by name and seed, or benchmarks by name."""

    name: str
    cells: dict[CellName, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    machines: set[str] = field(default_factory=set)
    about: dict[str, Any] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)
    unfinished: int = 0  # cells of the plan without a record


def read_side(source: str | Path | Results, name: str = "results", *, unbegun: bool = False) -> Side:
    """Return what a path holds, or results of ``genbench.load``, which go by ``name``.

    A path is a run directory, a JSON file of pytest-benchmark, or a directory of such files, one a process. Raises
    UserError where it is none of these, or empty; with ``unbegun`` a run may have no finished cells.
    """
    if not isinstance(source, (str, Path)):
        return _of_records(name, source.records, list(source.damaged))
    path = Path(source)
    if path.is_file():
        return _of_benchmarks(path, [path])
    if not path.exists():
        raise UserError(f"{path}: there is nothing here; expected a run directory or JSON of pytest-benchmark")
    if not (path / "run.json").exists() and not (path / "cells").is_dir():
        files = sorted(path.rglob("*.json"))
        if files:
            return _of_benchmarks(path, files)
    damaged: list[Damage] = []
    about = read_run(path, damaged)
    records = read_records(path, damaged=damaged)
    side = _of_records(str(source), records, damaged) if records or not unbegun else Side(str(source), damaged=damaged)
    planned = set(about.get("cells") or ())
    side.unfinished = len(planned - {str(r["key"]) for seeds in side.cells.values() for r in seeds.values()})
    side.about = {name: about.get(name) for name in ABOUT if about.get(name)}
    return side


def _of_records(name: str, records: Sequence[Mapping[str, Any]], damaged: list[Damage]) -> Side:
    if not records:
        raise UserError(f"{name}: no cell has finished yet, so there is nothing to compare")
    side = Side(name, damaged=damaged)
    for record in records:
        side.cells.setdefault(_name(record), {})[int(record.get("seed") or 0)] = record
        side.machines.add(str((record.get("machine") or {}).get("id")))
    return side


def _name(record: Mapping[str, Any]) -> CellName:
    model, dataset = (str(record.get(a) or record[b]) for a, b in (("label", "model"), ("dataset_label", "dataset")))
    return model, dataset, str(record.get("budget") or ""), kind_of(record.get("device"))


def _of_benchmarks(path: Path, files: Sequence[Path]) -> Side:
    side = Side(str(path))
    for file in files:
        content = _load(file)
        machine = content.get("machine_info") or {}
        side.machines.add(_machine_of(machine))
        side.about.setdefault("created", content.get("datetime"))
        side.about.setdefault("machine", {name: machine[name] for name in MACHINE if machine.get(name) is not None})
        if commit := (content.get("commit_info") or {}).get("id"):
            side.about.setdefault("commit", str(commit))
        for one in content["benchmarks"]:
            benchmark = side.benchmarks.setdefault(str(one.get("fullname") or one["name"]), Benchmark())
            told = one.get("extra_info") or {}
            benchmark.times += _processes(one)
            benchmark.facts |= {k: v for k, v in told.items() if isinstance(v, (int, str)) and v != CLOCK}
    if not side.benchmarks:
        raise UserError(f"{path}: holds no benchmarks")
    return side


def _load(file: Path) -> dict[str, Any]:
    expected = "expected a run directory or a file of 'pytest --benchmark-json'"
    try:
        if file.stat().st_size > LARGEST:
            raise UserError(f"{file}: larger than {LARGEST} bytes; {expected}")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error}); {expected}") from None
    try:
        for one in content["benchmarks"]:
            times = _processes(one)
            if not times or not min(times) > 0.0 or not isinstance(one["name"], str):
                raise ValueError
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{file}: not of pytest-benchmark; {expected}") from None
    return dict(content)


def _processes(one: Mapping[str, Any]) -> list[float]:
    """Return one time a process: the fastest round or, in a file of ``genbench bench --save``, each value."""
    of_bench = (one.get("extra_info") or {}).get("clock") == CLOCK
    return [float(time) for time in one["stats"]["data"]] if of_bench else [float(one["stats"]["min"])]


def _machine_of(machine: Mapping[str, Any]) -> str:
    processor = machine.get("cpu") or {}
    brand = processor.get("brand_raw") if isinstance(processor, Mapping) else processor
    known = [machine.get("node"), machine.get("system"), brand, machine.get("python_version")]
    return json.dumps(known + [machine.get(name) for name in MACHINE[3:]])
