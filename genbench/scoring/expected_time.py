"""How long the scores of many rows will take, from those of a few of them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from genbench.protocol import Evidence
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.scorer import Scorer
from genbench.scoring.thinning import Thinning
from genbench.text import duration

MIN_ROWS = 100_000  # of either side, from which an estimate is worth its time
TRIAL_ROWS = 2_000  # of either side, that are scored for it
LOGARITHM = 1.1  # exponent of a cost that grows with n log n
FLOOR_PASSES = 1.0  # beside the scores themselves: of two halves against samples and each other
CAPPED_FLOOR_PASSES = 2.0  # where a half has more rows than are used
SPLIT_PASSES = 8.0  # of a metric whose floor has no interval


def expected_time(evidence: Evidence, scorers: Sequence[Scorer], views: Views, max_rows: int | None) -> str:
    """Return a line with the expected time of all scores and their floors, and the slowest of them; empty of few rows.

    ``views`` are for the trial alone, since spaces are fitted to its rows. Each metric is timed on 2,000 rows of either
    side. A metric of pairs of rows grows with their square up to the rows that it gets at most, any other with n log n,
    or up to its own option ``max_rows``.
    """
    rows = max(len(evidence.real.rows), len(evidence.fake))
    if rows < MIN_ROWS:
        return ""
    train = None if evidence.train is None else evidence.train[:TRIAL_ROWS]
    part = replace(Thinning(TRIAL_ROWS).thinned(evidence), train=train)
    with contextlib.redirect_stderr(io.StringIO()):  # what fails is reported when all rows are scored
        tried = evaluate(part, scorers, views=views)
    times = {
        scorer.label: _seconds(scorer, score, rows, max_rows) for scorer, score in zip(scorers, tried, strict=True)
    }
    slowest = sorted(times, key=lambda label: -times[label])[:3]
    named = ", ".join(f"{label} {duration(times[label])}" for label in slowest)
    return f"expected: {duration(sum(times.values()))} for {rows} rows ({named})"


def _seconds(scorer: Scorer, score: Mapping[str, Any], rows: int, max_rows: int | None) -> float:
    own = getattr(scorer.config, "max_rows", None)
    caps = [cap for cap in (max_rows if scorer.spec.pairs else None, own) if cap is not None]
    used = min([rows, *caps])
    growth = max(used / TRIAL_ROWS, 1.0) ** (2.0 if scorer.spec.pairs else LOGARITHM)
    passes = 1.0 + (CAPPED_FLOOR_PASSES if used < rows / 2 else FLOOR_PASSES)
    if score["low"] is None and score["value"] is not None:
        passes += SPLIT_PASSES
    expected: float = score["seconds"] * growth * passes
    return expected
