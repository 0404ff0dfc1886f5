"""Score the saved samples of a cell against the real rows of its dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genbench.plan.cell import REAL, Cell
from genbench.protocol import Array, Data, Evidence, LogDensity, RealSide
from genbench.scoring.curves import add_curves
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floors import add_floor_spread
from genbench.scoring.scorer import scorer_of, space_factories
from genbench.training.load import load, stream_of
from genbench.training.samples_file import read_samples
from genbench.training.setup import Report
from genbench.training.standardise import transform_of
from genbench.training.tasks import tasks_of


class RealSideCache:
    """What all scores on one dataset and seed share: the data, and whatever is computed from the real rows alone.

    ``fields`` are those of the evidence, ``views`` the feature spaces. Metrics cache on the real side what they compute
    from it, and the next model that is scored with this cache finds it there.
    """

    def __init__(self, cell: Cell, run: Path) -> None:
        self.data = load(cell)
        self.fields = _real_fields(self.data)
        self.views = Views({}, cache=run / "spaces")


def score_cell(
    cell: Cell,
    run: Path,
    timings: Mapping[str, float | None],
    floors: Mapping[str, Any] | None,
    report: Report,
    real: RealSideCache | None = None,
) -> list[dict[str, Any]]:
    """Return the scores of the samples that ``fit_cell`` saved; a metric that cannot be loaded says so in its score.

    ``real`` is the cache of an earlier cell on the same data; the scores are the same without it.
    """
    report(phase="score")
    real = real or RealSideCache(cell, run)
    saved = read_samples(run, cell, real.data)
    evidence = _evidence(cell, real.data, real.fields, saved, timings)
    scorers, views = [scorer_of(choice) for choice in cell.metrics], real.views
    views.add_factories(space_factories(cell.metrics))
    steps = iter(range(1, len(scorers) + 1))
    listener = lambda _: report(phase="score", step=next(steps), steps=len(scorers))  # noqa: E731
    scores = evaluate(evidence, scorers, floors, listener, views)
    add_curves(scores, scorers, evidence, saved, transform_of(real.data).to_scores)
    if cell.model.name == REAL:
        scores = add_floor_spread(evidence, scorers, scores, views)
    return [dict(score) for score in cell.complete(scores)]


def evidence_of(cell: Cell, data: Data, saved: Mapping[str, Array], timings: Mapping[str, float | None]) -> Evidence:
    """Return the evidence of a cell: what a metric may see of it."""
    return _evidence(cell, data, _real_fields(data), saved, timings)


def _real_fields(data: Data) -> dict[str, Any]:
    space, labels, truth = transform_of(data), data.labels or {}, data.log_prob
    return {
        "real": RealSide(space.to_scores(data.test)),
        "space": space.name,
        "kind": "vector" if data.train.ndim == 2 else "image",
        "columns": space.columns,
        "train": space.to_scores(data.train),
        "reference": space.to_scores(data.reference),
        "test_raw": data.test,
        "train_raw": data.train,
        "raw_columns": data.columns,
        "truth_test": None if truth is None else truth(data.test),
        "entropy": data.entropy,
        "modes": data.modes,
        "levels": data.levels,
        "simulator": data.simulator,
        "labels_train": labels.get("train"),
        "labels_test": labels.get("test"),
        "observables_test": None if data.observables is None else data.observables(data.test),
    }


def _evidence(
    cell: Cell,
    data: Data,
    real: Mapping[str, Any],
    saved: Mapping[str, Array],
    timings: Mapping[str, float | None],
) -> Evidence:
    samples, transform = saved["samples"], transform_of(data)
    kind = "exact" if cell.model.name == REAL else cell.density
    return Evidence(
        **real,
        fake=transform.to_scores(samples),
        fake_raw=samples,
        density_test=LogDensity(saved["log_prob_test"], kind) if "log_prob_test" in saved else None,
        density_fake=LogDensity(saved["log_prob_fake"], kind) if "log_prob_fake" in saved else None,
        truth_fake=None if data.log_prob is None else data.log_prob(samples.astype(np.float64)),
        timing=timings,
        observables_fake=None if data.observables is None else data.observables(samples),
        tasks=tasks_of(data, transform, saved),
        seed=int(stream_of(cell, "score").generate_state(1)[0]),
    )
