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
from genbench.training.conditions import condition_space, conditions_of, joint_scores, true_log_prob
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
    digests: Mapping[str, str] | None = None,
    done: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the scores of the samples that ``fit_cell`` saved; a metric that cannot be loaded says so in its score.

    ``real`` is the cache of an earlier cell on the same data; the scores are the same without it.
    ``digests`` are the ``DIGEST_FIELDS`` of the samples; raises Damaged where they are others.
    ``done`` are scores that are known, as ``evaluate`` takes them; others are reported once they are made.
    """
    report(phase="score")
    real = real or RealSideCache(cell, run)
    saved = read_samples(run, cell, real.data, digests)
    evidence = _evidence(cell, real.data, real.fields, saved, timings)
    scorers, views = [scorer_of(choice) for choice in cell.metrics], real.views
    views.add_factories(space_factories(cell.metrics))
    steps = {scorer.label: step for step, scorer in enumerate(scorers, 1)}

    def listener(label: str, **made: Any) -> None:
        report(phase="score", step=steps[label], steps=len(scorers), **made)

    def on_score(score: dict[str, Any]) -> None:
        listener(score["label"], known={}, score=score)

    scores = evaluate(evidence, scorers, floors, listener, views, done, on_score)
    add_curves(scores, scorers, evidence, saved, joint_scores(real.data), listener)
    if cell.model.name == REAL:
        scores = add_floor_spread(evidence, scorers, scores, views, listener)
    return [dict(score) for score in cell.complete(scores)]


def evidence_of(cell: Cell, data: Data, saved: Mapping[str, Array], timings: Mapping[str, float | None]) -> Evidence:
    """Return the evidence of a cell: what a metric may see of it."""
    return _evidence(cell, data, _real_fields(data), saved, timings)


def _label_given(data: Data) -> Array | None:
    """Return the label (n,) that each sample was drawn given, where the condition is one category."""
    if data.conditions is None or len(data.condition_columns) != 1 or data.condition_columns[0].kind != "category":
        return None
    return data.conditions["reference"][:, 0].astype(np.int64)


def _real_fields(data: Data) -> dict[str, Any]:
    space, labels, to_scores, given = transform_of(data), data.labels or {}, joint_scores(data), data.conditions or {}
    conditions, truth = condition_space(data), data.log_prob
    return {
        "real": RealSide(to_scores(data.test, given.get("test"))),
        "space": space.name,
        "kind": "vector" if data.train.ndim == 2 else "image",
        "columns": (*space.columns, *(() if conditions is None else conditions.score_columns)),
        "train": to_scores(data.train, given.get("train")),
        "reference": to_scores(data.reference, given.get("reference")),
        "test_raw": data.test,
        "train_raw": data.train,
        "raw_columns": data.columns,
        "truth_test": None if truth is None else true_log_prob(data, data.test, given.get("test")),
        "entropy": data.entropy,
        "modes": data.modes,
        "levels": data.levels,
        "simulator": data.simulator,
        "labels_train": labels.get("train"),
        "labels_test": labels.get("test"),
        "conditions_train": given.get("train"),
        "conditions_test": given.get("test"),
        "conditions_fake": given.get("reference"),
        "condition_columns": data.condition_columns,
        "condition_scores": 0 if conditions is None else len(conditions.score_columns),
        "observables_test": None if data.observables is None else data.observables(data.test),
    }


def _evidence(
    cell: Cell,
    data: Data,
    real: Mapping[str, Any],
    saved: Mapping[str, Array],
    timings: Mapping[str, float | None],
) -> Evidence:
    samples, given = saved["samples"], conditions_of(data, "reference")
    kind = "exact" if cell.model.name == REAL else cell.density
    return Evidence(
        **real,
        fake=joint_scores(data)(samples, given),
        fake_raw=samples,
        density_test=LogDensity(saved["log_prob_test"], kind) if "log_prob_test" in saved else None,
        density_fake=LogDensity(saved["log_prob_fake"], kind) if "log_prob_fake" in saved else None,
        densities={
            name: LogDensity(saved[f"log_prob_test_{name}"], kind)
            for name, kind in cell.densities.items()
            if f"log_prob_test_{name}" in saved
        },
        truth_fake=None if data.log_prob is None else true_log_prob(data, samples.astype(np.float64), given),
        log_prob_classes=saved.get("log_prob_classes"),
        labels_fake=_label_given(data),
        timing=timings,
        observables_fake=None if data.observables is None else data.observables(samples),
        tasks=tasks_of(data, transform_of(data), saved),
        seed=int(stream_of(cell, "score").generate_state(1)[0]),
    )
