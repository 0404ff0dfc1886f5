"""Fixtures of the tests of figures."""

import pytest
from equivalent_records import learned, scored
from synthetic import record, score


@pytest.fixture
def trained():
    def fields(seconds):
        trace = [[seconds / 2, 5, {"loss": 2.0, "kl": -1.0}], [seconds, 10, {"loss": 1.0, "kl": 500.0}]]
        return {"timings": {"fit_s": seconds, "samples_per_s": 1e3 * seconds}, "trace": trace}

    made = [scored("vae", 0, **fields(2.0)), scored("vae", 1, **fields(2.5)), scored("gan", 0, **fields(20.0))]
    others = [score("nll", 1.0, params={"kind": "exact"}), score("coverage", 0.9, better="higher"), score("ct", 1.0)]
    return [{**each, "scores": [*each["scores"], *others, learned(each["timings"]["fit_s"])]} for each in made]


@pytest.fixture
def records():
    sizes = {"train": 500, "test": 2000, "reference": 2000}
    return [
        scored("vae", values=[300.0, 200.0, 100.0], sizes=sizes),
        scored("gan", values=[None, 20.0, 10.0], low=[70.0, 10.0, 5.0], high=[None, 40.0, 20.0], sizes=sizes),
        scored("real", values=[None] * 3, low=[900.0, None, 800.0], high=[None] * 3, sizes=sizes),
        record("kde", status="failed", reason="boom"),
    ]
