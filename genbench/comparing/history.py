"""A metric over many runs in the order of their time, and the runs at which its mean changed.

Change points are found by binary segmentation (Scott & Knott 1974): the split with the largest standardised difference
of means is kept where random permutations of the runs rarely have as large a one (p < 0.01, as in Matteson & James
2014, arXiv:1306.4933), and both parts are searched again. That needs about ten runs. Where runs repeat a value to 1e-4
(the same code and seeds), no test is needed: each step between repeated values is a change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from genbench.comparing.quality import REPEAT_TOLERANCE
from genbench.comparing.sources import RunSet, read_run_set
from genbench.errors import UnknownName, UserError
from genbench.record.score import column_of
from genbench.table.columns import scale_of

ALPHA = 0.01  # of the permutation test
PERMUTATIONS = 999
MIN_SEGMENT_RUNS = 2  # between two changes

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class RunMean:
    """The mean of a metric over the seeds of one run, its standard deviation over seeds, and the number of seeds."""

    run: str
    created: str
    value: float
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class Change:
    """A change of the mean at the point of index ``at``; ``p`` is None where values repeat exactly on both sides."""

    at: int
    run: str
    created: str
    before: float
    after: float
    p: float | None


@dataclass(frozen=True)
class Series:
    """One metric of one cell over runs; ``left_out`` counts runs that measured something else under the same name."""

    subject: str
    metric: str
    better: str | None
    unit: str
    points: tuple[RunMean, ...]
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
        """Return the fields, and ``worsened``, as JSON values."""
        return {**asdict(self), "worsened": self.worsened}


def runs_in(paths: Iterable[str | Path]) -> list[Path]:
    """Return the run directories among paths and up to two folders below them; raises UserError for none."""
    found: list[Path] = []
    for path in map(Path, paths):
        files = [file for pattern in ("run.json", "*/run.json", "*/*/run.json") for file in path.glob(pattern)]
        if not files:
            raise UserError(f"{path}: no run here (no run.json); give run directories, or a folder of them")
        found += [file.parent for file in files]
    return list(dict.fromkeys(found))


def history(
    *paths: str | Path, metrics: Sequence[str] = (), models: Sequence[str] = (), datasets: Sequence[str] = ()
) -> list[Series]:
    """Return a series for each metric of each model, dataset, budget and device: worsened first, then changed.

    A run with a failed seed has no point. Timings are included only where ``metrics`` names them (fit_s,
    samples_per_s), and only from the machine of the newest run. Raises UserError.
    """
    run_sets = sorted(
        ((read_run_set(run, allow_empty=True), run) for run in runs_in(paths)),
        key=lambda each: str(each[0].about.get("created")),
    )
    _check_names([run_set for run_set, _ in run_sets], metrics, models, datasets)
    gathered: dict[tuple[str, str], list[tuple[RunMean, Mapping[str, Any], Any]]] = {}
    for run_set, run in run_sets:
        for (model, dataset, budget, device), seeds in run_set.cells.items():
            if (models and model not in models) or (datasets and dataset not in datasets):
                continue
            subject = f"{model} x {dataset} ({budget}, {device})"
            for name, (values, about, scale) in _values(seeds, run_set, metrics).items():
                if metrics and name not in metrics:
                    continue
                point = _point(run.name, str(run_set.about.get("created") or ""), values)
                gathered.setdefault((subject, name), []).append((point, about, scale))
    found = [_series(subject, name, many) for (subject, name), many in gathered.items()]
    return sorted(found, key=lambda each: (not each.worsened, not each.changes))


def _check_names(
    run_sets: Sequence[RunSet], metrics: Sequence[str], models: Sequence[str], datasets: Sequence[str]
) -> None:
    """Raise UnknownName for a name that no run has."""
    cells = [name for run_set in run_sets for name in run_set.cells]
    records = [record for run_set in run_sets for seeds in run_set.cells.values() for record in seeds.values()]
    scores = {column_of(score) for record in records for score in record.get("scores") or ()}
    timings = {name for record in records for name in record.get("timings") or ()}
    for kind, wanted, known in (
        ("score in these runs", metrics, scores | timings),
        ("model in these runs", models, {model for model, *_ in cells}),
        ("dataset in these runs", datasets, {dataset for _, dataset, *_ in cells}),
    ):
        for unknown in sorted({*wanted} - known):
            raise UnknownName(kind, unknown, known)


def _values(
    seeds: Mapping[int, Mapping[str, Any]], run_set: RunSet, wanted: Sequence[str]
) -> dict[str, tuple[list[float], Mapping[str, Any], Any]]:
    """Return the values over seeds of each metric and wanted timing of a cell, a score, and the scale they are on."""
    if any(record["status"] != "ok" for record in seeds.values()):
        return {}
    found: dict[str, tuple[list[float], Mapping[str, Any], Any]] = {}
    for record in seeds.values():
        conditions = [record.get("sizes"), sorted(seeds)]
        for score in record.get("scores") or ():
            if score.get("value") is not None:
                known = found.setdefault(column_of(score), ([], score, [*scale_of(score), conditions]))
                known[0].append(float(score["value"]))
        for name, value in (record.get("timings") or {}).items():
            if name in wanted and isinstance(value, (int, float)):
                about = {"better": "higher" if name.endswith("_per_s") else "lower", "unit": ""}
                known = found.setdefault(name, ([], about, [sorted(run_set.machines), conditions]))
                known[0].append(float(value))
    return {name: each for name, each in found.items() if len(each[0]) == len(seeds)}


def _point(run: str, created: str, values: Sequence[float]) -> RunMean:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return RunMean(run, created, math.fsum(values) / len(values), sd, len(values))


def _series(subject: str, name: str, many: Sequence[tuple[RunMean, Mapping[str, Any], Any]]) -> Series:
    """Return the series of the runs that measured the same as the newest."""
    _, about, scale = many[-1]
    points = tuple(point for point, _, other in many if other == scale)
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
    """Return the indices at which the mean changes, in order, each with its p-value (None for exact steps).

    The result is deterministic: the permutations have a fixed seed.
    """
    found = np.asarray(values, dtype=np.float64)
    steps = _exact_steps(found)
    if steps is not None:
        return [(at, None) for at in steps]
    return sorted(_segment(found, 0, alpha, np.random.default_rng(0)), key=lambda change: change[0])


def _exact_steps(values: Array) -> list[int] | None:
    """Return where repeated values step; None where a value before the last step is not repeated, as with noise."""
    size = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    starts = [int(i) + 1 for i in np.flatnonzero(np.abs(np.diff(values)) > REPEAT_TOLERANCE * size)]
    ends = [*starts, len(values)]
    lengths = [end - start for start, end in zip([0, *starts], ends, strict=True)]
    return starts if all(length >= MIN_SEGMENT_RUNS for length in lengths[:-1]) else None


def _segment(values: Array, offset: int, alpha: float, rng: np.random.Generator) -> list[tuple[int, float | None]]:
    if len(values) < 2 * MIN_SEGMENT_RUNS:
        return []
    at, observed = _best_split(values[None])
    permuted = rng.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)
    p = (1 + int((_best_split(permuted)[1] >= observed[0] * (1 - 1e-12)).sum())) / (PERMUTATIONS + 1)
    if p >= alpha:
        return []
    split = int(at[0])
    before = _segment(values[:split], offset, alpha, rng)
    return [*before, (offset + split, p), *_segment(values[split:], offset + split, alpha, rng)]


def _best_split(rows: Array) -> tuple[Array, Array]:
    """Return for each row of (m, n) values the split with the largest standardised difference of means, and that."""
    n = rows.shape[1]
    sizes = np.arange(MIN_SEGMENT_RUNS, n - MIN_SEGMENT_RUNS + 1)
    sums = np.cumsum(rows, axis=1)
    below = sums[:, sizes - 1] / sizes
    above = (sums[:, -1:] - sums[:, sizes - 1]) / (n - sizes)
    # the spread is left out: it is the same for all permutations
    statistic = np.abs(above - below) * np.sqrt(sizes * (n - sizes) / n)
    best = statistic.argmax(axis=1)
    return sizes[best], statistic.max(axis=1)
