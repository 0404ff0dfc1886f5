"""Rates of cost from records: of any runs, or of those that this machine has made."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from genbench.errors import UserError
from genbench.plan.cell import REAL
from genbench.plan.costs import OTHER_OPTIONS, STEP, Costs, CostTable, DataSize, Rate
from genbench.plan.device_names import kind_of
from genbench.record.environment import machine
from genbench.record.integrity import DamageError
from genbench.record.score import column_of
from genbench.record.status import Status
from genbench.record.store import attempts, read_record, read_run

Record = Mapping[str, Any]
Key = tuple[str, str, str, DataSize]  # name, label and device of a model, size of the data

MIN_STEPS, MIN_TRAINING_S = 200, 1.5  # of which the start is a small part: either makes the cost of a step known
MAX_SLOWNESS = 20.0
MAX_RECORDS = 120  # of this machine, the newest runs first


def rates_of(records: Iterable[Record], known: CostTable | None = None, *, own: bool = False) -> CostTable:
    """Return the rates that records of finished cells show, medians of equal cells, and the shares of metrics.

    ``known`` has the costs of steps of models that these records show in short trainings only.
    """
    usable = [record for record in records if _is_usable(record)]
    loading = _loading(usable)
    rates = [
        Rate("load", name, label, "cpu", size, round(seconds, 4), own=own)
        for (name, label, size), seconds in loading.items()
    ]
    rates += _training(usable, loading, known or CostTable(), own=own)
    scoring: dict[tuple[str, DataSize], list[float]] = defaultdict(list)
    for record in usable:
        if (seconds := _cpu(record, "score")) is not None and _is_scored_whole(record):
            scoring[REAL if record["model"] == REAL else "", _size(record)].append(seconds)
    rates += [
        Rate("score", name, "", "cpu", size, round(median(found), 3), own=own)
        for (name, size), found in scoring.items()
    ]
    return CostTable(tuple(rates), _shares(usable))


def _is_usable(record: Record) -> bool:
    """Return whether a record is of a cell that was trained and has all that costs depend on."""
    return (
        record.get("status") == Status.OK
        and bool(record.get("shape"))
        and {"train", "test"} <= set(record.get("sizes") or ())
        and _cpu(record, "fit") is not None
        and not record.get("rescored")
    )


def _cpu(record: Record, stage: str) -> float | None:
    seconds = ((record.get("usage") or {}).get(stage) or {}).get("cpu_s")
    return None if seconds is None else float(seconds)


def _size(record: Record) -> DataSize:
    sizes = record["sizes"]
    return DataSize(str(record["data_kind"]), math.prod(record["shape"]), int(sizes["train"]), int(sizes["test"]))


def _loading(records: Sequence[Record]) -> dict[tuple[str, str, DataSize], float]:
    found: dict[tuple[str, str, DataSize], list[float]] = defaultdict(list)
    for record in records:
        if record["model"] == REAL:
            found[record["dataset"], record["dataset_label"], _size(record)].append(float(_cpu(record, "fit") or 0))
    return {key: median(seconds) for key, seconds in found.items()}


def _training(
    records: Sequence[Record], loading: Mapping[tuple[str, str, DataSize], float], table: CostTable, *, own: bool
) -> list[Rate]:
    """Return the rates of models: of a step where training was long enough, and of the rest."""
    groups: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        if record["model"] != REAL:
            key = record["model"], record["label"], kind_of(record.get("device")), _size(record)
            groups[key].append(record)
    steps = {key: seconds for key, found in groups.items() if (seconds := _step_s(found)) is not None}
    in_table = {
        (rate.name, rate.label, rate.device, rate.size): rate.step_s for rate in table.rates if rate.step_s is not None
    }
    rates = []
    for key, found in groups.items():
        name, label, device, size = key
        loaded = loading.get((found[0]["dataset"], found[0]["dataset_label"], size), 0.0)
        step_s = steps.get(key)
        known = next((s for s in (step_s, _of_another(key, steps), _of_another(key, in_table)) if s is not None), None)
        if known is None:  # only a few steps were ever taken, the start of training among them
            known = step_s = max(
                (_training_s(record) / _steps(record) for record in found if _steps(record)), default=None
            )
        rest = [float(_cpu(record, "fit") or 0) - loaded - _steps(record) * (known or 0.0) for record in found]
        shown = None if step_s is None else float(f"{step_s:.3g}")
        rates.append(Rate("train", name, label, device, size, round(max(0.0, median(rest)), 3), shown, own=own))
    return rates


def _steps(record: Record) -> int:
    return int(record["timings"].get("steps") or 0)


def _training_s(record: Record) -> float:
    return float(record["timings"].get("fit_cpu_s") or 0.0)


def _step_s(records: Iterable[Record]) -> float | None:
    """Return CPU seconds a step, None where no training was long enough."""
    found = [
        _training_s(record) / _steps(record)
        for record in records
        if _steps(record) >= MIN_STEPS or (_steps(record) and _training_s(record) >= MIN_TRAINING_S)
    ]
    return median(found) if found else None


def _of_another(key: Key, steps: Mapping[Key, float]) -> float | None:
    """Return the seconds of a step of the same model at the nearest size at which they are known, scaled."""
    name, label, device, size = key
    others = [each for each in steps if each[0] == name and each[2] == device and each[3].kind == size.kind]
    if not others:
        return None
    nearest = min(others, key=lambda each: size.distance(each[3]) + OTHER_OPTIONS * (each[1] != label))
    return steps[nearest] * size.scale(nearest[3], STEP[size.kind])


def _is_scored_whole(record: Record) -> bool:
    """Return whether a record has the scores of about all metrics, and not of a chosen few."""
    return len(record.get("scores") or ()) >= 15


def _shares(records: Iterable[Record]) -> dict[str, dict[str, float]]:
    """Return for each kind of data the mean share of each metric in the seconds of all."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        total = sum(score.get("seconds") or 0.0 for score in record.get("scores") or ())
        if total > 0 and _is_scored_whole(record) and record["model"] != REAL:
            for score in record["scores"]:
                found[record["data_kind"]][column_of(score)].append((score.get("seconds") or 0.0) / total)
    return {
        kind: {name: round(sum(shares) / len(shares), 4) for name, shares in sorted(metrics.items())}
        for kind, metrics in found.items()
    }


# -------------------------------------------------------------------------------------------------------- this machine


def costs_from(records: Iterable[Record], table: CostTable | None = None) -> Costs:
    """Return the costs on the machine that made the records: its own rates, and those of the table at its speed."""
    table = CostTable.shipped() if table is None else table
    own, costs = rates_of(records, table, own=True), Costs(table)
    ratios = [ratio for rate in own.rates if (ratio := _ratio(rate, costs)) is not None]
    slowness = min(MAX_SLOWNESS, max(1 / MAX_SLOWNESS, median(ratios))) if ratios else 1.0
    return Costs(table, own, slowness)


def _ratio(rate: Rate, costs: Costs) -> float | None:
    """Return by which factor a rate exceeds that of the table; None where the two cannot be compared."""
    mine = rate.step_s if rate.what == "train" else rate.rest_s if rate.what == "score" else None
    seconds = costs.same_rate(rate)
    return None if mine is None or not seconds or mine <= 0 else mine / seconds


def earlier_records(out: Path | None, folder: Path = Path("results")) -> list[dict[str, Any]]:
    """Return records that this machine made: of the run in ``out``, of those beside it, and of those in ``folder``.

    They are at most ``MAX_RECORDS``, of the newest runs, since each takes milliseconds to read.
    """
    own, found = machine()["id"], list[dict[str, Any]]()
    for run in _runs(out, folder):
        with suppress(UserError, OSError):
            if (read_run(run, []).get("machine") or {}).get("id", own) == own:  # a merged run names no machine
                folders = islice(run.glob("cells/*/*/"), MAX_RECORDS - len(found))
                found += [each for record in map(_latest, folders) for each in record if _machine_of(each) == own]
    return found


def _latest(folder: Path) -> list[dict[str, Any]]:
    """Return the record of the last attempt at a cell, none where it cannot be read."""
    with suppress(DamageError, OSError):
        return [read_record(file) for _, file in attempts(folder)[-1:]]
    return []


def _machine_of(record: Record) -> str | None:
    return (record.get("machine") or {}).get("id")


def _runs(out: Path | None, folder: Path) -> Iterator[Path]:
    """Yield the folders of runs, that in ``out`` first, then the newest."""
    roots = dict.fromkeys([folder.absolute(), *([out.absolute().parent] if out is not None else [])])
    files: list[tuple[float, Path]] = []
    for root in roots:
        with suppress(OSError):
            files += [(path.stat().st_mtime, path.parent) for path in root.glob("*/run.json")]
    newest = [path for _, path in sorted(files, reverse=True)]
    first = [out.absolute()] if out is not None and (out / "run.json").is_file() else []
    yield from dict.fromkeys([*first, *newest])
