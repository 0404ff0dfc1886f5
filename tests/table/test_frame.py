"""From records to frames: means and ties over seeds, what failed, what must not be compared."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats
from synthetic import record, score, seeds

from genbench.cli.table import table
from genbench.errors import UnknownName
from genbench.record.score import SUSPECT_STANDARD_ERRORS
from genbench.record.store import write_json, write_record
from genbench.report import render, views_of
from genbench.table.aggregate import score_aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.frame import to_frame
from genbench.table.results import Results, load
from genbench.table.significance import pair_p_values
from genbench.table.summary import summarise


def by_label(records):
    return to_frame(records).set_index("label")


# ----------------------------------------------------------------------------------------------------------- the frame


def test_a_model_has_mean_spread_interval_and_rank():
    frame = by_label([*seeds("good", [1.0, 1.1, 1.2]), *seeds("bad", [5.0, 5.1, 5.2])])
    good = frame.loc["good"]
    assert good["energy"] == pytest.approx(1.1)
    assert good["energy_sd"] == pytest.approx(0.1)
    assert good["energy_se"] == pytest.approx(0.1 / math.sqrt(3))
    low, high = stats.t.interval(0.95, 2, 1.1, 0.1 / math.sqrt(3))
    assert (good["energy_low"], good["energy_high"]) == (pytest.approx(low), pytest.approx(high))
    assert (good["n_ok"], good["n_failed"], good["energy_rank"], good["energy_tied"]) == (3, 0, 1, True)
    assert (frame.loc["bad", "energy_rank"], frame.loc["bad", "energy_tied"]) == (2, False)


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


def test_lost_cells_are_no_failures_and_are_named(tmp_path):
    results = Results((record("m", 0, status="lost"), record("m", 1, status="crashed"), record("m", 2)))
    assert [r["seed"] for r in results.lost] == [0]
    assert [r["seed"] for r in results.failures] == [1]


def test_a_score_that_some_seeds_lack_is_no_mean_over_the_others():
    records = [*seeds("m", [1.0, 2.0]), record("m", 2, [score("energy", None, warnings=["the value is inf"])])]
    row = by_label(records).loc["m"]
    assert pd.isna(row["energy"])
    assert row["energy_missing"] == "missing in 1 of 3 seeds: the value is inf"


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
    assert not frame["energy_tied"].any()


@pytest.mark.parametrize(
    ("larger", "smaller", "told"),
    [
        ((412.0, 229.0, 1090.0), (32.1, 24.9, 45.0), True),
        ((47.0, 16.0, 196.0), (5.1, 3.4, 8.2), True),
        ((47.0, 16.0, 196.0), (20.0, 8.0, 50.0), False),
        ((0.004, 0.0, 0.01), (0.001, 0.0, 0.007), False),
        ((3.0, 1.0, 3.1), (1.0, 0.9, 3.0), False),  # a debiased interval, at whose end each lies
    ],
)
def test_single_seeds_are_told_apart_by_the_ends_of_their_intervals_that_face_each_other(larger, smaller, told):
    third = (1000.0, 200.0, 9000.0)  # of which no error is small changes nothing between the others
    for others in ([], [third]):
        column = {
            name: score_aggregate(
                [record(name, 0, [score("equivalent", v, low=low, high=high)])], ColumnInfo("equivalent", "higher"), ""
            )
            for name, (v, low, high) in zip("abc", [larger, smaller, *others], strict=False)
        }
        p = pair_p_values({name: entry.estimate for name, entry in column.items()})["a", "b"]
        assert (p < 0.05) == told


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


def test_better_than_real_beyond_noise_is_suspect():
    def of(value, **fields):
        return [record("m", i, [score("energy", value, floor=1.0, floor_sd=0.1, **fields)]) for i in range(3)]

    assert by_label(of(0.5)).loc["m", "energy_suspect"]
    assert by_label(of(0.5)).loc["m", "energy_z"] == pytest.approx(-3 * 0.5 / math.sqrt(3 * 0.01))
    assert by_label(of(0.5)).loc["m", "energy_floor"] == 1.0
    assert not by_label(of(0.95)).loc["m", "energy_suspect"]
    assert not by_label(of(2.0)).loc["m", "energy_suspect"]
    assert by_label(of(2.0, better="higher")).loc["m", "energy_suspect"]
    assert not by_label(of(0.5, low=-1.0, high=2.0)).loc["m", "energy_suspect"]  # its own error counts as well
    assert SUSPECT_STANDARD_ERRORS == 3.0


def test_without_stated_errors_the_spread_over_seeds_is_the_noise():
    def of(values):
        return by_label([record("m", i, [score("energy", v, floor=1.0)]) for i, v in enumerate(values)]).loc["m"]

    gap = stats.ttest_1samp([-0.5, -0.51, -0.49], 0.0)
    assert of([0.5, 0.49, 0.51])["energy_z"] == pytest.approx(-stats.norm.isf(gap.pvalue / 2))
    assert of([0.5, 0.49, 0.51])["energy_suspect"]
    assert not of([0.5, 0.9, 0.7])["energy_suspect"]
    assert pd.isna(of([0.5])["energy_z"])


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


def test_equal_names_are_told_apart_by_what_differs():
    records = [
        *seeds("vae", [1.0], model_config={"beta": 1.0, "latent": 2}),
        *seeds("vae", [2.0], model_config={"beta": 4.0, "latent": 2}),
        *seeds("gan", [1.0], budget="10steps"),
        *seeds("gan", [2.0], budget="20steps"),
        *seeds("kde", [1.0, 2.0], device="cuda:0")[:1],
        *seeds("kde", [1.0, 2.0], device="cuda:1")[1:],
    ]
    labels = list(to_frame(records)["label"])
    assert labels == ["vae (beta=1.0)", "vae (beta=4.0)", "gan (10steps)", "gan (20steps)", "kde"]


def test_one_cell_counts_once():
    first = record("m", 0, status="failed")
    second = first | {"attempt": 2, "status": "ok", "scores": [score("energy", 1.0)]}
    for records in ([first, second], [second, first], [second, second]):
        assert list(to_frame(records)["n_seeds"]) == [1]
        assert list(to_frame(records, per="seed")["status"]) == ["ok"]


def test_one_table_a_dataset_and_configs_of_a_dataset_apart():
    records = [
        *seeds("m", [1.0]),
        *seeds("m", [1.0], dataset="moons"),
        *seeds("m", [1.0], dataset="gaussian", dataset_config={"dim": 2}),
        *seeds("m", [1.0], dataset="gaussian", dataset_config={"dim": 8}),
    ]
    assert [s.dataset for s in summarise(records)] == ["ring", "moons", "gaussian (dim=2)", "gaussian (dim=8)"]


def test_a_frame_of_cells_has_a_row_for_each_with_its_failures():
    records = [
        *seeds("a", [1.0, 2.0]),
        record("a", 2, status="oom", reason="80 GB", phase="fit"),
        record("b", 0, status="skipped"),
    ]
    frame = to_frame(records, per="seed")
    assert list(frame[["model", "dataset", "seed", "status"]].itertuples(index=False, name=None)) == [
        ("a", "ring", 0, "ok"),
        ("a", "ring", 1, "ok"),
        ("a", "ring", 2, "oom"),
        ("b", "ring", 0, "skipped"),
    ]
    assert list(frame["energy"].dropna()) == [1.0, 2.0]
    assert frame.loc[2, "reason"] == "80 GB"


def test_a_metric_may_be_named_as_a_column():
    frame = to_frame([record("m", 0, [score("seed", 5.0), score("density", 0.9)], density="exact")], per="seed")
    assert (frame.loc[0, "seed"], frame.loc[0, "metric_seed"]) == (0, 5.0)
    assert (frame.loc[0, "density"], frame.loc[0, "density_kind"]) == (0.9, "exact")


def test_records_that_hold_only_what_they_must_are_rows():
    bare = {"key": "k", "model": "m", "dataset": "d", "seed": 0, "status": "crashed"}
    assert to_frame([bare])["status"].tolist() == ["crashed"]
    assert to_frame([bare], per="seed")["label"].tolist() == ["m"]
    assert len(to_frame([])) == 0
    with pytest.raises(ValueError, match="per must be"):
        to_frame([bare], per="model ")


def test_numbers_have_number_types_whatever_is_missing():
    frame = to_frame([*seeds("a", [1, 2]), record("b", 0, [score("energy", None), score("w1", None)])])
    assert frame["energy"].dtype == frame["w1"].dtype == np.float64
    assert frame["energy_rank"].dtype == "Int64"


# ----------------------------------------------------------------------------------------------------------- Results


def test_results_show_a_table_a_dataset():
    evil = record("<b>x</b>", 0, status="failed", reason="<script>alert(1)</script>")
    results = Results((*seeds("a", [1.0, 2.0]), evil, *seeds("a", [3.0], dataset="moons")))
    assert results.datasets == ["ring", "moons"]
    assert [r["model"] for r in results.failures] == ["<b>x</b>"]
    table = results.table("ring")
    assert list(table.columns) == [
        "dataset",
        "model",
        "label",
        "status",
        "reason",
        "n_ok",
        "n_failed",
        "energy",
    ]
    assert "energy_tied" in results.table("ring", details=True)
    assert len(results.table(per="seed")) == 4
    html = results._repr_html_()
    assert html.count("<table") == 2
    assert "1.5 ± 0.5" in html
    assert "<script>" not in html
    assert "<b>x" not in html
    with pytest.raises(ValueError, match=r"no dataset 'rings'.*ring, moons"):
        results.table("rings")


def test_load_reads_run_directories(tmp_path):
    for name in ("one", "two"):
        run = tmp_path / name
        run.mkdir()
        write_json(run / "run.json", {})
        write_record(run, record("m", 0, status="failed", key=f"{name}key"))
        write_record(run, record("m", 0, [score("energy", 1.0)], key=f"{name}key"))
    results = load(tmp_path / "one", tmp_path / "two")
    assert [(r["run"], r["status"], r["attempt"]) for r in results.records] == [("one", "ok", 2), ("two", "ok", 2)]
    assert list(results.table()["label"]) == ["m (one)", "m (two)"]


# ------------------------------------------------------------------------------------------- ranks, spaces, suspicions


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


def test_scores_in_different_spaces_stand_in_different_columns():
    records = [
        record("a", 0, [score("frechet", 1.0), score("frechet", 70.0, space="pca", label="frechet@pca")]),
        record("b", 0, [score("frechet", 2.0, space="pixels"), score("frechet", 50.0, space="pca")]),
        record("c", 0, [score("mmd", 0.1, label="mmd[bandwidth=2]"), score("frechet", 3.0, space="raw")]),
    ]
    for frame in (by_label(records), to_frame(records, per="seed").set_index("label")):
        assert list(frame["frechet@pca"].dropna()) == [70.0, 50.0]
        assert list(frame["frechet"].dropna()) == [1.0, 2.0]
        assert (frame.loc["c", "mmd[bandwidth=2]"], frame.loc["c", "frechet@raw"]) == (0.1, 3.0)
    assert list(by_label(records).loc[["a", "b"], "frechet_rank"]) == [1, 1]  # another standard space: not compared
    assert by_label(records)["frechet@pca_rank"].dropna().to_dict() == {"a": 2, "b": 1}


def test_a_metric_that_says_so_is_not_ranked_and_its_low_end_is_copying():
    def of(value, **fields):
        given = {"better": "higher", "ranked": False, "floor": 0.0, "floor_sd": 1.0, "z": value, **fields}
        return [record("m", 0, [score("ct", value, **given)]), record("n", 0, [score("ct", 0.0, **given | {"z": 0.0})])]

    frame = by_label(of(-9.0))
    assert frame["ct_rank"].isna().all()
    assert frame["ct_suspect"].to_dict() == {"m": True, "n": False}
    assert not by_label(of(9.0)).loc["m", "ct_suspect"]
    assert by_label(of(9.0, ranked=True)).loc["m", "ct_suspect"]
    assert by_label(of(-9.0, ranked=True)).loc["n", "ct_rank"] == 1


def test_stated_z_of_several_seeds_are_added_up():
    def of(*z):
        return by_label([record("m", i, [score("energy", 1.0, floor=1.0, z=each)]) for i, each in enumerate(z)])

    assert of(-2.0, -2.0, -2.0).loc["m", "energy_z"] == pytest.approx(-6 / math.sqrt(3))
    assert of(-2.0, -2.0, -2.0).loc["m", "energy_suspect"]
    assert not of(-2.0, 2.0, -2.0).loc["m", "energy_suspect"]


def test_z_over_seeds_is_of_the_floors_spread_and_suspicion_of_both_errors():
    def of(width, **detail):
        each = {"z": -5.0, "floor": 1.0, "floor_sd": 0.1, "low": 0.5 - 1.96 * width, "high": 0.5 + 1.96 * width}
        return by_label([record("m", i, [score("energy", 0.5, **each, detail=detail)]) for i in range(2)]).loc["m"]

    for width, suspect in ((0.1, True), (0.3, False)):  # 5 and 2.2 standard errors
        assert of(width)["energy_z"] == pytest.approx(-10 / math.sqrt(2))
        assert of(width)["energy_suspect"] == suspect
    unknown = {"floor": 1.0, "floor_sd": 0.1}  # no interval: its error is taken for that of the floor
    for value, suspect in ((0.5, True), (0.6, False)):  # 3.5 and 2.8 standard errors
        frame = by_label([record("m", 0, [score("energy", value, **unknown)])])
        assert frame.loc["m", "energy_suspect"] == suspect
    like = {"value": 0.9, "standard_error": 0.05}
    assert not of(0.1, compared_with_floor=like)["energy_suspect"]  # as many samples as the floor has rows


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


def test_a_single_seed_has_the_interval_of_its_score():
    row = by_label([record("m", 0, [score("equivalent", 300.0, low=200.0, high=700.0, level=0.95)])]).loc["m"]
    assert (row["equivalent_low"], row["equivalent_high"]) == (200.0, 700.0)


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


def test_nothing_is_suspect_for_being_worth_more_than_a_floor_that_is_a_lower_limit():
    why = ["no z: the floor is a lower limit"]
    fields = {"better": "higher", "low": 8000.0, "high": 9999.0, "floor": 1000.0, "floor_sd": 10.0}
    for warnings, suspect in (([], True), (why, False)):
        records = [record("vae", i, [score("equivalent", 9000.0 + i, **fields, warnings=warnings)]) for i in range(3)]
        [row] = to_frame(records).to_dict("records")
        assert row["equivalent_suspect"] is suspect
        assert (row["equivalent_z"] > 3) is suspect


# ------------------------------------------------------------------------------------------------- derived observables


def physics(model, seed=0, names=("eta", "m_1", "m_jj", "phi", "pt"), failed=False):
    each = {name: 0.1 * (i + 1) + 0.01 * seed for i, name in enumerate(names)}
    mean = sum(each.values()) / len(each)
    detail = {"observables": each, "worst": names[-1], "intervals": {name: [v / 2, v * 2] for name, v in each.items()}}
    w1 = score("w1_observables", mean, unit="standard deviations", floor=0.01, floor_sd=0.002, z=9.0, detail=detail)
    nothing = score("w1_observables", None, warnings=["'m_jj' is not finite"])
    return record(model, seed, [score("energy", 0.2), nothing if failed else w1, score("c2st", 0.6)])


def test_each_observable_is_a_column_beside_their_mean():
    records = [physics("a", 0), physics("a", 1)]
    [summary] = summarise(records)
    names = [column.name for column in summary.columns]
    assert names == ["energy", "w1_observables", "w1[eta]", "w1[m_1]", "w1[m_jj]", "w1[phi]", "w1[pt]", "c2st"]
    [mass] = [column for column in summary.columns if column.name == "w1[m_jj]"]
    assert (mass.unit, mass.better, mass.space) == ("standard deviations", "lower", "standardised")
    frame = by_label(records)
    assert frame.loc["a", "w1[m_jj]"] == pytest.approx(0.305)
    assert frame.loc["a", "w1[m_jj]_z"] is None or pd.isna(frame.loc["a", "w1[m_jj]_z"])  # that of the mean is not its
    [cell, _] = to_frame(records, per="seed").to_dict("records")
    assert [cell[f"w1[m_1]{part}"] for part in ("", "_low", "_high")] == pytest.approx([0.2, 0.1, 0.4])
    assert "detail" in records[0]["scores"][1]  # the record keeps what it says
    assert len(records[0]["scores"]) == 3


def test_observables_that_could_not_be_compared_leave_no_column_of_their_own():
    frame = by_label([physics("a"), physics("b", failed=True)])
    assert pd.isna(frame.loc["b", "w1[m_jj]"])
    assert not any(name.startswith("w1[") for name in by_label([physics("b", failed=True)]))


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("w1[m_jj]", ["w1[m_jj]"]),
        ("w1[m_*", ["w1[m_1]", "w1[m_jj]"]),
        ("w1_observables", ["w1_observables", *(f"w1[{name}]" for name in ("eta", "m_1", "m_jj", "phi", "pt"))]),
        ("w1[*", [f"w1[{name}]" for name in ("eta", "m_1", "m_jj", "phi", "pt")]),
    ],
)
def test_observables_are_asked_for_by_name_or_glob(asked, shown):
    records = [physics("a"), physics("b")]
    [view] = views_of(records, metrics=[asked])
    assert [column.name for column in view.columns] == shown
    [first, _] = json.loads(render(records, "json", metrics=[asked]))
    assert [name for name in first if name in {*shown, "energy", "c2st"}] == shown


def test_masses_are_shown_unasked_else_the_first_observables():
    def shown(*names):
        [view] = views_of([physics("a", names=names), physics("b", names=names)])
        return [column.name for column in view.columns if column.observable]

    assert shown("eta", "m_1", "m_jj", "m_light", "phi", "pt") == ["w1[m_jj]", "w1[m_1]"]
    assert shown("eta", "phi", "pt") == ["w1[eta]", "w1[phi]", "w1[pt]"]
    assert shown("a", "c", "e", "f", "g") == ["w1[a]", "w1[c]", "w1[e]", "w1[f]"]
    text = render([physics("a"), physics("b")], "rich", width=100)
    assert "w1[m_jj] ↓" in text


def test_a_glob_that_means_nothing_is_refused():
    with pytest.raises(UnknownName):
        render([physics("a")], "csv", metrics=["w1[q*"])


def test_a_glob_on_the_command_line_may_leave_its_bracket_open(tmp_path):
    write_json(tmp_path / "run.json", {"schema_version": 1, "name": "x"})
    write_record(tmp_path, physics("a"))
    shown = CliRunner().invoke(table, [str(tmp_path), "-f", "csv", "--metrics", "w1[m_*, mmd[bandwidth=1],energy"])
    assert "mmd[bandwidth=1]" in str(shown.exception)  # three names, of which one is unknown
    shown = CliRunner().invoke(table, [str(tmp_path), "-f", "csv", "--metrics", "w1[m_*,energy"])
    assert "energy,w1[m_1],w1[m_jj]," in shown.output
