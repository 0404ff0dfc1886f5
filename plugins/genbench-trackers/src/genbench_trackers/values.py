"""What is exported of a record: options, numbers, and curves over training steps, by names that trackers allow."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Record = Mapping[str, Any]


class Point(NamedTuple):
    """A number at a step of the training, and the seconds since its start."""

    name: str
    value: float
    step: int
    seconds: float


def title(record: Record) -> str:
    """Return the name of a cell for people: model, dataset and seed."""
    return f"{record['label']} x {record['dataset_label']} seed {record['seed']}"


def options(record: Record) -> dict[str, str]:
    """Return what the cell was asked for, as text by name."""
    asked = {name: str(record[name]) for name in ("label", "dataset_label", "seed", "budget", "device")}
    for part in ("model", "dataset"):
        asked |= {f"{part}.{name}": str(value) for name, value in record[f"{part}_config"].items()}
    return asked


def results(record: Record) -> dict[str, float]:
    """Return scores, their floors and timings by name, those that are finite numbers."""
    found: dict[str, object] = {}
    for score in record["scores"]:
        found |= {f"scores/{score['label']}": score.get("value"), f"floors/{score['label']}": score.get("floor")}
    found |= {f"timings/{name}": value for name, value in record["timings"].items()}
    return {allowed(name): value for name, each in found.items() if (value := finite(each)) is not None}


def curves(record: Record) -> Iterator[Point]:
    """Yield what the model logged while it was trained, and the scores of its snapshots."""
    for seconds, step, values in record.get("trace") or []:
        for name, each in values.items():
            if (value := finite(each)) is not None:
                yield Point(allowed(f"training/{name}"), value, int(step), float(seconds))
    for score in record["scores"]:
        for point in (score.get("detail") or {}).get("curve") or []:
            if (value := finite(point.get("value"))) is not None:
                name = allowed(f"snapshots/{score['label']}")
                yield Point(name, value, int(point["step"]), float(point["seconds"]))


def last_step(record: Record) -> int:
    """Return the number of training steps, 0 where the model has none."""
    return int(finite(record["timings"].get("steps")) or 0)


def epoch_seconds(text: str) -> float:
    """Return a time of a record, in ISO 8601, as seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


def finite(value: object) -> float | None:
    """Return a finite number as float, and None for all else."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None  # type: ignore[arg-type]


def allowed(name: str) -> str:
    """Return a name of letters, digits and ``_ . / -``: ``frechet@pca`` becomes ``frechet-pca``."""
    return re.sub(r"[^\w./-]+", "-", name, flags=re.ASCII).strip("-")
