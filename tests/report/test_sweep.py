"""A sweep as a table: a row a value, a column a metric and model."""

from __future__ import annotations

import pytest
from synthetic import record, score

from genbench.errors import DataError, UserError
from genbench.report import render
from genbench.report.sweep import sweep_views

VALUES = {2: 0.125, 8: 0.5, 32: 4.0}
RECORDS = [
    record(model, seed, [score("energy", value * scale + 0.01 * seed), score("kl", value)], dataset="gaussian",
           dataset_label=f"gaussian[dim={dim}]", dataset_config={"dim": dim})
    for dim, value in VALUES.items()
    for model, scale in (("kde", 1.0), ("real", 0.0))
    for seed in range(2)
]  # fmt: skip


def test_it_has_a_row_for_each_value_and_a_column_for_each_metric_and_model() -> None:
    [view] = sweep_views(RECORDS)
    assert view.title == "dim, gaussian"
    assert [row.label for row in view.rows] == ["dim=2", "dim=8", "dim=32"]
    assert [column.name for column in view.columns] == ["energy kde", "energy real", "kl kde", "kl real"]
    assert [str(row.cells[2].short) for row in view.rows] == ["0.125", "0.5", "4"]
    assert not view.ranked
    assert not any(cell.best for row in view.rows for cell in row.cells)


def test_metrics_may_be_chosen() -> None:
    [view] = sweep_views(RECORDS, "dim", ["kl"])
    assert [column.name for column in view.columns] == ["kl kde", "kl real"]


@pytest.mark.parametrize("form", ["rich", "markdown", "latex"])
def test_it_is_printed_in_any_format_for_people(form: str) -> None:
    text = str(render(RECORDS, form, per="option", width=80))
    assert "dim=32" in text
    assert "95" in text
    assert all(len(line) <= 80 for line in text.splitlines()) or form != "rich"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_for_programs_the_options_are_columns_of_the_other_table(form: str) -> None:
    with pytest.raises(UserError, match="dataset_config and model_config, with --per model"):
        render(RECORDS, form, per="option")


def test_where_nothing_is_swept_there_is_no_table() -> None:
    with pytest.raises(DataError, match="no numeric option has several values"):
        sweep_views([each for each in RECORDS if each["dataset_config"]["dim"] == 2])


def test_the_suite_stands_beside_it() -> None:
    missing = [{"kind": "model", "term": "nsf", "reason": "no model named 'nsf' is installed"}]
    suite = {"name": "dims", "datasets": ["gaussian[dim=2]"], "published": [], "missing": missing}
    text = str(render(RECORDS, "markdown", per="option", suites=[suite]))
    assert "suite dims" in text
    assert "nsf: no such model is installed" in text
