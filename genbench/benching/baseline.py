"""Measurements in a file that pytest-benchmark's tools read too, and what of such a file can still be compared with."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench.benching.checkouts import Side
from genbench.errors import UserError
from genbench.record.environment import CLOCK, machine, versions

__all__ = ["Stored", "read_stored", "write_stored"]

VERSION = "5.1.0"  # of pytest-benchmark, whose format this is


@dataclass(frozen=True)
class Stored:
    """The values and facts of an earlier measurement, by quantity, and where and of what it was made."""

    label: str
    machine: Mapping[str, Any]
    values: Mapping[str, list[float]]
    facts: Mapping[str, Mapping[str, Any]]
    effort: str = ""

    @property
    def comparable(self) -> str:
        """Why its times cannot be compared with times of this machine, or an empty string."""
        here = machine()
        for name in ("id", "processor", "cores", "python"):
            if self.machine.get(name) != here[name]:
                return f"measured on another machine: {name} {self.machine.get(name)}, here {here[name]}"
        return ""


def write_stored(
    path: Path,
    side: Side,
    values: Mapping[str, Sequence[float | None]],
    facts: Mapping[str, Mapping[str, Any]],
    effort: str,
) -> None:
    """Write what was measured of a side; a quantity that failed is left out."""
    whole = {name: [float(v) for v in times if v is not None] for name, times in values.items() if None not in times}
    body = {
        "machine_info": machine() | {"libraries": versions(), "measured": effort},
        "commit_info": {"id": side.commit, "label": side.label, "project": side.distribution, "version": side.version},
        "benchmarks": [_benchmark(name, times, facts.get(name, {})) for name, times in whole.items() if times],
        "datetime": datetime.now(UTC).isoformat(),
        "version": VERSION,
    }
    path.write_text(json.dumps(body, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _benchmark(name: str, times: list[float], facts: Mapping[str, Any]) -> dict[str, Any]:
    mean = statistics.fmean(times)
    low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (mean, mean, mean)
    spread = statistics.stdev(times) if len(times) > 1 else 0.0
    stats = {
        "min": min(times), "max": max(times), "mean": mean, "stddev": spread, "rounds": len(times),
        "median": statistics.median(times), "q1": low, "q3": high, "iqr": high - low, "iterations": 1,
        "ops": 1 / mean, "total": sum(times), "data": times, **_outliers(times, mean, spread, low, high),
    }  # fmt: skip
    return {
        "group": name.partition("/")[0], "name": name, "fullname": f"genbench bench::{name}", "params": None,
        "param": None, "extra_info": {"clock": CLOCK, **facts}, "options": {"timer": "process_time"},
        "stats": stats,
    }  # fmt: skip


def _outliers(times: list[float], mean: float, spread: float, low: float, high: float) -> dict[str, Any]:
    """Return how many lie beyond a standard deviation and beyond Tukey's fences, and the last within the fences."""
    reach = 1.5 * (high - low)
    within = [time for time in times if low - reach <= time <= high + reach] or [mean]
    beyond, fenced = sum(abs(time - mean) > spread for time in times), sum(time not in within for time in times)
    return {
        "stddev_outliers": beyond, "iqr_outliers": fenced, "outliers": f"{beyond};{fenced}",
        "ld15iqr": min(within), "hd15iqr": max(within),
    }  # fmt: skip


def read_stored(path: Path) -> Stored:
    """Return what ``write_stored`` wrote; raises UserError for any other file."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        commit, where = body["commit_info"], body["machine_info"]
        made = {each["name"]: each for each in body["benchmarks"] if each["extra_info"].get("clock") == CLOCK}
        values = {name: [float(time) for time in each["stats"]["data"]] for name, each in made.items()}
        if not made and body["benchmarks"]:
            raise ValueError("its times are those of a clock on the wall")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"--against {path}: no file of genbench bench --save ({reason})") from None
    facts = {
        name: {key: value for key, value in each["extra_info"].items() if key != "clock"} for name, each in made.items()
    }
    return Stored(f"{path.name} ({commit.get('label')})", where, values, facts, str(where.get("measured", "")))
