"""How scores changed while a model learned: those metrics that declare it, taken of the snapshots of its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genbench.protocol import Array, Evidence
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer

__all__ = ["add_curves"]


def add_curves(
    scores: Sequence[dict[str, Any]],
    scorers: Sequence[Scorer],
    evidence: Evidence,
    saved: Mapping[str, Array],
    to_scores: Callable[[Array], Array],
) -> None:
    """Add ``curve`` to the ``detail`` of the scores that are also taken of snapshots.

    ``saved`` holds what a cell left: snapshots (k, n, *shape) in the data's units, which ``to_scores`` takes to the
    scoring space, with the seconds and steps of training. A point has ``seconds step value low high n_fake``.
    """
    wanted = [at for at, scorer in enumerate(scorers) if scorer.spec.snapshots and not scorer.space]
    if not wanted or "snapshots" not in saved:
        return
    curves: list[list[dict[str, Any]]] = [[] for _ in wanted]
    for rows, seconds, step in zip(*(saved[f"snapshot{part}"] for part in ("s", "_seconds", "_steps")), strict=True):
        then = evaluate(_evidence(evidence, rows, to_scores(rows)), [scorers[at] for at in wanted])
        for curve, score in zip(curves, then, strict=True):
            point = {name: score[name] for name in ("value", "low", "high", "n_fake")}
            curve.append({"seconds": float(seconds), "step": int(step), **point})
    for at, curve in zip(wanted, curves, strict=True):
        scores[at]["detail"] = {**(scores[at]["detail"] or {}), "curve": curve}


def _evidence(last: Evidence, raw: Array, rows: Array) -> Evidence:
    """Return what such a metric may see of a snapshot: samples beside real rows, nothing of the model."""
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
