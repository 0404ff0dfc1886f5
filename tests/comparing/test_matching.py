"""What is matched with what in a comparison, and what is not comparable."""

import numpy as np
import pytest
import synthetic
from comparisons import runs_of, verdicts

from genbench.errors import UserError


def test_cells_are_matched_by_model_dataset_budget_and_device_and_the_rest_is_told():
    base = [*runs_of("vae"), *runs_of("gone"), *runs_of("longer", budget="100steps")]
    head = [*runs_of("vae"), *runs_of("fresh"), *runs_of("longer", budget="200steps")]
    found = verdicts(base, head)
    assert found["vae x ring", "energy"].verdict == "unchanged"
    assert found["gone x ring", "all"].verdict == "missing"
    assert found["fresh x ring", "all"].verdict == "new"
    told = [each for (subject, _), each in found.items() if subject.startswith("longer")]
    assert [each.verdict for each in told] == ["not comparable"]
    assert "100steps on cpu, the other side has 200steps on cpu" in told[0].reason


def test_two_budgets_of_one_model_are_two_cells():
    both = [*runs_of(budget="100steps"), *runs_of(budget="200steps", mean=0.05)]
    assert {subject for subject, _ in verdicts(both, both)} == {
        "vae x ring (100steps, cpu)",
        "vae x ring (200steps, cpu)",
    }


def test_devices_are_compared_by_their_kind():
    found = verdicts(runs_of(device="cuda:0"), runs_of(device="cuda:1"))
    assert found["vae x ring", "energy"].verdict == "unchanged"


def test_a_worse_score_regresses_and_another_metric_can_be_chosen():
    found = verdicts(runs_of(), runs_of(mean=0.3, seed=1))
    assert found["vae x ring", "energy"].verdict == "regressed"
    both = [synthetic.record("vae", 0, [synthetic.score(name, 1.0) for name in ("energy", "frechet")])]
    assert ("vae x ring", "energy") not in verdicts(both, both, metrics=["frechet"])
    with pytest.raises(UserError, match="did you mean 'frechet'"):
        verdicts(both, both, metrics=["frechett"])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("protocol", 99, "protocol"),
        ("sizes", {"train": 5, "test": 5, "reference": 5}, "sizes"),
        ("fingerprint", "f", "data"),
    ],
)
def test_scores_of_other_data_are_not_compared(field, value, says):
    base, head = runs_of(fingerprint="e"), [{**each, field: value} for each in runs_of(mean=0.3, fingerprint="e")]
    found = verdicts(base, head)["vae x ring", "scores"]
    assert found.verdict == "not comparable"
    assert says in found.reason


def test_a_metric_of_another_version_is_not_compared():
    head = runs_of(mean=0.3)
    for record in head:
        record["scores"][0]["version"] = 2
    assert verdicts(runs_of(), head)["vae x ring", "energy"].verdict == "not comparable"


def test_a_score_that_came_or_went_keeps_its_direction_and_its_value():
    one = [synthetic.record("vae", i, [synthetic.score("energy", 1.0)]) for i in range(2)]
    two = [[synthetic.score("energy", 1.0), synthetic.score("coverage", 0.5 + i, better="higher")] for i in range(2)]
    both = [synthetic.record("vae", i, scores) for i, scores in enumerate(two)]
    new, missing = verdicts(one, both)["vae x ring", "coverage"], verdicts(both, one)["vae x ring", "coverage"]
    assert (new.verdict, new.better, new.base, new.head) == ("new", "higher", None, 1.0)
    assert (missing.verdict, missing.better, missing.base, missing.head) == ("missing", "higher", 1.0, None)
    both[1]["scores"][1]["value"] = None
    assert verdicts(one, both)["vae x ring", "coverage"].head is None  # no mean over survivors


def test_what_neither_way_is_better_is_unchanged_only_where_equal():
    base, same, other = (
        [
            synthetic.record("vae", i, [synthetic.score("density", v + i, better="higher", ranked=False)])
            for i in range(3)
        ]
        for v in (1.0, 1.0, 2.0)
    )
    assert verdicts(base, same)["vae x ring", "density"].verdict == "unchanged"
    assert verdicts(base, other)["vae x ring", "density"].verdict == "not comparable"


def test_a_failed_seed_is_a_regression_and_counts_in_every_score():
    head = runs_of(mean=0.01, seed=2)
    head[2] = {**head[2], "status": "timeout", "reason": "60 s are over", "scores": []}
    found = verdicts(runs_of(), head)
    assert found["vae x ring", "status"].verdict == "regressed"
    assert "60 s are over" in found["vae x ring", "status"].reason
    assert found["vae x ring", "energy"].head is None  # no mean over survivors
    assert found["vae x ring", "energy"].verdict != "improved"


def test_a_score_that_became_null_is_a_regression():
    head = runs_of()
    head[0]["scores"][0]["value"] = None
    assert verdicts(runs_of(), head)["vae x ring", "energy"].verdict == "regressed"


def test_a_cell_that_was_stopped_tells_nothing_of_the_code():
    head = [*runs_of()[:5], {**runs_of()[5], "status": "interrupted", "scores": []}]
    found = verdicts(runs_of(), head)
    assert found["vae x ring", "status"].verdict == "unchanged"
    assert found["vae x ring", "energy"].verdict in ("unchanged", "inconclusive")


def timed(seconds, session="s", machine="m", shared=False, **fields):
    noise = np.random.default_rng(0).uniform(1.0, 1.02, 6)
    return [
        synthetic.record("vae", i, timings={"fit_s": seconds * k, "fit_cpu_s": seconds * k, "parameters": 10, **fields},
                         session=session, machine={"id": machine}, shared=shared)
        for i, k in enumerate(noise)
    ]  # fmt: skip


def test_times_are_compared_only_within_one_session_of_one_machine_and_unshared():
    def fit(*sides, **options):
        return verdicts(*sides, **options)["vae x ring", "fit"].verdict

    assert fit(timed(1.0), timed(1.3)) == "regressed"
    assert fit(timed(1.0), timed(1.3, session="t")) == "not comparable"
    assert fit(timed(1.0), timed(1.0, session="t")) == "not comparable"  # never a pass
    assert fit(timed(1.0), timed(1.3, session="t"), same_session=True) == "regressed"
    assert fit(timed(1.0), timed(1.3, session="t", machine="n"), same_session=True) == "not comparable"
    assert fit(timed(1.0), timed(1.3, machine="n")) == "not comparable"  # one session on several machines
    assert fit(timed(1.0, machine=None), timed(1.3, machine=None)) == "not comparable"
    assert fit(timed(1.0), timed(1.3, shared=True)) == "not comparable"
    assert fit(timed(1.0), timed(1.0)) == "unchanged"


def test_facts_are_compared_at_the_seeds_that_both_sides_have():
    found = verdicts(timed(1.0), timed(1.0, parameters=11))
    assert found["vae x ring", "parameters"].verdict == "changed"
    base = [{**each, "samples_sha256": str(each["seed"])} for each in runs_of()]
    assert verdicts(base, base[:3])["vae x ring", "samples_sha256"].verdict == "unchanged"
    assert verdicts(base, base[:3])["vae x ring", "energy"].verdict == "unchanged"
    assert verdicts(runs_of(), runs_of()[:3])["vae x ring", "energy"].verdict == "inconclusive"
    other = [*base[:5], {**base[5], "samples_sha256": "x"}]
    assert verdicts(base, other)["vae x ring", "samples_sha256"].reason == "at 1 of 6 seeds"
