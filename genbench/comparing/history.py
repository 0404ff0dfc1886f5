"""A metric over many runs, in the order of their time, and the runs from which on it was another.

Change points are found by binary segmentation (Scott & Knott 1974): the split with the largest standardised difference
of means is kept where, by random permutations of the runs, so large a one is rare (p < 0.01, as in Matteson & James
2014, arXiv:1306.4933), and both parts are searched again. That needs about ten runs. Runs that repeat a value to 1e-4
(the same code and seeds) need no test: each step between repeated values is a change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from genbench.comparing.quality import SAME
from genbench.comparing.sources import Side, read_side
from genbench.errors import UnknownName, UserError
from genbench.record.score import column_of
from genbench.table.columns import scale_of

__all__ = ["Change", "Point", "Series", "change_points", "history", "runs_in"]

ALPHA = 0.01
PERMUTATIONS = 999
LEAST = 2  # runs on either side of a change

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Point:
    """The mean over seeds of one run, its standard deviation over seeds, and how many there are."""

    run: str
    created: str
    value: float
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class Change:
    """From this point on (its index) the mean is another; ``p`` is None where values repeat exactly on both sides."""

    at: int
    run: str
    created: str
    before: float
    after: float
    p: float | None


@dataclass(frozen=True)
class Series:
    """One metric of one cell over runs; ``left_out`` says how many runs measured something else under its name."""

    subject: str
    metric: str
    better: str | None
    unit: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()
    left_out: int = 0

    @property
    def worsened(self) -> bool:
        """Whether the last change was for the worse."""
        if not self.changes or self.better not in ("lower", "higher"):
            return False
        last = self.changes[-1]
        return (last.after > last.before) == (self.better == "lower")

    def as_dict(self) -> dict[str, Any]:
        """Return its fields as JSON can hold them."""
        return {**asdict(self), "worsened": self.worsened}


def runs_in(paths: Iterable[str | Path]) -> list[Path]:
    """Return the run directories among paths and, at most two folders down, in them; raises UserError for none."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = [folder for pattern in ("run.json", "*/run.json", "*/*/run.json") for folder in path.glob(pattern)]
        if not inside:
            raise UserError(f"{path}: no run here (no run.json); give run directories, or a folder of them")
        found += [file.parent for file in inside]
    return list(dict.fromkeys(found))


def history(
    *paths: str | Path, metrics: Sequence[str] = (), models: Sequence[str] = (), datasets: Sequence[str] = ()
) -> list[Series]:
    """Return a series for each metric of each model, dataset, budget and device, those that changed last first.

    Runs with a failed seed have no point. Times are series only where ``metrics`` names them (fit_s, samples_per_s),
    and of the machine of the newest run alone. Raises UserError.
    """
    sides = sorted(
        ((read_side(run, unbegun=True), run) for run in runs_in(paths)),
        key=lambda each: str(each[0].about.get("created")),
    )
    _check([side for side, _ in sides], metrics, models, datasets)
    gathered: dict[tuple[str, str], list[tuple[Point, Mapping[str, Any], Any]]] = {}
    for side, run in sides:
        for (model, dataset, budget, device), seeds in side.cells.items():
            if (models and model not in models) or (datasets and dataset not in datasets):
                continue
            subject = f"{model} x {dataset} ({budget}, {device})"
            for name, (values, about, like) in _measured(seeds, side, metrics).items():
                if metrics and name not in metrics:
                    continue
                point = _point(run.name, str(side.about.get("created") or ""), values)
                gathered.setdefault((subject, name), []).append((point, about, like))
    found = [_series(subject, name, many) for (subject, name), many in gathered.items()]
    return sorted(found, key=lambda each: (not each.worsened, not each.changes))


def _check(sides: Sequence[Side], metrics: Sequence[str], models: Sequence[str], datasets: Sequence[str]) -> None:
    """Raise UnknownName for what no run has."""
    cells = [name for side in sides for name in side.cells]
    records = [record for side in sides for seeds in side.cells.values() for record in seeds.values()]
    scores = {column_of(score) for record in records for score in record.get("scores") or ()}
    timings = {name for record in records for name in record.get("timings") or ()}
    for kind, wanted, known in (
        ("score in these runs", metrics, scores | timings),
        ("model in these runs", models, {model for model, *_ in cells}),
        ("dataset in these runs", datasets, {dataset for _, dataset, *_ in cells}),
    ):
        for unknown in sorted({*wanted} - known):
            raise UnknownName(kind, unknown, known)


def _measured(
    seeds: Mapping[int, Mapping[str, Any]], side: Side, wanted: Sequence[str]
) -> dict[str, tuple[list[float], Mapping[str, Any], Any]]:
    """Return the values over seeds of each metric and wanted timing of a cell, and what must be alike to compare."""
    if any(record["status"] != "ok" for record in seeds.values()):
        return {}
    found: dict[str, tuple[list[float], Mapping[str, Any], Any]] = {}
    for record in seeds.values():
        alike = [record.get("sizes"), sorted(seeds)]
        for score in record.get("scores") or ():
            if score.get("value") is not None:
                known = found.setdefault(column_of(score), ([], score, [*scale_of(score), alike]))
                known[0].append(float(score["value"]))
        for name, value in (record.get("timings") or {}).items():
            if name in wanted and isinstance(value, (int, float)):
                better = "higher" if name.endswith("_per_s") else "lower"
                known = found.setdefault(name, ([], {"better": better, "unit": ""}, [sorted(side.machines), alike]))
                known[0].append(float(value))
    return {name: each for name, each in found.items() if len(each[0]) == len(seeds)}


def _point(run: str, created: str, values: Sequence[float]) -> Point:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Point(run, created, math.fsum(values) / len(values), sd, len(values))


def _series(subject: str, name: str, many: Sequence[tuple[Point, Mapping[str, Any], Any]]) -> Series:
    """Return the series of the runs that measured what the newest did."""
    _, about, like = many[-1]
    points = tuple(point for point, _, other in many if other == like)
    found = change_points([point.value for point in points])
    ends = [0, *(at for at, _ in found), len(points)]
    means = [float(np.mean([p.value for p in points[a:b]])) for a, b in pairwise(ends)]
    changes = tuple(
        Change(at, points[at].run, points[at].created, means[i], means[i + 1], p) for i, (at, p) in enumerate(found)
    )
    left_out = len(many) - len(points)
    return Series(subject, name, about.get("better"), str(about.get("unit") or ""), points, changes, left_out)


# ------------------------------------------------------------------------------------------------------- change points


def change_points(values: Sequence[float], alpha: float = ALPHA) -> list[tuple[int, float | None]]:
    """Return the indices at which another mean begins, in order, each with its p-value (None: exact steps).

    Deterministic: the permutations have a fixed seed.
    """
    found = np.asarray(values, dtype=np.float64)
    steps = _exact_steps(found)
    if steps is not None:
        return [(at, None) for at in steps]
    return sorted(_segmented(found, 0, alpha, np.random.default_rng(0)), key=lambda change: change[0])


def _exact_steps(values: Array) -> list[int] | None:
    """Return where repeated values step; None where some value before the last step is not repeated: there is noise."""
    size = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    starts = [int(i) + 1 for i in np.flatnonzero(np.abs(np.diff(values)) > SAME * size)]
    ends = [*starts, len(values)]
    lengths = [end - start for start, end in zip([0, *starts], ends, strict=True)]
    return starts if all(length >= LEAST for length in lengths[:-1]) else None


def _segmented(values: Array, offset: int, alpha: float, rng: np.random.Generator) -> list[tuple[int, float | None]]:
    if len(values) < 2 * LEAST:
        return []
    at, observed = _best_split(values[None])
    permuted = rng.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)
    p = (1 + int((_best_split(permuted)[1] >= observed[0] * (1 - 1e-12)).sum())) / (PERMUTATIONS + 1)
    if p >= alpha:
        return []
    split = int(at[0])
    before = _segmented(values[:split], offset, alpha, rng)
    return [*before, (offset + split, p), *_segmented(values[split:], offset + split, alpha, rng)]


def _best_split(rows: Array) -> tuple[Array, Array]:
    """Return, for each of (m, n) rows, the split with the largest difference of means in its own error, and that."""
    n = rows.shape[1]
    sizes = np.arange(LEAST, n - LEAST + 1)
    sums = np.cumsum(rows, axis=1)
    below = sums[:, sizes - 1] / sizes
    above = (sums[:, -1:] - sums[:, sizes - 1]) / (n - sizes)
    statistic = np.abs(above - below) * np.sqrt(sizes * (n - sizes) / n)  # the same error for all rows of one sample
    best = statistic.argmax(axis=1)
    return sizes[best], statistic.max(axis=1)
