"""Which model to take: the sentence, and where nothing may be said."""

import pytest
from synthetic import record, score

from genbench.table.recommendation import recommend
from genbench.table.results import Results
from genbench.table.summary import summarise

NOISE = (0.0, 0.004, -0.003)


def model(name, c2st, energy=0.1, *, seeds=3, speed=1000.0, scores=(), width=0.01, **fields):
    """Return the records of a model, one a seed."""
    found = []
    for seed in range(seeds):
        area = c2st + NOISE[seed]
        each = [
            score("c2st", area, low=area - width, high=area + width, best=0.5),
            score("energy", energy * (1 + NOISE[seed]), best=0.0, low=0.9 * energy, high=1.1 * energy),
            *scores,
        ]
        timings = {"samples_per_s": speed, "fit_s": 10.0, "steps": 100}
        found.append(record(name, seed, each, **{"timings": timings, "recipe_steps": 100, **fields}))
    return found


def verdict(*models):
    [summary] = summarise([r for each in models for r in each])
    return recommend(summary)


def test_the_only_undominated_model_is_taken():
    found = verdict(model("vae", 0.55), model("gan", 0.92), model("kde", 0.80))
    assert found.take == "vae"
    assert found.undominated == ("vae",)
    assert found.decided_by == "order"
    assert str(found).startswith("Take `vae`: no model is better in any core metric.")
    assert "A classifier still tells all of them from real rows (AUC 0.55 to 0.92)." in str(found)


def test_of_models_that_are_not_told_apart_the_cheaper_is_taken():
    found = verdict(model("vae", 0.70, speed=11500.0), model("ddpm", 0.70, speed=100.0), model("gan", 0.92))
    assert (found.take, found.tied, found.decided_by) == ("vae", ("ddpm",), "samples_per_s")
    assert "`ddpm` is not told apart from it and samples 115 times slower" in str(found)


def test_where_metrics_contradict_each_other_the_classifier_decides_and_it_is_said():
    found = verdict(model("vae", 0.55, energy=0.9), model("ddpm", 0.76, energy=0.1), model("gan", 0.95, energy=2.0))
    assert (found.take, found.decided_by) == ("vae", "c2st")
    assert "`ddpm` is better in energy and worse in c2st" in str(found)


def noisy(name, areas, energy):
    """Return the records of a model with these areas, one a seed."""
    scores = [
        [
            score("c2st", area, low=area - 0.01, high=area + 0.01, best=0.5),
            score("energy", energy, best=0.0, low=0.9 * energy, high=1.1 * energy),
        ]
        for area in areas
    ]
    return [record(name, seed, each, timings={"samples_per_s": 10.0}) for seed, each in enumerate(scores)]


def test_a_lower_mean_that_is_less_certain_is_not_denied():
    found = verdict(
        noisy("flow", (0.68, 0.76, 0.72), 0.1),
        noisy("ddpm", (0.91, 0.84, 0.89), 0.1),
        noisy("vqvae", (0.67, 0.61, 0.58), 0.5),
    )
    assert (found.take, found.decided_by) == ("flow", "c2st")
    assert "tells it least" not in str(found)
    assert "no model is better in any core metric, and no other is significantly better in c2st" in str(found)


def test_where_no_models_are_told_apart_none_is_taken_and_the_seeds_that_would_do_are_named():
    noisy = [model("a", 0.600, width=0.3), model("b", 0.604, width=0.3)]
    found = verdict(*noisy)
    assert found.take is None
    assert str(found).startswith("Take none yet: 3 seeds can't tell `a` and `b` apart in any core metric")
    assert found.seeds_needed is None or found.seeds_needed > 3


def test_a_model_that_copies_is_never_taken():
    copied = [score("duplicates", 0.5, copying=True)]
    found = verdict(model("memory", 0.52, scores=copied), model("vae", 0.60), model("gan", 0.92))
    assert found.take == "vae"
    assert "`memory` is better, but copying training rows" in str(found)
    assert "repeat training rows or stay near them: copying" in found.note
    alone = verdict(model("memory", 0.52, scores=copied))
    assert alone.take is None


@pytest.mark.parametrize(("marked", "copies"), [([True, False, False], False), ([True, True, False], True)])
def test_copying_is_told_where_most_seeds_tell_it(marked, copies):
    rows = [record("memory", i, [score("duplicates", 0.1, copying=each)]) for i, each in enumerate(marked)]
    [summary] = summarise(rows)
    assert summary.rows[0].copying == (("duplicates",) if copies else ())


def test_a_model_with_a_failed_seed_is_never_taken():
    failed = [*model("best", 0.51, seeds=2), record("best", 2, status="diverged", phase="fit", reason="nan")]
    assert verdict(failed, model("vae", 0.60), model("gan", 0.92)).take == "vae"
    only = verdict(failed)
    assert str(only) == "Take none yet: `best` failed in a seed or more, and no other model was scored."


def test_a_trial_run_says_that_it_is_one():
    short = {"timings": {"steps": 2, "fit_s": 0.1}}
    found = verdict(model("vae", 0.55, **short), model("gan", 0.92, **short))
    assert found.take is None
    assert "trial run" in str(found)


def test_a_model_with_less_than_half_of_its_recipe_is_marked():
    found = verdict(model("vae", 0.55, timings={"steps": 40, "fit_s": 1.0}), model("gan", 0.92))
    assert found.take == "vae"
    assert "it got 40% of its recipe" in found.why
    assert "Undertrained, with less than half of the recipe: `vae`." in found.note


def test_an_unstable_model_is_taken_only_where_no_other_is_left():
    erratic = [record("gan", i, [score("c2st", v, best=0.5, low=v - 0.01, high=v + 0.01)])
               for i, v in enumerate((0.51, 0.52, 0.95))]  # fmt: skip
    others = [model("vae", 0.60), model("kde", 0.70), model("ae", 0.80)]
    found = verdict(erratic, *others)
    assert found.take == "vae"
    assert "unstable" in found.note


def test_a_classifier_that_cannot_tell_is_said_with_the_rows_it_had():
    found = verdict(model("vae", 0.505, width=0.02), model("gan", 0.92))
    assert "A classifier still tells `gan` from real rows (AUC 0.92)." in found.note
    assert "A classifier does not tell `vae` from real rows, as far as 1000 test rows can tell." in found.note


def test_one_seed_says_that_the_spread_is_not_known():
    found = verdict(model("vae", 0.55, seeds=1), model("gan", 0.92, seeds=1))
    assert found.take == "vae"
    assert "from one seed of each, so the spread between trainings is not known" in found.why


def test_a_lost_cell_is_absent_and_a_single_model_is_taken_as_the_only_one():
    lost = [record("gan", 0, status="lost", reason="the worker died")]
    found = verdict(model("vae", 0.55), lost)
    assert found.take == "vae"
    assert found.why == "it is the only model that was scored"


def test_results_give_the_verdict_of_a_dataset_by_name():
    results = Results(tuple(model("vae", 0.55) + model("gan", 0.92)))
    assert results.verdict().take == results.verdict("ring").take == "vae"
    fields = results.verdict().as_dict()
    assert set(fields) == {
        "dataset", "take", "why", "tied", "undominated", "decided_by", "seeds_needed", "note", "sentence"
    }  # fmt: skip
    assert fields["sentence"] == str(results.verdict())
    with pytest.raises(ValueError, match="no dataset 'moons'"):
        results.verdict("moons")
    two = Results((*results.records, *model("vae", 0.6, dataset="moons")))
    with pytest.raises(ValueError, match="name a dataset"):
        two.verdict()
