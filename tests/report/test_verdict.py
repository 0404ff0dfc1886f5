"""The verdict around a table: what samples are worth, ranks, suspicions, failed checks, notes, spaces."""

import pytest
from rich.cells import cell_len
from synthetic import record, score, seeds

from genbench.report import render
from genbench.table.summary import summarise


def worth(name, value, *, at_least=False, low=None, high=None, seed=0, **fields):
    scores = [
        score("equivalent", value, better="higher", low=low, high=high, level=0.95, detail={"at_least": at_least}),
        score("amplification", value / 1000, better="higher", detail={"at_least": at_least}),
        score("energy", 1 / value),
        *(score(metric, given, better=better) for metric, (given, better) in fields.pop("extra", {}).items()),
    ]
    return record(name, seed, scores, **fields)


def words(text):
    return " ".join(text.split())


def line_of(text, label):
    return next(line for line in text.splitlines() if line.startswith(label))


def test_the_headline_says_what_samples_are_worth():
    records = [worth("gan", 60.0, low=50.0, high=75.0), worth("ddpm", 9800.0, at_least=True), worth("real", 9000.0)]
    for form in ("rich", "markdown", "latex"):
        text = words(render(records, form)).replace(r"$\geq$", "≥").replace(r"\%", "%")
        assert "worth N real events [95 %] (N / training rows): ddpm ≥ 9800 (9.8); gan 60 [50, 75] (0.06)" in text
    text = render(records)
    header = next(line for line in text.splitlines() if "energy" in line and "↓" in line)
    assert header.split()[:3] == ["rank", "equivalent", "↑"]
    assert "≥9800" in line_of(text, "ddpm")
    assert "≥ at least" in words(text)
    assert text.index("\nddpm") < text.index("\ngan")
    assert "worth N" not in render(records, per="seed")
    assert "worth N" not in render(seeds("a", [1.0]))


def test_over_seeds_the_interval_is_that_of_the_mean_and_a_single_limit_makes_a_limit():
    records = [worth("a", v, seed=s) for s, v in enumerate([90.0, 100.0, 110.0])]
    assert "a 100 [75.2, 125] (0.1)" in words(render(records))
    limit = [worth("a", v, seed=s, at_least=s == 0) for s, v in enumerate([90.0, 100.0, 110.0])]
    assert "a ≥ 100 (0.1)" in words(render(limit))


def test_savings_are_said_in_words():
    fast = worth("fast", 10.0, extra={"speedup": (120.0, "higher"), "break_even": (3400.0, "lower")})
    slow = worth("slow", 5.0, extra={"speedup": (0.5, "higher")})
    never = score("break_even", None, warnings=["never: 2 s a sample, the simulator takes 1 s"])
    slow["scores"].append(never)
    text = words(render([fast, slow]))
    assert (
        "Speed-up over the simulation, and after how many events training has paid off: fast 120 times, "
        "after 3400 events; slow 0.5 times, never"
    ) in text


def test_ranks_are_shown_as_intervals():
    records = [*seeds("a", [1.0, 1.4, 0.6]), *seeds("b", [1.1, 1.5, 0.9]), *seeds("c", [99.0, 99.1, 99.2])]
    text = render(records)
    assert [line_of(text, name).split()[1] for name in "abc"] == ["1–2", "1–2", "3"]
    assert "rank: by energy, all ranks consistent with the scores (95 % for all rows)" in words(text)
    assert "| a | 1–2 |" in render(records, "markdown")
    assert "a & 1--2 &" in render(records, "latex")
    assert "rank" not in render(records, per="seed")
    assert "rank" not in render(records[:3])  # one model alone


def test_better_than_real_names_the_model_and_its_metrics_below_the_table():
    def of(name, z):
        scores = [score(m, 2.0 + 0.1 * z, floor=2.0, floor_sd=0.1, z=z) for m in ("energy", "w1")]
        return [record(name, s, scores) for s in range(2)]

    text = render([*of("copier", -9.0), *of("fair", 1.0), *of("memoriser", -9.0)], metrics=["energy"])
    assert "copier: better than real data in energy, w1: suspect copying" in text  # also where w1 is not shown
    assert "!" in line_of(text, "memoriser")
    assert text.count("suspect copying") == 1


def test_a_failed_check_flags_its_row():
    check = {"name": "at most the truth", "passed": False, "value": 1.25, "expected": "at most 1", "reason": "3 sd"}
    records = [
        *seeds("vae", [1.0, 1.1], "nll", density="bound", checks=[check]),
        *seeds("ddpm", [2.0, 2.1], "nll", density="bound", checks=[{**check, "passed": True}]),
        *seeds("iwae", [3.0, 3.1], "nll", density="bound", checks=[{**check, "passed": None}]),
    ]
    text = render(records)
    assert "≤1.05±0.05?" in line_of(text, "vae")
    assert "?" not in line_of(text, "ddpm")
    assert (
        "vae: the likelihood failed the check 'at most the truth': 1.25, expected at most 1 (3 sd), and is not ranked"
        in words(text)
    )
    assert words(text).count("failed the check") == 1
    assert line_of(text, "ddpm").split()[1] == "1"
    assert "1.05 ± 0.05 ?" in render(records, "markdown")
    assert "^{?}" in render(records, "latex")


def test_notes_of_the_data_are_said_once():
    note = "column 'e' is constant: scale 1"
    records = [*seeds("a", [1.0, 2.0], notes=[note]), *seeds("b", [1.0, 2.0], notes=[note, "3 rows dropped"])]
    for form in ("rich", "markdown", "latex"):
        text = render(records, form)
        assert text.count("is constant") == 1
        assert text.count("3 rows dropped") == 1
    many = render(seeds("a", [1.0], notes=[f"note {i}" for i in range(9)]))
    assert "note 4" in many
    assert "note 5" not in many
    assert "4 more in the records" in many


def test_the_space_is_in_the_heading_and_the_standard_one_in_the_legend():
    scores = [score("energy", 1.0), score("frechet", 3.0, space="pca", label="frechet@pca")]
    text = render([record(m, s, scores, data_kind="image") for m in "ab" for s in range(2)])
    assert "frechet@pca ↓" in text
    assert "@ the feature space, if it is not the standard one: standardised" in words(text)
    assert "@ the" not in render(seeds("a", [1.0]))


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
    assert row.entries["equivalent"].interval[0] == row.entries["fit_s"].interval[0] == 0
    assert "[0, " in render(records)
