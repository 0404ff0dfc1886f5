"""Rules that are known, data that have none, samples that break one, and the path of samples in single precision."""

import json

import numpy as np
import pytest

from genbench.protocol import Column, Evidence, RealSide
from genbench.training.standardise import VectorSpace
from genbench_constraints import genbench_register
from genbench_constraints.limits import lower_limit
from genbench_constraints.metric import constraints

[SPEC] = genbench_register()


def score(train, fake, columns=()):
    train, fake = np.asarray(train, float), np.asarray(fake, float)
    return constraints(Evidence(RealSide(train), fake, train_raw=train, fake_raw=fake, raw_columns=columns))


def rules(train, columns=()):
    found = score(train, train, columns)
    return set() if found.value is None else set(found.detail["rules"])


def table(seed, n):
    """Return rows of which all relations and limits are known."""
    rng = np.random.default_rng(seed)
    momenta = np.sort(rng.gamma(2, 30, (n, 2)), axis=1)[:, ::-1]
    return np.column_stack(
        [
            momenta, momenta.sum(1), rng.poisson(3, n), 10 * rng.integers(0, 3, n) + 7, rng.uniform(-np.pi, np.pi, n),
            rng.lognormal(0, 1, n), np.full(n, 3.0), rng.normal(1e6, 1, n),
        ]
    )  # fmt: skip


NAMES = ("pt1", "pt2", "sum", "hits", "code", "phi", "length", "version", "energy")
COLUMNS = tuple(Column(name, log=name == "length", period=2 * np.pi if name == "phi" else None) for name in NAMES)
EXPECTED = {
    "pt2 <= pt1", "sum = pt1 + pt2", "hits is an integer", "hits >= 0", "code is one of 7, 17, 27", "length > 0",
    "version = 3", "pt2 >= 0",
}  # fmt: skip
LAWS = {
    "normal": lambda rng, n: rng.standard_normal((n, 3)),
    "normal, positive by chance": lambda rng, n: rng.normal(3.3, 1, (n, 3)),
    "exponential": lambda rng, n: rng.exponential(1, (n, 3)),
    "uniform": lambda rng, n: rng.random((n, 3)),
    "t of 3 degrees of freedom": lambda rng, n: rng.standard_t(3, (n, 3)),
    "lognormal": lambda rng, n: rng.lognormal(0, 1, (n, 3)),
    "gamma": lambda rng, n: rng.gamma([0.5, 2, 5], 1, (n, 3)),
    "counts": lambda rng, n: rng.poisson([0.5, 2, 30], (n, 3)),
    "counts with heavy tails": lambda rng, n: rng.zipf(2, (n, 3)),
    "rare categories": lambda rng, n: rng.binomial(3, [0.1, 0.5, 0.9], (n, 3)),
    "angles": lambda rng, n: rng.uniform(-np.pi, np.pi, (n, 3)),
    "rounded": lambda rng, n: np.round(rng.standard_normal((n, 3)), 1),
    "table": lambda rng, n: table(int(rng.integers(2**31)), n),
}


def test_rules_that_are_known_are_found():
    found = rules(table(1, 2000), COLUMNS)
    assert found >= EXPECTED
    assert any(text.startswith("phi within one period") for text in found)
    assert not any(text.startswith(("energy", "length <")) for text in found)


@pytest.mark.parametrize("n", [200, 2000])
@pytest.mark.parametrize("law", LAWS)
def test_fresh_rows_break_no_rule_even_in_the_tails(law, n):
    columns = COLUMNS if law == "table" else ()
    shares = []
    for seed in range(8):
        rng = np.random.default_rng([seed, n])
        found = score(LAWS[law](rng, n), LAWS[law](rng, 5000), columns)
        shares.append(found.value or 0.0)
    assert np.mean(shares) * n < 0.5, "one row in n lies beyond the range of n rows: far fewer may break a rule"


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        ("normal", set()), ("t of 3 degrees of freedom", set()), ("rounded", set()),
        ("exponential", {"x0 >= 0", "x1 >= 0", "x2 >= 0"}), ("lognormal", {"x0 >= 0", "x1 >= 0", "x2 >= 0"}),
    ],
)  # fmt: skip
def test_limits_are_where_rows_pile_up_and_not_where_a_tail_ends(law, expected):
    assert rules(LAWS[law](np.random.default_rng(1), 2000)) == expected


def test_an_edge_is_left_a_margin_and_a_repeated_value_is_one():
    rng = np.random.default_rng(1)
    uniform = rng.uniform(2, 5, 2000)
    assert 1.9 < lower_limit(uniform) < 2
    assert lower_limit(np.maximum(rng.standard_normal(2000), -1.0)) == -1.0
    assert lower_limit(rng.standard_normal(2000)) is None
    assert lower_limit(np.array([1.0, np.nan] * 100)) is None


FAULTS = {
    "pt2 <= pt1": (0, 1e-3), "sum = pt1 + pt2": (2, 500.0), "hits is an integer": (3, 2.7), "hits >= 0": (3, -1.0),
    "code is one of 7, 17, 27": (4, 8.0), "length > 0": (6, -0.1), "version = 3": (7, 3.01), "pt2 >= 0": (1, -2.0),
}  # fmt: skip


@pytest.mark.parametrize("rule", FAULTS)
def test_one_percent_of_impossible_values_is_seen_and_named(rule):
    column, value = FAULTS[rule]
    fake = table(3, 2000)
    fake[:20, column] = value
    found = score(table(1, 2000), fake, COLUMNS)
    assert found.value == 0.01
    assert 0 < found.low < 0.01 < found.high
    assert found.detail["rules"][rule] == 0.01
    shares = list(found.detail["rules"].values())
    assert shares == sorted(shares, reverse=True)
    assert found.detail["worst"].endswith(": 0.01")
    assert found.value == pytest.approx(np.mean(found.replicates))


def test_values_that_are_not_numbers_break_the_rules_of_their_column():
    fake = table(3, 100)
    fake[:5, 3], fake[5:9, 1] = np.nan, np.inf
    assert score(table(1, 2000), fake, COLUMNS).value == 0.09


def test_single_precision_breaks_no_rule_and_a_model_that_ignores_integers_does():
    train, fresh = table(1, 2000), table(2, 2000)
    space = VectorSpace.fit(train, COLUMNS)
    there_and_back = space.from_model(space.to_model(fresh, np.random.default_rng(0)))
    assert not np.array_equal(there_and_back[:, 3], fresh[:, 3])
    assert score(train, there_and_back, COLUMNS).value == 0
    noisy = space.to_model(fresh, np.random.default_rng(0)).astype(float)
    noisy[:, 3] += 0.01 * np.random.default_rng(1).standard_normal(2000)
    found = score(train, space.from_model(noisy), COLUMNS)
    assert found.detail["rules"]["hits is an integer"] > 0.95
    assert found.detail["rules"]["code is one of 7, 17, 27"] == 0


def test_large_integers_are_integers_only_as_far_as_single_precision_shows():
    train = np.random.default_rng(1).poisson(1e5, (500, 1)).astype(float)
    assert score(train, train + 0.4).value == 1
    far = np.round(train * 1e4)
    assert score(far, far + 0.4).value == 0, "samples resolve no units of 1 in a spread of 3 million"


def test_equal_columns_are_named_once_and_sums_in_one_way():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 500))
    found = rules(np.column_stack([a, b, a, a + b]))
    assert found == {"x2 = x0", "x3 = x0 + x1"}


def test_orders_that_follow_from_others_or_from_the_ranges_are_left_out():
    rng = np.random.default_rng(1)
    ordered = np.sort(rng.standard_normal((2000, 3)), axis=1)
    assert rules(np.column_stack([ordered, rng.normal(50, 1, 2000)])) == {"x0 <= x1", "x1 <= x2"}


def test_without_rules_or_rows_there_is_no_value_but_a_reason():
    rng = np.random.default_rng(1)
    for found in (
        score(rng.standard_normal((500, 2)), rng.standard_normal((500, 2))),
        score(np.arange(20.0)[:, None], np.arange(20.0)[:, None]),
        constraints(Evidence(RealSide(np.ones((9, 2))), np.ones((9, 2)))),
    ):
        assert found.value is found.low is None
        assert found.warnings


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-250, 1e-20, 1e20, 1e150, 1e250])
def test_any_scale_has_the_same_rules(scale):
    train, fake = table(1, 500)[:, :3], table(2, 500)[:, :3]
    fake[:50, 1] *= -1
    small, large = score(train, fake), score(train * scale, fake * scale)
    assert large.value == small.value == 0.1
    json.dumps([large.params, large.detail], allow_nan=False)


def test_where_all_or_no_samples_break_a_rule_the_interval_is_exact():
    train = table(1, 500)
    none, every = score(train, table(2, 200), COLUMNS), score(train, table(2, 200) + 0.5, COLUMNS)
    assert (none.value, none.low, every.value, every.high) == (0, 0, 1, 1)
    assert (1 - none.high) ** 200 == pytest.approx(0.05)
    assert every.low == pytest.approx(1 - none.high)


def test_it_says_formula_direction_and_unit():
    assert f"{SPEC.better} is better" in constraints.__doc__
    assert (SPEC.unit, SPEC.best, SPEC.needs) == ("share", 0.0, ("samples", "train"))


def test_codes_of_categories_keep_no_rules():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 400)
    train = np.column_stack([codes, np.minimum(codes, 1), codes + 2, rng.normal(size=400)])
    levels = Column("a", kind="category", levels=("x", "y", "z")), Column("b", kind="category", levels=("x", "y"))
    assert rules(train, (*levels, Column("n"), Column("m"))) == {"n is an integer", "n is one of 2, 3, 4"}
    assert "b <= a" in rules(train, tuple(Column(name) for name in "abnm"))
