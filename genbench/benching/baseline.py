"""Baseline measurements of a version, in a file that pytest-benchmark's tools read too."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench.benching.checkouts import Installation
from genbench.errors import UserError
from genbench.record.environment import CLOCK, machine, versions

PYTEST_BENCHMARK_VERSION = "5.1.0"  # whose file format this is


@dataclass(frozen=True)
class Baseline:
    """An earlier measurement: the values and facts of each quantity, with the machine and the version measured."""

    label: str
    machine: Mapping[str, Any]
    values: Mapping[str, list[float]]
    facts: Mapping[str, Mapping[str, Any]]
    effort: str = ""

    @property
    def machine_mismatch(self) -> str:
        """Why its times cannot be compared with times of this machine, or an empty string."""
        here = machine()
        for name in ("id", "processor", "cores", "python"):
            if self.machine.get(name) != here[name]:
                return f"measured on another machine: {name} {self.machine.get(name)}, here {here[name]}"
        return ""


def write_baseline(
    path: Path,
    installation: Installation,
    values: Mapping[str, Sequence[float | None]],
    facts: Mapping[str, Mapping[str, Any]],
    effort: str,
) -> None:
    """Write the measurements of an installed version; a quantity that failed is left out."""
    complete = {name: [float(v) for v in times if v is not None] for name, times in values.items() if None not in times}
    body = {
        "machine_info": machine() | {"libraries": versions(), "measured": effort},
        "commit_info": {
            "id": installation.commit,
            "label": installation.label,
            "project": installation.distribution,
            "version": installation.version,
        },
        "benchmarks": [_benchmark(name, times, facts.get(name, {})) for name, times in complete.items() if times],
        "datetime": datetime.now(UTC).isoformat(),
        "version": PYTEST_BENCHMARK_VERSION,
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
    """Return how many times lie beyond a standard deviation and beyond Tukey's fences, and the range within those."""
    reach = 1.5 * (high - low)
    within = [time for time in times if low - reach <= time <= high + reach] or [mean]
    by_sd, by_iqr = sum(abs(time - mean) > spread for time in times), sum(time not in within for time in times)
    return {
        "stddev_outliers": by_sd, "iqr_outliers": by_iqr, "outliers": f"{by_sd};{by_iqr}",
        "ld15iqr": min(within), "hd15iqr": max(within),
    }  # fmt: skip


def read_baseline(path: Path) -> Baseline:
    """Read a file that ``write_baseline`` wrote; raises UserError for any other file."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        commit, made_on = body["commit_info"], body["machine_info"]
        benchmarks = {each["name"]: each for each in body["benchmarks"] if each["extra_info"].get("clock") == CLOCK}
        values = {name: [float(time) for time in each["stats"]["data"]] for name, each in benchmarks.items()}
        if not benchmarks and body["benchmarks"]:
            raise ValueError("its times are wall-clock times, not CPU times")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"--against {path}: not a file of genbench bench --save ({reason})") from None
    facts = {
        name: {key: value for key, value in each["extra_info"].items() if key != "clock"}
        for name, each in benchmarks.items()
    }
    return Baseline(f"{path.name} ({commit.get('label')})", made_on, values, facts, str(made_on.get("measured", "")))
