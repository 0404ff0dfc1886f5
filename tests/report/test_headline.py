"""The headline of a table: what samples are worth, and what they save."""

from synthetic import score, seeds
from worth_records import line_of, words, worth

from genbench.report import render


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
