"""Seeds that are missing, newly failed or lost: what a share of failed seeds does not say."""

import pytest
import synthetic
from comparisons import run, runs_of, verdicts

import genbench
from genbench.comparing import render
from genbench.plan.cell import PROTOCOL


def ended(statuses):
    """Return one record a seed, which ended with a status; all that succeeded have the same score."""
    scores = [synthetic.score("energy", 0.1)]
    return [
        synthetic.record("vae", seed, scores, status=status, reason="" if status == "ok" else "no reason")
        for seed, status in enumerate(statuses)
    ]


@pytest.mark.parametrize(
    ("base", "head", "verdict", "exit_code"),
    [
        (["ok"] * 3, ["ok"] * 3, None, 0),
        (["ok"] * 2, ["ok"] * 3, None, 0),
        (["ok"] * 3, ["ok"] * 2, "missing", 5),
        (["ok"] * 3, ["ok", "ok", "interrupted"], "missing", 5),
        (["ok"] * 3, ["skipped"] * 3, "missing", 5),
        (["ok"] * 3, ["ok", "ok", "lost"], "not comparable", 0),
        (["ok", "lost", "interrupted"], ["ok"], None, 0),
        (["failed", "ok", "ok"], ["ok", "failed", "ok"], "inconclusive", 5),
        (["failed", "failed", "ok"], ["failed", "failed", "ok"], None, 0),
        (["ok"] * 3, ["ok", "ok", "failed"], None, 4),  # a regression by itself
    ],
)
def test_a_seed_of_head_that_is_gone_is_a_finding(base, head, verdict, exit_code):
    found = genbench.compare(run(*ended(base)), run(*ended(head)))
    about = {each.metric: each for each in found.verdicts}.get("seeds")
    assert (about.verdict if about else None) == verdict
    assert found.exit_code(strict=True) == exit_code
    assert found.exit_code() == (4 if exit_code == 4 else 0)
    if about:
        assert about.reason in " ".join(render(found, "markdown").split())  # shown unasked
        assert about.reason.startswith("seed")


def test_other_seeds_of_the_same_number_are_not_missing():
    head = [{**each, "seed": each["seed"] + 6, "key": f"{each['seed']:024x}"} for each in runs_of()]
    assert ("vae x ring", "seeds") not in verdicts(runs_of(), head)


@pytest.mark.parametrize(("statuses", "exit_code"), [(["ok", "ok"], 0), (["ok", "failed"], 5), (["lost"] * 2, 0)])
def test_a_new_cell_that_failed_is_a_finding(statuses, exit_code):
    other = [{**each, "model": "new", "label": "new"} for each in ended(statuses)]
    found = genbench.compare(run(*runs_of()), run(*runs_of(), *other))
    assert found.exit_code(strict=True) == exit_code


@pytest.mark.parametrize(("before", "same", "compared"), [(1, True, True), (1, False, False), (99, True, False)])
def test_protocols_that_split_equal_rows_otherwise_are_compared_where_the_data_are_the_same(before, same, compared):
    base = [{**each, "protocol": before} for each in runs_of(fingerprint="a")]
    head = [{**each, "protocol": 2} for each in runs_of(fingerprint="a" if same else "b")]
    found = genbench.compare(run(*base), run(*head))
    about = {each.metric: each for each in found.verdicts}
    assert ("energy" in about) == compared
    assert ("scores" in about) != compared
    assert f"protocol {before}" in " ".join(found.notes)
    assert not any("protocol" in note for note in genbench.compare(run(*head), run(*head)).notes)
    assert PROTOCOL == 2


@pytest.mark.parametrize("form", ["rich", "markdown"])
def test_differences_that_are_not_settled_are_shown_unasked(form):
    base = [record for i in range(30) for record in runs_of(f"m{i}", 0.1, n=2)]
    head = [record for i in range(30) for record in runs_of(f"m{i}", 0.16 if i < 25 else 0.1001, n=2, seed=i + 1)]
    found = genbench.compare(run(*base), run(*head))
    different = {each.subject for each in found.verdicts if each.verdict == "inconclusive" and each.differs}
    assert {f"m{i} x ring" for i in range(25)} <= different
    text = render(found, form).partition("without a difference")[0]
    rows = [line for line in text.splitlines() if " x ring" in line and "inconclusive" in line]
    assert len(rows) == len(different)
    assert {name for name in different if any(name in row for row in rows)} == different
