"""The core metrics of a table: which columns they are, for each kind of data."""

from genbench.table.columns import ColumnInfo
from genbench.table.core_metrics import CORE_METRICS, core_columns, meaning_of


def columns(*names, better="lower"):
    return [ColumnInfo(name, better, metric=name.partition("@")[0]) for name in names]


def test_the_core_metrics_are_those_that_were_scored_in_a_fixed_order():
    found = core_columns(columns("nll", "energy", "c2st", "kl", "precision"), "vector")
    assert found == ("c2st", "energy", "precision", "kl")


def test_images_take_the_first_named_feature_space_and_pixels_only_without_one():
    assert core_columns(columns("frechet", "frechet@pca", "frechet@conv", "kid"), "image") == ("frechet@pca", "kid")
    assert core_columns(columns("frechet"), "image") == ("frechet",)


def test_copies_and_impossible_rows_which_no_distance_sees_are_in_the_core():
    assert core_columns(columns("membership", "constraints", "c2st"), "vector") == ("c2st", "constraints", "membership")
    assert core_columns(columns("membership", "coverage"), "image") == ("coverage", "membership")


def test_whether_a_condition_is_followed_is_in_the_core():
    for kind, first in (("vector", "energy"), ("image", "frechet")):
        found = core_columns(columns("class_accuracy", "energy_by_condition", first, "label_tv"), kind)
        assert found == (first, "energy_by_condition", "class_accuracy")  # frequencies of given labels are given, too


def test_a_column_without_a_direction_ranks_nothing():
    assert core_columns(columns("c2st", better=None), "vector") == ()
    assert core_columns([ColumnInfo("energy", "lower", timing=True)], "vector") == ()


def test_each_core_metric_says_what_it_measures():
    names = [pattern.partition("@")[0] for entries in CORE_METRICS.values() for e in entries for pattern in e.split()]
    assert all(meaning_of(name) for name in names)
    assert meaning_of("frechet@pca") == meaning_of("frechet")
    assert meaning_of("steps") == ""
