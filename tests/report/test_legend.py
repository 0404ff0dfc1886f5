"""The legend of a table: suspicions, failed checks, notes, spaces."""

from synthetic import record, score, seeds
from worth_records import line_of, words

from genbench.report import render


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
