"""The rows of a table: ranks and ties, what failed, and what must not be compared."""

import math

import pandas as pd
import pytest
from synthetic import by_label, record, score, seeds

from genbench.table.frame import to_frame
from genbench.table.summary import summarise


def test_models_that_cannot_be_told_apart_are_tied():
    frame = by_label([*seeds("a", [1.0, 1.4, 0.6]), *seeds("b", [1.1, 1.5, 0.9]), *seeds("c", [9.0, 9.1, 9.2])])
    assert list(frame["energy_tied"]) == [True, True, False]
    assert list(frame["energy_rank"]) == [1, 2, 3]


def test_higher_is_better_where_the_score_says_so():
    frame = by_label(
        [*seeds("a", [0.9, 0.91], "coverage", better="higher"), *seeds("b", [0.2, 0.21], "coverage", better="higher")]
    )
    assert list(frame["coverage_rank"]) == [1, 2]


def test_a_failed_seed_takes_the_mean_away_and_ranks_last():
    broken = [
        *seeds("broken", [0.001, 0.001]),
        record("broken", 2, status="diverged", phase="fit", reason="loss is nan"),
    ]
    frame = by_label([*broken, *seeds("a", [1.0, 1.1, 1.2]), *seeds("b", [2.0, 2.1, 2.2])])
    row = frame.loc["broken"]
    assert math.isnan(row["energy"])
    assert (row["status"], row["reason"], row["n_ok"], row["n_failed"]) == ("diverged", "loss is nan", 2, 1)
    assert row["energy_rank"] == 3
    assert not row["energy_tied"]
    assert frame.loc["a", "energy_tied"]


@pytest.mark.parametrize("status", ["invalid", "diverged", "failed", "timeout", "oom", "crashed"])
def test_every_way_to_fail_counts(status):
    row = by_label([*seeds("m", [1.0]), record("m", 1, status=status)]).loc["m"]
    assert (row["status"], row["n_failed"]) == (status, 1)
    assert pd.isna(row["energy"])


@pytest.mark.parametrize("status", ["interrupted", "lost", "skipped"])
def test_cells_that_never_ran_are_no_failures(status):
    row = by_label([*seeds("m", [1.0, 2.0]), record("m", 2, status=status)]).loc["m"]
    assert (row["status"], row["n_ok"], row["n_failed"], row["n_seeds"]) == ("ok", 2, 0, 3)
    assert row["energy"] == 1.5
    assert by_label([record("m", 0, status=status, reason="why")]).loc["m", ["status", "reason"]].tolist() == [
        status,
        "why",
    ]


@pytest.mark.parametrize("status", ["interrupted", "lost"])
def test_a_cell_that_its_machine_lost_costs_the_better_model_no_rank(status):
    """Failures are the model's and rank last; what a machine or a user ended says nothing of the model."""
    better = [*seeds("better", [1.0, 1.01]), record("better", 2, status=status, reason="its worker died")]
    worse = seeds("worse", [5.0, 5.1, 5.2])
    frame = by_label([*better, *worse])
    assert frame["energy_rank"].to_dict() == {"better": 1, "worse": 2}
    assert frame.loc["better", "energy"] == pytest.approx(1.005)
    assert frame.loc["better", ["n_ok", "n_seeds"]].tolist() == [2, 3], "its absence is shown"
    failed = by_label([*better[:2], record("better", 2, status="crashed"), *worse])
    assert failed["energy_rank"].to_dict() == {"better": 2, "worse": 1}


def test_reference_rows_are_never_the_best():
    frame = by_label(
        [*seeds("real", [0.0, 0.1]), *seeds("memoriser", [0.0, 0.1]), *seeds("a", [1, 1.1]), *seeds("b", [9, 9.1])]
    )
    assert frame["energy_tied"].to_dict() == {"real": False, "memoriser": False, "a": True, "b": False}
    assert frame["role"].to_dict() == {"real": "reference", "memoriser": "reference", "a": "model", "b": "model"}
    assert frame.loc["a", "energy_rank"] == 1


def test_kinds_of_likelihood_never_share_a_ranking():
    records = []
    for name, density, value in (
        ("vae", "bound", 1.0),
        ("vae2", "bound", 2.0),
        ("kde", "exact", 3.0),
        ("flow", "exact", 4.0),
    ):
        records += seeds(name, [value, value + 0.01, value + 0.02], "nll", density=density)
    frame = by_label(records)
    assert frame["nll_rank"].to_dict() == {"vae": 1, "vae2": 2, "kde": 1, "flow": 2}
    assert not frame["nll_tied"].any()  # the best bound may be worse than an exact value, and the other way round
    one_kind = by_label([r for r in records if r["density"] == "exact"])
    assert one_kind["nll_tied"].to_dict() == {"kde": True, "flow": False}
    assert frame["nll_kind"].to_dict() == {"vae": "bound", "vae2": "bound", "kde": "exact", "flow": "exact"}


def test_a_bound_is_not_the_best_beside_an_exact_value_that_nothing_was_compared_with():
    given = (("ddpm", 0.076, "bound"), ("vae", 0.3, "bound"), ("kde", 0.0434, "exact"))
    records = [
        record(name, 0, [score("kl", v, low=v - 0.002, high=v + 0.002)], density=density) for name, v, density in given
    ]
    assert not by_label(records)["kl_tied"].any()
    frame = by_label([r for r in records if r["density"] == "bound"])
    assert frame["kl_tied"].to_dict() == {"ddpm": True, "vae": False}


def test_what_is_too_good_is_not_the_best():
    def of(model, value):
        given = {"low": value - 0.01, "high": value + 0.01, "floor": 0.5, "floor_sd": 0.02}
        return record(model, 0, [score("energy", value, z=(value - 0.5) / 0.02, **given)])

    frame = by_label([of("copy", 0.1), of("fair", 0.6), of("poor", 0.9)])
    assert (frame.loc["copy", "energy_suspect"], frame.loc["copy", "energy_rank"]) == (True, 1)
    assert frame["energy_tied"].to_dict() == {"copy": False, "fair": True, "poor": False}  # of those that are left


def test_the_kind_that_a_score_states_wins():
    records = [record("ddpm", 0, [score("nll", 1.0, params={"kind": "estimate"})], density="bound")]
    assert by_label(records).loc["ddpm", "nll_kind"] == "estimate"


def test_different_quantities_under_one_name_are_not_compared():
    gap = {"params": {"quantity": "cross-entropy gap"}, "ranked": False}
    records = [
        *(record("gan", i, [score("kl", -2.0 + i / 100, **gap)]) for i in range(2)),
        *(
            record("kde", i, [score("kl", 0.1 + i / 100, params={"quantity": "KL(truth||model)", "kind": "exact"})])
            for i in range(2)
        ),
        *(record("a", i, [score("frechet", 1 + i / 100, params={"features": "pixels"})]) for i in range(2)),
        *(record("b", i, [score("frechet", 9 + i / 100, params={"features": "inception"})]) for i in range(2)),
    ]
    frame = by_label(records)
    assert pd.isna(frame.loc["gan", "kl_rank"])  # a collapsed model has a negative gap: lower is not better
    assert frame.loc["kde", "kl_rank"] == 1
    assert list(frame.loc[["a", "b"], "frechet_rank"]) == [1, 1]


def test_timings_of_several_runs_are_not_ranked():
    def of(run):
        return [
            record(m, s, timings={"fit_s": s + 10.0 * ord(m)}, run=run, key=f"{run}{m}{s}")
            for m in "ab"
            for s in range(2)
        ]

    assert by_label(of("one")).loc["a", "fit_s_rank"] == 1
    both = to_frame(of("one") + of("two"))
    assert both["fit_s_rank"].isna().all()
    assert list(both["label"]) == ["a (one)", "a (two)", "b (one)", "b (two)"]


def test_rows_scored_on_different_numbers_are_not_ranked():
    small = {"train": 10, "test": 10, "reference": 10}
    frame = by_label([*seeds("a", [1.0, 1.1]), *seeds("b", [9.0, 9.1], sizes=small)])
    assert frame["energy_rank"].isna().all()


def test_one_table_a_dataset_and_configs_of_a_dataset_apart():
    records = [
        *seeds("m", [1.0]),
        *seeds("m", [1.0], dataset="moons"),
        *seeds("m", [1.0], dataset="gaussian", dataset_config={"dim": 2}),
        *seeds("m", [1.0], dataset="gaussian", dataset_config={"dim": 8}),
    ]
    assert [s.dataset for s in summarise(records)] == ["ring", "moons", "gaussian (dim=2)", "gaussian (dim=8)"]


def test_ranks_have_intervals_and_failures_come_last():
    frame = by_label([
        *seeds("a", [1.0, 1.4, 0.6]), *seeds("b", [1.1, 1.5, 0.9]), *seeds("c", [99.0, 99.1, 99.2]),
        *seeds("d", [0.1, 0.1]), record("d", 2, status="oom"), record("e", 0, status="crashed"),
        *seeds("real", [0.1, 0.2, 0.3]),
    ])  # fmt: skip
    found = frame[["energy_rank", "energy_rank_low", "energy_rank_high"]]
    assert found.loc[["a", "b", "c"]].to_numpy().tolist() == [[1, 1, 2], [2, 1, 2], [3, 3, 3]]
    assert found.loc[["d", "e"]].to_numpy().tolist() == [[4, 4, 5], [4, 4, 5]]
    assert found.loc["real"].isna().all()
    assert list(found.dtypes) == ["Int64"] * 3


def test_a_metric_that_says_so_is_not_ranked_and_better_than_nothing():
    def of(value, **fields):
        given = {"better": "higher", "ranked": False, "floor": 0.0, "floor_sd": 1.0, "z": value, **fields}
        return [record("m", 0, [score("ct", value, **given)]), record("n", 0, [score("ct", 0.0, **given | {"z": 0.0})])]

    frame = by_label(of(-9.0))
    assert frame["ct_rank"].isna().all()
    assert frame["ct_suspect"].to_dict() == {"m": False, "n": False}
    assert not by_label(of(9.0)).loc["m", "ct_suspect"]
    assert by_label(of(9.0, ranked=True)).loc["m", "ct_suspect"]
    assert by_label(of(-9.0, ranked=True)).loc["n", "ct_rank"] == 1


def test_a_likelihood_that_failed_its_check_is_not_ranked():
    failed = [{"name": "normalised", "passed": False, "value": 3.1, "expected": 1.0, "reason": "on a grid"}]
    passed = [{"name": "normalised", "passed": True, "value": 1.0, "expected": 1.0, "reason": ""}]
    records = []
    for name, nll, checks in (("liar", 0.1, failed), ("honest", 1.0, passed), ("unchecked", 2.0, None)):
        both = [[score("nll", nll + s / 100), score("energy", nll + s / 100)] for s in range(3)]
        records += [record(name, s, both[s], density="exact", checks=checks) for s in range(3)]
    frame = by_label(records)
    assert frame["nll_rank"].dropna().to_dict() == {"honest": 1, "unchecked": 2}
    assert frame["energy_rank"].to_dict() == {"liar": 1, "honest": 2, "unchecked": 3}
    assert frame.loc["liar", "nll"] == pytest.approx(0.11)  # it is still shown


def test_lower_limits_are_marked_and_beaten_by_nothing():
    def of(name, values, at_least):
        fields = {"better": "higher", "detail": {"at_least": at_least}}
        return [record(name, s, [score("equivalent", v, **fields)]) for s, v in enumerate(values)]

    records = [*of("a", [900.0, 910.0, 905.0], True), *of("b", [5000.0, 5010.0, 5020.0], False),
               *of("c", [10.0, 10.1, 10.2], False)]  # fmt: skip
    frame = by_label(records)
    assert frame["equivalent_at_least"].to_dict() == {"a": True, "b": False, "c": False}
    assert frame["equivalent_tied"].to_dict() == {"a": True, "b": True, "c": False}
    assert list(to_frame(records, per="seed")["equivalent_at_least"]) == [True] * 3 + [False] * 6


def test_what_is_made_of_clocks_is_not_ranked_across_runs():
    def of(run):
        return [
            record(m, 0, [score("speedup", v, low=v, high=v)], run=run, timings={"fit_s": 1.0}, key=f"{m}{run}")
            for m, v in (("a", 10.0), ("b", 20.0))
        ]

    assert by_label(of("one")).loc["a", "speedup_rank"] == 1
    assert to_frame(of("one") + of("two"))["speedup_rank"].isna().all()


def test_timings_are_ranked_within_one_session_and_alone_on_their_device():
    def of(session="one", *, alone=True, model="a"):
        timings = {"fit_s": 5.0 + (model == "b")}
        return [record(model, s, timings=timings, session=session, shared=not alone) for s in range(2)]

    assert list(by_label(of() + of(model="b"))["fit_s_rank"]) == [1, 2]
    assert by_label(of() + of("two", model="b"))["fit_s_rank"].isna().all()
    beside = by_label(of() + of(model="b", alone=False))
    assert beside["fit_s_rank"].dropna().to_dict() == {"a": 1}
    assert beside.loc["b", "fit_s"] == 6.0
    assert by_label(of() + of("two", model="gaussian")).loc["a", "fit_s_rank"] == 1  # references take no part


def test_rows_of_one_label_keep_their_own_numbers():
    twice = [record("a", 0, [score("energy", v)], run=run, key=f"{run}") for run, v in (("one", 1.0), ("two", 2.0))]
    frame = to_frame([*twice, record("b", 0, [score("energy", 9.0)], label="a (one)")])
    assert list(frame["label"]) == ["a (one)", "a (two)", "a (one) (2)"]
    assert list(frame["energy"]) == [1.0, 2.0, 9.0]


def test_cells_of_another_precision_are_a_row_of_their_own():
    records = [record("vae", seed, [score("energy", 0.1)]) for seed in range(2)]
    records += [record("vae", seed, [score("energy", 0.2)], precision="bf16") for seed in range(2)]
    [summary] = summarise(records)
    assert {row.label: len(row.records) for row in summary.rows} == {"vae (fp32)": 2, "vae (bf16)": 2}
    assert [row.label for row in summarise(records[:2])[0].rows] == ["vae"]
