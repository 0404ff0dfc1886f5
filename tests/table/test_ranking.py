"""The partial order over the core metrics: better in one and worse in none, closed, with cycles and failures."""

import numpy as np
import pytest

from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.differences import Differences, Measured
from genbench.table.estimate import Estimate
from genbench.table.ranking import better_than, order_of
from genbench.table.scales import Values

NOISE = np.array([0.001, -0.001, 0.0005, 0.0002, -0.0007])


def entry(value, **fields):
    by_seed = dict(enumerate((value + NOISE * (1 + value)).tolist()))
    return Aggregate(Estimate(by_seed), values=Values(by_seed, by_seed), **fields)


def order(table, failed=(), **entries):
    """Return the order of models whose values in each column ``table`` gives: ``{"c2st": {"a": 0.5}}``."""
    columns = {
        ColumnInfo(name, "lower"): {m: entry(v, **entries) for m, v in row.items()} for name, row in table.items()
    }
    names = list(dict.fromkeys(m for row in table.values() for m in row))
    return order_of(names, list(failed), columns)


def test_a_model_that_is_better_in_one_metric_and_worse_in_none_is_above():
    found = order({"c2st": {"a": 0.5, "b": 0.9, "c": 0.9}, "energy": {"a": 1.0, "b": 1.0, "c": 1.0}})
    assert found.ranks == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}
    assert found.above["b"] == {"a"}
    assert not found.mixed


def test_contradictory_pairs_are_mixed_and_neither_is_above():
    found = order({"c2st": {"a": 0.5, "b": 0.9}, "energy": {"a": 2.0, "b": 1.0}})
    assert found.mixed == {frozenset("ab")}
    assert found.ranks == {"a": (1, 2), "b": (1, 2)}
    assert {(c.better, c.column) for c in found.significant("a", "b")} == {("a", "c2st"), ("b", "energy")}


def test_the_relation_is_closed_and_a_cycle_is_one_class():
    # a beats b by c2st, b beats c by energy, c beats a by coverage; all of them beat d
    table = {
        "c2st": {"a": 0.5, "b": 0.9, "d": 0.99},
        "energy": {"b": 1.0, "c": 2.0, "d": 3.0},
        "coverage": {"c": 0.1, "a": 0.5, "d": 0.9},
    }
    found = order(table)
    assert [found.ranks[name] for name in "abc"] == [(1, 3)] * 3
    assert found.ranks["d"] == (4, 4)
    chain = order({"c2st": {"a": 0.5, "b": 0.9}, "energy": {"b": 1.0, "c": 2.0}})
    assert chain.above["c"] == {"a", "b"}, "through b, though a and c share no metric"
    assert chain.ranks == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}


def test_failed_models_are_below_all():
    found = order({"c2st": {"a": 0.5, "b": 0.5}}, failed=["x", "y"])
    assert found.ranks == {"a": (1, 2), "b": (1, 2), "x": (3, 4), "y": (3, 4)}
    assert found.above["x"] == {"a", "b"}


def test_likelihoods_are_compared_only_within_a_kind():
    column = ColumnInfo("kl", "lower")
    entries = {"a": entry(0.1, kind="exact"), "b": entry(9.0, kind="bound")}
    found = order_of(["a", "b"], [], {column: entries})
    assert found.comparisons == ()
    assert found.ranks == {"a": (1, 2), "b": (1, 2)}


def test_values_that_may_not_be_ranked_are_not_compared():
    found = order_of(["a", "b"], [], {ColumnInfo("nll", "lower"): {"a": entry(1.0, ranked=False), "b": entry(2.0)}})
    assert found.comparisons == ()


def test_no_other_is_better_than_a_lower_limit():
    values = {"exact": [-9.0, -9.1], "limit": [-5.0, -5.1], "small": [-1.0, -1.1]}  # smaller is better
    differences = Differences({name: Measured(dict(enumerate(v)), {0: 0.0, 1: 0.0}) for name, v in values.items()})
    assert better_than(differences)[0]["limit"] == {"exact"}
    above, tested = better_than(differences, {"limit"})
    assert above["limit"] == set()
    assert above["small"] == {"exact", "limit"}
    assert tested


@pytest.mark.parametrize("models", [1, 0])
def test_fewer_than_two_models_have_an_order_too(models):
    found = order({"c2st": {"a": 0.5}} if models else {})
    assert found.ranks == ({"a": (1, 1)} if models else {})
