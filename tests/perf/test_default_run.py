"""Where the time of a run goes, on records whose times are known."""

from __future__ import annotations

import pytest
from default_run import STAGES, shares_of
from synthetic import record


def cell(model: str, start: str, end: str) -> dict[str, object]:
    about = record(model, 0)
    usage = {"fit": {"cpu_s": 8.0}, "score": {"cpu_s": 2.0}}
    timed = {"usage": usage, "timings": {"fit_cpu_s": 5.0}, "started": start, "ended": end, "machine": {"cores": 2}}
    return {**about, **timed}


def test_stages_models_and_idle_cores() -> None:
    first = cell("vae", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:10+00:00")
    second = cell("kde", "2026-01-01T00:00:05+00:00", "2026-01-01T00:00:20+00:00")
    shares = shares_of([first, second, {**second, "status": "crashed"}])
    assert shares is not None
    assert shares.by_stage == pytest.approx(dict(zip(STAGES, (10.0, 6.0, 4.0), strict=True)))
    assert shares.by_model == {"vae": 10.0, "kde": 10.0}
    assert (shares.wall_s, shares.busy, shares.cells) == (20.0, 0.5, 2)


def test_records_without_usage_say_nothing() -> None:
    assert shares_of([record("vae", 0)]) is None
