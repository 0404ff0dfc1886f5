"""How scores changed during training: metrics that declare ``snapshots``, computed on the snapshots of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genbench.protocol import Array, Evidence
from genbench.record.score import metric_failed
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer


def add_curves(
    scores: Sequence[dict[str, Any]],
    scorers: Sequence[Scorer],
    evidence: Evidence,
    saved: Mapping[str, Array],
    to_scores: Callable[[Array, Array | None], Array],
    listener: Callable[[str], None] = lambda _: None,
) -> None:
    """Add ``curve`` to the ``detail`` of the scores whose metrics are also computed on snapshots.

    ``saved`` are the arrays of a cell: snapshots (k, n, *shape) in the data's units, which ``to_scores`` maps to the
    scoring space with their conditions, with the seconds and steps of training. A point has ``seconds step value low
    high n_fake``. ``listener`` is called with the label of each metric before it begins.
    """
    chosen = [index for index, scorer in enumerate(scorers) if scorer.spec.snapshots and not scorer.space]
    chosen = [index for index in chosen if not metric_failed(scores[index])]
    if not chosen or "snapshots" not in saved:
        return
    curves, given = [list[dict[str, Any]]() for _ in chosen], evidence.conditions_fake
    for rows, seconds, step in zip(*(saved[f"snapshot{part}"] for part in ("s", "_seconds", "_steps")), strict=True):
        seen, used = _snapshot_evidence(evidence, rows, to_scores(rows, given)), [scorers[index] for index in chosen]
        found = evaluate(seen, used, listener=listener)
        for curve, score in zip(curves, found, strict=True):
            point = {name: score[name] for name in ("value", "low", "high", "n_fake")}
            curve.append({"seconds": float(seconds), "step": int(step), **point})
    for index, curve in zip(chosen, curves, strict=True):
        scores[index]["detail"] = {**(scores[index]["detail"] or {}), "curve": curve}


def _snapshot_evidence(last: Evidence, raw: Array, rows: Array) -> Evidence:
    """Return the evidence of a snapshot: samples and real rows, nothing else of the model."""
    return Evidence(
        last.real,
        rows,
        space=last.space,
        kind=last.kind,
        columns=last.columns,
        test_raw=last.test_raw,
        fake_raw=raw,
        levels=last.levels,
        seed=last.seed,
    )
