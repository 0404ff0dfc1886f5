"""What a table shows: ranks as intervals, and numbers of a possible size."""

import pytest
from rich.cells import cell_len
from synthetic import seeds
from worth_records import line_of, words, worth

from genbench.report import render
from genbench.table.summary import summarise


def test_ranks_are_shown_as_intervals():
    records = [*seeds("a", [1.0, 1.4, 0.6]), *seeds("b", [1.1, 1.5, 0.9]), *seeds("c", [99.0, 99.1, 99.2])]
    text = render(records)
    assert [line_of(text, name).split()[1] for name in "abc"] == ["1–2", "1–2", "3"]
    assert "rank: by energy; better in one and worse in none, beyond chance (5 %)" in words(text)
    assert "| a | 1–2 |" in render(records, "markdown")
    assert "a & 1--2 &" in render(records, "latex")
    assert "rank" not in render(records, per="seed")
    assert "rank" not in render(records[:3])  # one model alone


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_verdict_keeps_to_the_width(width):
    extra = {"speedup": (1e4, "higher"), "break_even": (5.0, "lower")}
    records = [worth(f"model[option={i},other={i}]", 10.0**i, extra=extra) for i in range(1, 7)]
    text = render(records, width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "equivalent" in text


def test_no_interval_of_a_count_or_a_time_reaches_below_zero() -> None:
    records = [
        worth("a", value, seed=s, timings={"fit_s": seconds})
        for s, (value, seconds) in enumerate([(90.0, 0.1), (400.0, 9.0), (10.0, 0.1)])
    ]
    (table,) = summarise(records)
    row = table.rows[0]
    for name in ("equivalent", "fit_s"):
        low, high = row.entries[name].interval
        assert 0 < low < row.entries[name].estimate.mean < high  # an interval of logarithms
    assert "[-" not in render(records, metrics=["equivalent"])


def test_without_a_core_metric_there_are_no_ranks():
    records = [*seeds("a", [1.0, 1.1], "nll"), *seeds("b", [5.0, 5.1], "nll"), *seeds("c", [0.1, 0.2], "nll")]
    text = render(records)
    assert "rank" not in text
    assert "Take none yet: no core metric was scored." in text
    assert [line[0] for line in text.splitlines() if line[:2] in ("a ", "b ", "c ")] == ["c", "a", "b"]
