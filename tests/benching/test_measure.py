"""Two sides measured in turn, and what fails on one."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.benching import measure as measure_module
from genbench.benching.checkouts import Installation
from genbench.benching.measure import Effort, Measurer


def test_what_fails_on_a_side_harms_nothing_else(installed: list[Installation], tmp_path: Path) -> None:
    names = ["metric/breaks", "metric/kept", "metric/nosuch"]
    with Measurer(installed, tmp_path, Effort(blocks=2, block_s=0.001)) as lab:
        assert [("metric/gone" in side, "metric/added" in side) for side in lab.quantities()] == [(1, 0), (0, 1)]
        values = {name: lab.values(name, (0, 1), 2) for name in names}
        facts = lab.facts("metric/kept", (0, 1))
    assert values["metric/breaks"][1] == [None, None]
    assert None not in values["metric/breaks"][0]
    assert values["metric/nosuch"] == [[None, None], [None, None]]
    assert all(0 < value < 1 for side in values["metric/kept"] for value in side if value)
    assert facts == [{"value": 1.0}, {"value": 2.0}]
    assert set(lab.errors) == {(1, "metric/breaks"), (0, "metric/nosuch"), (1, "metric/nosuch")}


def test_a_server_that_hangs_is_ended(
    installed: list[Installation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_module, "ANSWER_TIMEOUT_S", 0.0)
    with Measurer(installed[:1], tmp_path, Effort()) as lab:
        assert lab.values("metric/kept", (0,), 1) == [[None]]
        assert "no answer" in lab.errors[0, "metric/kept"]
        assert not lab._servers
