"""Columns and observables in real rows and samples, and how far these are apart."""

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Column
from genbench.report.figures.quantities import Quantity, column_quantities, quantities_of, worst_quantities


def test_observables_are_shown_after_columns_and_a_model_they_cannot_digest_is_left_out() -> None:
    def observables(rows):
        if len(rows) < 10:
            raise ValueError("too few")
        return {"sum": rows.sum(1), "x": rows[:, 0]}

    data = table(columns=(Column("x"), Column("y", unit="GeV"), Column("z")), observables=observables)
    shown = subject_with(data, {"good": data.test + 1, "few": data.test[:5]}).seed_samples
    found = quantities_of(shown)
    assert [(q.name, q.unit) for q in found] == [("x", ""), ("y", "GeV"), ("z", ""), ("sum", "")]
    assert set(found[-1].samples) == {"good", "real"}
    assert np.allclose(found[-1].samples["good"], data.test.sum(1) + 3)


def test_the_deviation_is_the_largest_difference_of_the_distribution_functions() -> None:
    n = 100_000
    samples = {"same": RNG.random(n), "half": RNG.random(n) / 2, "apart": RNG.random(n) + 1, "none": np.full(9, np.nan)}
    uniform = Quantity("u", "", False, RNG.random(n), samples)
    found = {label: uniform.deviation(label) for label in (*samples, "unknown")}
    assert found == pytest.approx({"same": 0, "half": 0.5, "apart": 1, "none": 0, "unknown": 0}, abs=0.01)
    grades = Quantity("g", "", False, np.array([0, 0, 1, 2.0]), {"m": np.array([2.0, 2, 1, 0])}, ("a", "b", "c"))
    assert grades.deviation("m") == 0.25


def test_the_worst_are_the_worst_of_any_model_in_the_order_of_the_columns() -> None:
    data = table(d=4)
    first, second = data.test.copy(), data.test.copy()
    first[:, 3] += 2
    second[:, 1] += 1
    samples = subject_with(data, {"first": first, "second": second}).seed_samples
    columns = column_quantities(samples)
    assert [each.name for each in worst_quantities(columns, ["first", "second"], 2)] == ["x1", "x3"]
    assert [each.name for each in worst_quantities(columns, ["first"], 1)] == ["x3"]
    assert worst_quantities(columns, [], 9) == columns
