"""What the process of a model holds until its samples are hashed: training rows, and zeros for the others."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_cells import Truth, cell_of, fit

from genbench.data import fingerprint
from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.plan.recorded import RecordedCell
from genbench.protocol import Data
from genbench.training.hidden_rows import load_again, without_held_out
from genbench.training.load import load
from genbench.training.trained import open_model

ROWS = np.random.default_rng(0).normal(size=(300, 2))


def test_held_out_rows_are_zeros_and_nothing_leads_to_them() -> None:
    given = {name: np.ones((100, 1)) for name in ("train", "test", "reference")}
    data = Data(ROWS[:100], ROWS[100:200], ROWS[200:], log_prob=len, outliers=ROWS, labels={"test": ROWS[:, 0]},
                conditions=given, observables=len)  # fmt: skip
    left = without_held_out(data)
    np.testing.assert_array_equal(left.train, ROWS[:100])
    assert left.train.base is None, "a view would keep all rows"
    for rows in (left.test, left.reference):
        assert rows.shape == (100, 2)
        assert not rows.any()
    assert (left.log_prob, left.outliers, left.labels, left.observables) == (None,) * 4
    assert not left.conditions["test"].any()
    assert left.conditions["reference"].all(), "samples are drawn given them"


def test_data_that_are_others_the_second_time_are_invalid() -> None:
    cell = cell_of(Truth)
    assert len(load_again(cell, fingerprint(load(cell))).test) == 500
    with pytest.raises(Invalid, match="gives other rows each time"):
        load_again(cell, "0" * 64)


WALKED: dict[str, Any] = {}


def held_out_rows(expected: list) -> int:
    """Walk the stack and all objects as a hostile model does; return how many arrays hold held-out rows."""
    import gc
    import sys

    found, frame = 0, sys._getframe(1)
    objects = list(gc.get_objects())
    while frame is not None:
        objects += [*frame.f_locals.values()]
        frame = frame.f_back
    inner = [value for each in objects if isinstance(each, dict) for value in list(each.values())]
    for each in [*objects, *inner]:
        arrays = [each, *(vars(each).values() if isinstance(each, Data) else ())]
        found += sum(
            isinstance(a, np.ndarray) and a.ndim == 2 and len(a) > 1 and a[0].tolist() in expected for a in arrays
        )
    return found


class Walks(Truth):
    def fit(self, data, run):
        super().fit(data, run)
        type(self).seen = {}
        WALKED["fit"] = held_out_rows(WALKED["rows"])

    def sample(self, n):
        rows = WALKED["rows"]
        WALKED["sample"] = held_out_rows(rows)
        return super().sample(n)

    def log_prob(self, x):
        WALKED["log_prob"] = held_out_rows(WALKED["rows"])
        return super().log_prob(x)


@pytest.mark.filterwarnings("ignore")  # of objects that are deprecated, and looked at
def test_a_model_that_walks_the_stack_finds_no_held_out_rows_before_its_samples_are_hashed(tmp_path: Path) -> None:
    cell = cell_of(Walks, density="exact", seed=9173)  # of which no other test of this process has rows
    data = load(cell)
    WALKED["rows"] = [data.test[0].tolist(), data.reference[0].tolist()]
    del data
    part, _ = fit(cell, tmp_path)
    assert part["samples_sha256"]
    assert (WALKED["fit"], WALKED["sample"]) == (0, 0)
    assert WALKED["log_prob"] > 0, "after that they are there, or this test cannot fail"


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_trained_again_finds_none_either(tmp_path: Path) -> None:
    cell = cell_of(Walks, seed=9174)
    data = load(cell)
    WALKED.clear()
    WALKED["rows"] = [data.test[0].tolist(), data.reference[0].tolist()]
    del data
    values = {each.name: getattr(cell, each.name) for each in fields(Cell)}
    assert open_model(tmp_path, RecordedCell(**values, recorded_key=cell.key)).sample(5).shape == (5, 2)
    assert (WALKED["fit"], WALKED["sample"]) == (0, 0)
