"""What an audit is asked for, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import normal

import genbench
from genbench.errors import DataError, UnknownName, UserError


@pytest.mark.parametrize("field", ["shfit", ("shift", "noise")])
def test_only_known_faults_can_be_advertised(field: Any) -> None:
    with pytest.raises(ValueError, match="detects must be a tuple of some of"):
        genbench.MetricSpec("m", lambda _: None, None, "a metric", detects=field)


def test_mistakes(plugin: Path) -> None:
    rows = normal(1000, 2)
    for given, error, said in (
        ({}, UserError, "name the data"),
        ({"real": rows, "dataset": "ring"}, UserError, "name the data"),
        ({"real": rows, "metrics": "t_maen"}, UnknownName, "did you mean 't_mean'"),
        ({"real": rows, "faults": "shfit"}, UnknownName, "no fault named 'shfit', did you mean 'shift'"),
        ({"real": rows, "rows": 300}, UserError, "--rows 300: an audit takes 4 times as many, and real has 1000"),
        ({"real": rows, "rows": 10}, UserError, "--rows 10: expected at least 50"),
        ({"real": rows, "modes": 0}, UserError, "--modes 0"),
        ({"real": rows[:100]}, DataError, "100 distinct rows are too few"),
        ({"real": np.full((1000, 2), np.nan)}, DataError, "real"),
        ({"real": rows, "metrics": "nll"}, UserError, "nll needs density of a model"),
        ({"real": rows, "metrics": "modes"}, UserError, "needs modes"),
        ({"dataset": "rign"}, UnknownName, "did you mean 'ring'"),
        ({"dataset": "ring,grid"}, UserError, "one dataset, got 2"),
        ({"dataset": "ring", "data_options": {"log": "x"}}, UserError, "--log describes a file"),
        ({"real": rows, "settings": {"mmd.bnd": 1}}, UserError, "has no option 'bnd'"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            genbench.audit(**{"metrics": "t_mean"} | given, plugins=plugin)  # type: ignore[arg-type]
