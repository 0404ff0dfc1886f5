"""The legend of a table: suspicions, failed checks, notes, spaces."""

from rich.cells import cell_len
from synthetic import by_label, record, score, seeds
from worth_records import line_of, words

from genbench.report import render


def test_better_than_real_names_the_model_and_its_metrics_below_the_table():
    def of(name, z):
        scores = [score(m, 2.0 + 0.1 * z, floor=2.0, floor_sd=0.1, z=z) for m in ("energy", "w1")]
        return [record(name, s, scores) for s in range(2)]

    text = render([*of("copier", -9.0), *of("fair", 1.0), *of("memoriser", -9.0)], metrics=["energy"])
    assert "copier: better than real data in energy, w1: the cause is not known" in text  # also where w1 is not shown
    assert "!" in line_of(text, "memoriser")
    assert text.count("better than real data in") == 1
    assert "copying" not in text  # which only a metric of copying may say


def test_the_likely_cause_of_what_is_better_than_real_is_named():
    def of(name, metric, *, copying=False):
        given = {"better": "higher", "floor": 0.5, "floor_sd": 0.01, "z": 9.0}
        scores = [score(metric, 0.9, **given), score("duplicates", 0.4, copying=copying)]
        return [record(name, s, scores) for s in range(2)]

    text = words(render([*of("peaked", "precision"), *of("blurred", "recall"), *of("thief", "recall", copying=True)]))
    assert "peaked: better than real data in precision: narrower than the data" in text
    assert "blurred: better than real data in recall: wider than the data" in text
    assert "thief: better than real data in recall: copies" in text
    assert "thief: copying: its samples repeat training rows or stay near them, by duplicates" in text


def test_seeds_that_disagree_are_marked_and_the_worst_is_named():
    def of(name, values):
        return [record(name, s, [score("coverage", v, better="higher")]) for s, v in enumerate(values)]

    steady = [r for i, name in enumerate("abcd") for r in of(name, [0.8 + i / 100, 0.801 + i / 100, 0.802 + i / 100])]
    records = [*steady, *of("erratic", [0.96, 0.95, 0.10])]
    text = render(records)
    assert "~" in line_of(text, "erratic")
    assert "~" not in line_of(text, "a ")
    assert "erratic: unstable in coverage: 0.96 0.95 0.1; the worst is seed 2, 0.1" in words(text)
    assert "~ unstable: its seeds disagree" in words(text)
    assert "**" not in next(line for line in render(records, "markdown").splitlines() if line.startswith("| erratic"))


def test_a_model_that_got_less_than_half_of_its_recipe_is_marked():
    def of(name, steps):
        return record(name, 0, [score("energy", 1.0)], timings={"steps": steps}, recipe_steps=1000)

    text = words(render([of("cut", 300), of("done", 1000)]))
    assert "cut: undertrained, with 30% of the steps of its recipe" in text
    assert "done: undertrained" not in text


def test_what_each_core_metric_measures_is_said_below_the_marks():
    records = [
        record(m, s, [score("energy", v), score("c2st", v, best=0.5)])
        for m, v in (("a", 0.6), ("real", 0.5))
        for s in (0, 1)
    ]
    for width in (80, 100):
        lines = render(records, width=width).splitlines()
        at = [
            next(i for i, line in enumerate(lines) if line.startswith(start))
            for start in ("[ ] 95 %", "  c2st ", "  energy", "real: fresh")
        ]
        assert at == sorted(at)
        assert all(cell_len(line) <= width for line in lines)
    text = render(records, "markdown")
    assert "\n\nc2st: area under the ROC curve" in text
    assert "\n\nreal: fresh real rows" in text
    assert "energy: distance of the whole distributions" in render(records, "latex")


def test_a_failed_check_flags_its_row():
    check = {"name": "at most the truth", "passed": False, "value": 1.25, "expected": "at most 1", "reason": "3 sd"}
    records = [
        *seeds("vae", [1.0, 1.1], "nll", density="bound", checks=[check]),
        *seeds("ddpm", [2.0, 2.1], "nll", density="bound", checks=[{**check, "passed": True}]),
        *seeds("iwae", [3.0, 3.1], "nll", density="bound", checks=[{**check, "passed": None}]),
    ]
    text = render(records)
    assert "≤1.05 [0.89, 1.21]?" in line_of(text, "vae")
    assert "?" not in line_of(text, "ddpm")
    assert (
        "vae: the likelihood failed the check 'at most the truth': 1.25, expected at most 1 (3 sd), and is not ranked"
        in words(text)
    )
    assert words(text).count("failed the check") == 1
    assert list(by_label(records)["nll_rank"].dropna()) == [1, 2]
    assert "*" in line_of(text, "ddpm")
    assert "1.05 [0.89, 1.21] ?" in render(records, "markdown")
    assert "^{?}" in render(records, "latex")


def test_notes_of_the_data_are_said_once():
    note = "column 'e' is constant: scale 1"
    records = [*seeds("a", [1.0, 2.0], notes=[note]), *seeds("b", [1.0, 2.0], notes=[note, "3 rows dropped"])]
    for form in ("rich", "markdown", "latex"):
        text = render(records, form)
        assert text.count("is constant") == 1
        assert text.count("3 rows dropped") == 1
    varied = [{**each, "notes": [f"{7 + i} rows repeat"]} for i, each in enumerate(seeds("a", [1.0, 2.0]))]
    assert "7 rows repeat" in render(varied)
    assert "8 rows repeat" not in render(varied)  # another seed splits otherwise: one number is enough
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
