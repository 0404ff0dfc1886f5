"""The headline of a table: what samples are worth, and what they save."""

import math
import re

import numpy as np
from scipy import stats
from synthetic import record, score, seeds
from worth_records import line_of, words, worth

from genbench.report import render


def test_the_headline_says_what_samples_are_worth():
    records = [worth("gan", 60.0, low=50.0, high=75.0), worth("ddpm", 9800.0, at_least=True), worth("real", 9000.0)]
    for form in ("rich", "markdown", "latex"):
        text = words(render(records, form)).replace(r"$\geq$", "≥").replace(r"\%", "%")
        assert (
            "Worth in real events at kernel scales [95 %] (per training row): ddpm ≥ 9800 (9.8); gan 60 [50, 75] (0.06)"
            in text
        )
    text = render(records)
    header = next(line for line in text.splitlines() if "energy" in line and "↓" in line)
    assert header.split()[:5] == ["rank", "energy", "↓", "equivalent", "↑"]
    assert "≥9800" in line_of(text, "ddpm")
    assert "≥ at least" in words(text)
    assert text.index("\nddpm") < text.index("\ngan")
    assert "Worth in" not in render(records, per="seed")
    assert "Worth in" not in render(seeds("a", [1.0]))


def test_over_seeds_the_interval_is_that_of_the_geometric_mean():
    values = [90.0, 100.0, 110.0]
    low, high = (
        math.exp(end)
        for end in stats.t.interval(0.95, 2, np.mean(np.log(values)), np.std(np.log(values), ddof=1) / math.sqrt(3))
    )
    assert (round(low), round(high)) == (78, 128)
    records = [worth("a", v, seed=s) for s, v in enumerate(values)]
    assert f"a 100 [{low:.0f}, {high:.0f}] (0.1)" in words(render(records))


def test_a_limit_is_the_smallest_of_limits_and_one_limit_among_values_leaves_the_end_open():
    values = [90.0, 100.0, 110.0]
    limits = [worth("a", v, seed=s, at_least=True, low=v) for s, v in enumerate(values)]
    assert "a ≥ 90 (0.09)" in words(render(limits))
    mixed = [
        worth("a", v, seed=s, at_least=s == 0, low=v / 2, high=None if s == 0 else 2 * v) for s, v in enumerate(values)
    ]
    text = words(render(mixed))
    assert "≥" not in text
    assert re.search(r"a 100 \[\d\d, ∞\) \(0.1\)", text)


def test_which_model_to_take_is_said_first():
    told = [record(m, 0, [score("energy", v, low=v - 0.1, high=v + 0.1)]) for m, v in (("a", 1.0), ("b", 9.0))]
    for form in ("rich", "markdown", "latex"):
        text = render(told, form).replace("\\`", "`")
        verdict, table = text.index("Take `a`: no model is better in any core metric"), text.index("9.00")
        assert verdict < table
    assert "Take" not in render(told, per="seed")
    assert "Take" not in render([record("real", 0, [score("energy", 1.0)])])
    assert ".." not in render(told, "latex")


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
