"""Floors: fresh real rows against held-out ones at the sizes that are compared, and how much that varies."""

from __future__ import annotations

import numpy as np
import pytest

import genbench
from genbench.protocol import Evidence, RealSide, Score
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import Views
from genbench.scoring.floors import add_floor_spread, floors_of
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec

RNG = np.random.default_rng(0)


def shift(evidence: Evidence) -> Score:
    gap = float(evidence.fake.mean() - evidence.real.rows.mean())
    return Score(gap, n_real=len(evidence.real.rows), n_fake=len(evidence.fake))


SHIFT = Scorer(MetricSpec("shift", shift, None, "distance of the means"), shift)


def given(n: int = 400, m: int = 300, offset: float = 0.0) -> Evidence:
    return Evidence(RealSide(RNG.normal(size=(n, 1))), RNG.normal(offset, size=(m, 1)))


def as_samples(evidence: Evidence, rows: np.ndarray) -> Evidence:
    return Evidence(evidence.real, rows)


@pytest.mark.parametrize(("fresh", "floor_n", "like_n"), [(300, 300, None), (500, 300, None), (100, 100, 100)])
def test_a_floor_is_never_of_other_sizes_than_what_is_compared(fresh: int, floor_n: int, like_n: int | None) -> None:
    evidence = given()
    floors = floors_of(evidence, as_samples(evidence, RNG.normal(size=(fresh, 1))), [SHIFT], Views({}))
    assert floors is not None
    assert (floors.source, floors.scores["shift"]["n_fake"]) == ("reference", floor_n)
    assert (None if floors.like is None else floors.like["shift"]["n_fake"]) == like_n


def test_without_more_real_rows_random_halves_give_the_floor() -> None:
    evidence = given(400, 300)
    floors = floors_of(evidence, None, [SHIFT], Views({}))
    assert floors is not None
    assert floors.source == "random halves of the real rows"
    assert floors.like is not None
    for scores in (floors.scores, floors.like):
        assert (scores["shift"]["n_real"], scores["shift"]["n_fake"]) == (200, 200)
    assert floors_of(given(3), None, [SHIFT], Views({})) is None
    again = floors_of(evidence, None, [SHIFT], Views({}))
    assert again is not None
    assert again.scores["shift"]["value"] == floors.scores["shift"]["value"]


def test_a_metric_without_an_interval_gets_its_spread_from_splits() -> None:
    evidence = given(400, 400)
    [score] = add_floor_spread(evidence, [SHIFT], evaluate(evidence, [SHIFT]), Views({}))
    assert score["floor_sd"] == pytest.approx(np.sqrt(2 / 400), rel=0.6)
    sure = Scorer(SHIFT.spec, lambda _: Score(0.0, low=-1.96, high=1.96))
    [score] = add_floor_spread(evidence, [sure], evaluate(evidence, [sure]), Views({}))
    assert score["floor_sd"] == pytest.approx(1.0)


BESIDE = (("test_raw", "fake_raw"), ("truth_test", "truth_fake"), ("labels_test", "labels_fake"),
          ("conditions_test", "conditions_fake"))  # fmt: skip


def apart(evidence: Evidence) -> Score:
    """The largest difference of a row and what stands beside it, which are equal numbers in these tests."""
    sides = (evidence.real.rows, evidence.fake)
    named = [(getattr(evidence, name), rows) for names in BESIDE for name, rows in zip(names, sides, strict=True)]
    named += [(each["x"], rows) for each, rows in ((evidence.observables_test, sides[0]),
                                                  (evidence.observables_fake, sides[1]))]  # fmt: skip
    assert all(len(each) == len(rows) for each, rows in named)
    return Score(float(max(np.abs(np.reshape(each, (-1, 1)) - rows).max() for each, rows in named)))


@pytest.mark.parametrize("fresh", [None, 40, 60, 90])
def test_whatever_stands_beside_a_row_goes_with_it_into_halves_parts_and_splits(fresh: int | None) -> None:
    rows = RNG.permutation(400).astype(float)[:, None]

    def beside(real: np.ndarray, fake: np.ndarray) -> Evidence:
        fields = {name: side.copy() for names in BESIDE for name, side in zip(names, (real, fake), strict=True)}
        fields |= {"observables_test": {"x": real[:, 0]}, "observables_fake": {"x": fake[:, 0]}}
        return Evidence(RealSide(real), fake, **fields)

    evidence = beside(rows[:100], rows[100:160])
    reference = None if fresh is None else beside(rows[:100], rows[160 : 160 + fresh])
    metric = Scorer(MetricSpec("apart", apart, None, "of rows and what stands beside them"), apart)
    floors = floors_of(evidence, reference, [metric], Views({}))
    assert floors is not None
    for scores in (floors.scores, floors.like or {}):
        assert all(score["value"] == 0 for score in scores.values()), scores
    assert floors.scores["apart"]["floor_sd"] == 0, "in no split either"


def test_z_is_that_of_a_normal_number_where_both_are_real() -> None:
    zs = []
    for _ in range(60):
        evidence = given(200, 200)
        floors = floors_of(evidence, as_samples(evidence, RNG.normal(size=(200, 1))), [SHIFT], Views({}))
        zs.append(evaluate(evidence, [SHIFT], floors)[0]["z"])
    # the value itself has no interval, and the spread of the floor is that of 8 splits
    assert 0.5 < np.std(zs) < 1.6
    assert np.mean(np.abs(zs) > 3) <= 0.1


def test_z_is_that_of_a_normal_number_for_metrics_with_replicates() -> None:
    names, zs = ("membership", "duplicates", "ct", "separation"), []
    for seed in range(40):
        rng = np.random.default_rng([7, seed])
        rows = {name: np.round(rng.normal(size=(200, 2)), 1) for name in ("real", "train", "reference", "fake")}
        scores = genbench.score(**rows, metrics=",".join(names))
        zs.append([score["z"] for score in scores])
        assert not any(score["copying"] for score in scores)
    spread = dict(zip(names, np.std(zs, axis=0), strict=True))
    assert all(0.6 < each < 1.5 for each in spread.values()), spread
    assert np.abs(zs).max() < 4


def test_a_shift_is_seen_and_only_copies_are_marked_as_copying() -> None:
    rng = np.random.default_rng(1)
    real, train, fresh = (rng.normal(size=(500, 2)) for _ in range(3))
    samples = {
        "alike": rng.normal(size=(500, 2)),
        "shifted": rng.normal(0.5, size=(500, 2)),
        "narrow": rng.normal(0, 0.6, size=(500, 2)),
        "wide": rng.normal(0, 2, size=(500, 2)),
        "copies": train,
        "near copies": train + rng.normal(0, 0.005, size=(500, 2)),
        "some copies": np.concatenate([train[:150], rng.normal(size=(350, 2))]),
    }
    names = ("energy", "ct", "authenticity", "duplicates", "membership")
    for reference in (fresh, None):
        found = {
            name: {
                s["metric"]: s
                for s in genbench.score(fake=fake, reference=reference, real=real, train=train, metrics=",".join(names))
            }
            for name, fake in samples.items()
        }
        assert abs(found["alike"]["energy"]["z"]) < 4
        assert found["shifted"]["energy"]["z"] > 3
        assert found["narrow"]["ct"]["z"] < -2.5, "narrow samples are near training rows, as copies are"
        copying = {(name, m) for name, scores in found.items() for m in names if scores[m]["copying"]}
        assert copying >= {
            ("copies", "duplicates"), ("copies", "membership"), ("near copies", "membership"),
            ("some copies", "duplicates"),
        }  # fmt: skip
        assert copying <= {(name, m) for name in samples for m in names if "copies" in name}
        assert not any(scores[m]["suspect"] for scores in found.values() for m in names[1:])


def test_repeats_that_discrete_rows_have_anyway_are_no_copies() -> None:
    rng = np.random.default_rng(3)

    def rows(n: int = 400) -> np.ndarray:
        return rng.poisson((2.0, 1.0), (n, 2)).astype(float)

    real, train, fresh = rows(), rows(), rows()
    names = ("duplicates", "membership", "authenticity")
    chosen = {"real": real, "train": train, "reference": fresh, "metrics": ",".join(names)}
    for fake in (rows(), rows(900), rows(150)):
        found = {score["metric"]: score for score in genbench.score(fake=fake, **chosen)}
        assert found.keys() == set(names)
        assert not any(score["copying"] or score["suspect"] for score in found.values())
        for name in ("duplicates", "authenticity"):
            assert found[name]["value"] == pytest.approx(found[name]["floor"], abs=0.05)


def test_constant_columns_are_told_with_every_score() -> None:
    rng = np.random.default_rng(2)
    real, fake = (np.c_[rng.normal(size=(60, 2)), np.full(60, 3.0)] for _ in range(2))
    scores = genbench.score(real=real, fake=fake, metrics="energy,coverage")
    assert [score["metric"] for score in scores] == ["energy", "coverage"]
    for score in scores:
        assert np.isfinite(score["value"])
        assert any("is constant" in text for text in score["warnings"])


def test_the_spread_of_a_floor_is_that_of_a_sample_of_draws() -> None:
    values = iter(range(100))
    counting = Scorer(SHIFT.spec, lambda _: Score(float(next(values))))
    evidence = given(40, 40)
    [score] = add_floor_spread(evidence, [counting], evaluate(evidence, [counting]), Views({}))
    assert score["floor_sd"] == pytest.approx(np.std(range(9), ddof=1), rel=1e-12)
