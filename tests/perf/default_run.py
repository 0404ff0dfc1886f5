"""Where the time of a run goes, by what its records say of each cell."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Shares", "shares_of"]

STAGES = ("training", "snapshots, samples, likelihoods and the rest of the process that trains", "scores")


@dataclass(frozen=True)
class Shares:
    """Processor seconds of a run: by stage, and by model; ``busy`` is the share of the cores' time that they make."""

    by_stage: dict[str, float]
    by_model: dict[str, float]
    wall_s: float
    busy: float
    cells: int

    @property
    def total_s(self) -> float:
        """Processor seconds of all cells."""
        return sum(self.by_stage.values())


def shares_of(records: Sequence[Mapping[str, Any]]) -> Shares | None:
    """Return where the time of a run went; None where no record has it."""
    by_stage, by_model = dict.fromkeys(STAGES, 0.0), defaultdict[str, float](float)
    measured = [record for record in records if (record.get("usage") or {}).get("fit") and record["status"] == "ok"]
    if not measured:
        return None
    for record in measured:
        usage, timings = record["usage"], record.get("timings") or {}
        of_cell = [float((usage.get(stage) or {}).get("cpu_s") or 0.0) for stage in ("fit", "score")]
        fit = min(of_cell[0], float(timings.get("fit_cpu_s") or 0.0))
        for stage, seconds in zip(STAGES, (fit, of_cell[0] - fit, of_cell[1]), strict=True):
            by_stage[stage] += seconds
        by_model[record["model"]] += sum(of_cell)
    start = min(datetime.datetime.fromisoformat(record["started"]) for record in measured)
    end = max(datetime.datetime.fromisoformat(record["ended"]) for record in measured)
    wall, cores = (end - start).total_seconds(), max(1, int(measured[0]["machine"].get("cores") or 1))
    busy = sum(by_stage.values()) / (wall * cores) if wall else 0.0
    ordered = dict(sorted(by_model.items(), key=lambda item: -item[1]))
    return Shares(by_stage, ordered, wall, busy, len(measured))
