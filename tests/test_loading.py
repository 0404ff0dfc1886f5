"""What a dataset tells while it loads reaches the run, and nobody where nobody listens."""

from __future__ import annotations

import contextlib

from genbench.loading import heard_by, tell_loading


def test_what_is_told_is_heard_by_the_innermost_listener_only_while_it_listens() -> None:
    outer: list[tuple[int, int]] = []
    inner: list[tuple[int, int]] = []
    tell_loading(1, 9)
    with heard_by(lambda *told: outer.append(told)):
        tell_loading(2, 9)
        with contextlib.suppress(ZeroDivisionError), heard_by(lambda *told: inner.append(told)):
            tell_loading(3, 9)
            raise ZeroDivisionError
        tell_loading(4, 9)
    tell_loading(5, 9)
    assert outer == [(2, 9), (4, 9)]
    assert inner == [(3, 9)]


SLOW = """
import genbench
import numpy as np
from genbench.loading import tell_loading
from genbench.protocol import Data

class Slow:
    def load(self, sizes, rng):
        tell_loading(7, 20)
        rows = rng.standard_normal((300, 2))
        return Data(rows[:100], rows[100:200], rows[200:])

@genbench.hookimpl
def genbench_register():
    return [genbench.DatasetSpec("slow", Slow, None, "takes its time", licence="MIT", source="drawn")]
"""


def test_a_cell_reports_how_far_its_data_are(tmp_path) -> None:
    from genbench.plan.plan import Request, make_plan
    from genbench.registry.registry import Registry
    from genbench.training.cell import fit_cell

    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    request = Request(models="gaussian", datasets="slow", preset="smoke", device="cpu", plugin_files=(path,))
    cell = next(c for c in make_plan(request, Registry.discover([path])).cells if c.model.name == "gaussian")
    heard: list[dict] = []
    fit_cell(cell, tmp_path / "run", lambda **told: heard.append(told))
    assert heard[0] == {"phase": "load"}
    assert heard[1] == {"phase": "load", "step": 7, "steps": 20}
