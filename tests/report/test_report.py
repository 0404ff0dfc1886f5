"""Tables in any format."""

import json

import pytest
from synthetic import record, seeds
from tabled import RECORDS

from genbench.report import FORMATS, render


def test_sorting_a_file_keeps_the_datasets_together():
    records = [
        *seeds("a", [5.0]),
        *seeds("b", [1.0]),
        *seeds("a", [2.0], dataset="digits"),
        *seeds("b", [9.0], dataset="digits"),
    ]
    rows = json.loads(render(records, "json", sort="energy"))
    assert [(row["dataset"], row["label"]) for row in rows] == [
        ("ring", "b"),
        ("ring", "a"),
        ("digits", "a"),
        ("digits", "b"),
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_takes_failures_only(form):
    assert render([record("m", 0, status="crashed", reason="signal 11")], form)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="format must be one of"):
        render(RECORDS, "html")
