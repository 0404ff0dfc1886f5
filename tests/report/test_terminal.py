"""What a person sees in the terminal: marks, floors, failures, legends, and nothing wider than it."""

import re

import pytest
from rich.cells import cell_len
from synthetic import record, score, seeds

from genbench.errors import UnknownName
from genbench.report import render

METRICS = ("kl", "nll", "energy", "sliced_w2", "modes", "high_quality", "frechet", "coverage", "w1", "mmd", "kid")


def many(label, base, density="none"):
    scores = [
        [score(m, base + i / 10 + s / 100, floor=0.1, floor_sd=0.01) for i, m in enumerate(METRICS)] for s in range(3)
    ]
    timings = {"fit_s": 12.3, "samples_per_s": 51234.0, "peak_mb": 300.0}
    return [record(label, s, scores[s], density=density, timings=timings) for s in range(3)]


def line_of(text, label):
    return next(line for line in text.splitlines() if line.startswith(label))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("metrics", [(), ("all",)])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width, metrics):
    text = render([*many("vae[latent=16]", 1.0), *many("gan", 2.0), *many("real", 0.1)], width=width, metrics=metrics)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "…" not in text


def test_headline_columns_come_first_and_the_rest_is_named():
    records = [*many("vae", 1.0), *many("gan", 2.0)]
    narrow, wide, full = (
        render(records, width=60),
        render(records, width=250),
        render(records, width=60, metrics=["all"]),
    )
    assert "energy" in narrow
    assert "mmd" not in wide
    assert "more columns: --metrics all" in narrow
    assert all(metric in full for metric in (*METRICS, "fit_s", "samples_per_s", "peak_mb"))
    assert "--metrics" not in full


def test_where_columns_do_not_fit_intervals_and_units_are_on_second_lines():
    units = {"energy": "GeV", "coverage": "a unit longer than all"}
    records = [*many("vae", 1.0), *many("gan", 2.0)]
    for each in (each for cell in records for each in cell["scores"]):
        each["unit"] = units.get(each["metric"], "")
    lines = render(records, width=60).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("vae"))
    assert "[" not in lines[at]
    assert re.fullmatch(r"( +\[[\d.]+,[\d.]+\])+ *", lines[at + 1]), "without a label"
    header = next(i for i, line in enumerate(lines) if "energy ↓" in line or "GeV" in line)
    assert "GeV" in "".join(lines[header : header + 2])
    assert "longer than all" not in "".join(lines), "a unit widens no column"
    wide = render(records, width=250)
    assert re.search(r"[\d.]+ \[[\d.]+, [\d.]+\]", line_of(wide, "vae")), "beside the number where there is room"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_core_metrics_and_costs_are_shown_at_every_width_by_their_names(width):
    text = render([*many("vae[latent=16]", 1.0), *many("gan", 2.0), *many("real", 0.1)], width=width)
    assert all(f"{name} " in text for name in ("energy", "coverage", "fit_s", "samples_per_s"))
    assert text.index("\nTake ") < text.index("rank"), "the verdict comes first"


def test_the_best_and_what_is_tied_with_it_are_marked():
    text = render([*seeds("a", [1.0, 1.4, 0.6]), *seeds("b", [1.1, 1.5, 0.9]), *seeds("c", [9.0, 9.1, 9.2])])
    assert "1.0 [0.4, 1.6]*" in line_of(text, "a")
    assert "*" in line_of(text, "b")
    assert "*" not in line_of(text, "c")
    assert "[ ] 95 % interval of the mean over 3 seeds" in " ".join(text.split())
    assert "* no other is significantly better (pairs of one seed, Holm over the column, 5 %)" in " ".join(text.split())


def test_bounds_and_estimates_are_marked_and_ranked_apart():
    text = render([
        *seeds("kde", [2.0, 2.1], "nll", density="exact"),
        *seeds("vae", [1.0, 1.1], "nll", density="bound"),
        *seeds("ddpm", [3.0, 3.1], "nll", density="estimate"),
        *seeds("gan", [None, None], "nll"),
    ])  # fmt: skip
    assert "≤1.05" in line_of(text, "vae")
    assert "≈3.05" in line_of(text, "ddpm")
    assert line_of(text, "gan").split()[1] == "–"
    assert [line.split()[0] for line in text.splitlines() if line[:3] in ("kde", "vae", "ddp")] == [
        "kde",
        "vae",
        "ddpm",
    ]
    assert "ranked separately" in text


def test_a_quantity_of_another_kind_in_the_same_column_is_marked():
    gap = [record("gan", 0, [score("kl", -1.0, params={"quantity": "cross-entropy gap"}, ranked=False)])]
    kl = [record("kde", 0, [score("kl", 0.1, params={"quantity": "KL(truth||model)", "kind": "exact"})])]
    text = render([*gap, *kl])
    assert "-1†" in line_of(text, "gan")
    assert "†" not in line_of(text, "kde")
    assert "† kl: cross-entropy gap, not ranked" in text


def test_better_than_real_is_flagged():
    text = render([record("copy", s, [score("energy", 0.1, floor=1.0, floor_sd=0.05)]) for s in range(2)])
    assert "0.10 [0.03, 0.17]!" in line_of(text, "copy")
    assert "copy: better than real data in energy" in text
    assert "copying" not in text


def test_references_stand_below_a_rule_and_the_floor_is_shown_without_its_row():
    records = [record(m, 0, [score("energy", v, floor=0.5, floor_sd=0.1)]) for m, v in (("memoriser", 1.0), ("a", 9.0))]
    lines = render(records).splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("──")]
    at = {
        name: next(i for i, line in enumerate(lines) if line.startswith(name)) for name in ("a ", "real", "memoriser")
    }
    assert rules[0] < at["a "] < rules[1] < at["real"] < at["memoriser"]
    assert "0.50 [0.30, 0.70]" in lines[at["real"]]


def test_failures_are_rows_with_status_and_reason():
    records = [
        *seeds("a", [1.0, 1.1, 1.2]),
        *seeds("b", [0.1, 0.1]), record("b", 2, status="diverged", phase="fit", reason="loss is nan"),
        *(record("c", s, status="failed", phase="fit", reason="ValueError: no") for s in range(3)),
        record("d", 0, status="skipped", reason="needs vector data"),
    ]  # fmt: skip
    text = render(records)
    assert line_of(text, "b").split("  ")[-1] == "seed 2, fit: loss is nan"
    assert "1/3 failed: diverged" in line_of(text, "b")
    assert line_of(text, "c").endswith("fit: ValueError: no")
    assert "3/3 failed" in line_of(text, "c")
    assert "skipped" in line_of(text, "d")
    assert "needs vector data" in line_of(text, "d")
    assert text.index("\na ") < text.index("\nb ")
    assert "0.1" not in line_of(text, "b")


def test_a_table_of_failures_only_is_a_table():
    text = render([record("a", 0, status="crashed", reason="signal 11"), record("b", 0, status="oom", reason="80 GB")])
    assert "signal 11" in line_of(text, "a")
    assert "80 GB" in line_of(text, "b")
    assert render([]) == "" or render([]).isspace()


def test_foreign_text_cannot_forge_markup_or_move_the_cursor():
    reason = "[bold red]boo[/] \x1b[2J\x07\r\n| second line \u202e"
    text = render([record("m", 0, status="failed", reason=reason, label="[link=x]m[/link]")])
    assert "[bold red]boo[/]" in text
    assert "[link=x]m[/link]" in text
    assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}


def test_the_caption_says_what_was_run():
    text = render([*seeds("a", [1.0, 2.0, 3.0]), *seeds("b", [1.0, 2.0, 3.0], budget="9steps")])
    assert "ring  1000 train, 1000 test, seeds 0 to 2, budget 4000steps (a), 9steps (b), cpu" in text


def test_one_seed_is_said_to_be_one():
    text = render([record("a", 0, [score("energy", 1.0, low=0.9, high=1.1, level=0.95)]), *seeds("b", [2.0])])
    assert "1.00 [0.90, 1.10]" in text
    assert "single seed" in " ".join(text.split())
    assert "*" not in line_of(text, "a")  # b has no error, so nothing can be tested


def test_sort_and_unknown_columns():
    records = [*many("vae", 1.0), *many("gan", 2.0)]
    by_time = [r | {"timings": {"fit_s": {"vae": 9.0, "gan": 1.0}[r["model"]]}} for r in records]
    assert render(by_time).index("\nvae") < render(by_time).index("\ngan")
    assert render(by_time, sort="fit_s").index("\ngan") < render(by_time, sort="fit_s").index("\nvae")
    with pytest.raises(UnknownName, match="no metric named 'enrgy', did you mean 'energy'"):
        render(records, metrics=["enrgy"])
    with pytest.raises(UnknownName):
        render(records, sort="enrgy")


def test_rows_of_seeds_have_no_ranks():
    text = render([*seeds("a", [1.0, 2.0]), record("b", 1, status="timeout", reason="60 s")], per="seed")
    assert "1" in line_of(text, "a seed 0")
    assert "timeout" in line_of(text, "b seed 1")
    assert "*" not in text
