"""Feature spaces as the core handles them: fitted once on training rows, kept, shared, and refused where they break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import play

from genbench.errors import PluginError
from genbench.protocol import Evidence, RealSide, Score
from genbench.record.store import cell_folder
from genbench.scoring.evaluation import evaluate
from genbench.scoring.feature_spaces import SpaceFactory, Views
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec

RNG = np.random.default_rng(0)


class Halving:
    """Half of each number; counts what is asked of it."""

    fits = transforms = 0

    def fit(self, train, labels, rng) -> None:
        type(self).fits += 1
        self.seen, self.labels, self.draw = train, labels, rng.random()

    def transform(self, rows):
        type(self).transforms += 1
        return rows.reshape(len(rows), -1) / 2

    def state(self):
        return {"draw": np.array(self.draw)}

    def restore(self, state) -> None:
        self.draw = float(state["draw"])


@pytest.fixture(autouse=True)
def _count() -> None:
    Halving.fits = Halving.transforms = 0


def evidence(**fields: Any) -> Evidence:
    known = {"train": RNG.normal(size=(9, 2)), "space": "standardised"}
    return Evidence(RealSide(RNG.normal(size=(8, 2))), RNG.normal(size=(7, 2)), **known | fields)


def test_it_is_fitted_on_the_training_rows_and_its_real_side_is_made_once() -> None:
    views, given = Views({"half": SpaceFactory(Halving)}), evidence(labels_train=np.arange(9))
    first, again = (views.view(given, "half", train=True) for _ in range(2))
    assert Halving.fits == 1
    assert Halving.transforms == 3  # held-out rows, samples, training rows
    assert first.real is again.real
    assert np.array_equal(first.fake, given.fake / 2)
    assert np.array_equal(first.train, given.train / 2)
    assert np.array_equal(first.features.seen, given.train)
    assert np.array_equal(first.features.labels, np.arange(9))
    assert (first.space, first.columns) == ("half", ())
    other = Evidence(given.real, given.fake + 1, train=given.train)
    assert views.view(other, "half").real is first.real
    assert np.array_equal(views.view(other, "half").fake, (given.fake + 1) / 2)
    assert views.view(given, "half").train is None, "no metric asked for them"


def test_without_training_rows_it_is_fitted_on_the_real_ones() -> None:
    given = evidence(train=None)
    assert np.array_equal(Views({"half": SpaceFactory(Halving)}).view(given, "half").features.seen, given.real.rows)


def test_images_keep_their_shape() -> None:
    shape = (1, 2, 3)
    given = evidence(kind="image", train=np.zeros((9, 6)), test_raw=np.zeros((8, *shape)))
    given = Evidence(RealSide(np.zeros((8, 6))), np.ones((7, 6)), kind="image", train=np.zeros((9, 6)),
                     test_raw=given.test_raw)  # fmt: skip
    assert Views({"half": SpaceFactory(Halving)}).view(given, "half").features.seen.shape == (9, *shape)


def test_the_conditions_of_images_follow_their_features_as_they_are() -> None:
    shape, real, fake = (1, 2, 3), RNG.normal(size=(8, 8)), RNG.normal(size=(7, 8))  # six pixels, two conditions
    given = Evidence(RealSide(real), fake, kind="image", test_raw=np.zeros((8, *shape)), condition_scores=2)
    seen = Views({"half": SpaceFactory(Halving)}).view(given, "half")
    for rows, features in ((real, seen.real.rows), (fake, seen.fake)):
        assert np.array_equal(features[:, :6], rows[:, :6] / 2)
        assert np.array_equal(features[:, 6:], rows[:, 6:])
    assert seen.features.seen.shape == (8, *shape), "it is fitted on images alone"


def test_the_raw_numbers_are_a_space() -> None:
    given = evidence(test_raw=np.arange(8.0).reshape(8, 1), fake_raw=np.ones((7, 1)), train_raw=np.zeros((9, 1)))
    seen = Views({}).view(given, "raw")
    assert (seen.real.rows.shape, seen.fake.shape, seen.train.shape) == ((8, 1), (7, 1), (9, 1))
    assert seen.space == "raw"


def test_what_was_fitted_is_kept_for_the_same_space_rows_and_seed(tmp_path: Path) -> None:
    def draw(given: Evidence, identity: str = "half 1") -> float:
        return Views({"half": SpaceFactory(Halving, identity=identity)}, tmp_path).view(given, "half").features.draw

    given = evidence(seed=1)
    first = draw(given)
    assert draw(given) == first
    assert Halving.fits == 1
    others = [draw(evidence(seed=1)), draw(Evidence(given.real, given.fake, train=given.train, seed=2)),
              draw(given, "half 2")]  # fmt: skip
    assert Halving.fits == 4
    assert others[1] != first
    for file in tmp_path.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:50])
    assert draw(given) == first, "a torn file is made again"
    assert Halving.fits == 5


class Broken(Halving):
    def __init__(self, given: Any) -> None:
        self.given = given

    def transform(self, rows):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given(len(rows))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (ZeroDivisionError("by nought"), "by nought"),
        (lambda n: np.zeros(n), "transform gave shape"),
        (lambda n: np.zeros((n - 1, 2)), "transform gave shape"),
        (lambda n: np.full((n, 2), np.nan), "features not finite"),
    ],
)
def test_a_broken_space_costs_its_own_scores_and_no_other(given: Any, reason: str, capsys) -> None:
    spec = MetricSpec("mean", "a:b", None, "m")
    scorers = [Scorer(spec, lambda e: Score(float(e.fake.mean())), None, space) for space in ("", "half", "")]
    found = evaluate(evidence(), scorers, views=Views({"half": SpaceFactory(lambda: Broken(given))}))
    assert [score["value"] is None for score in found] == [False, True, False]
    assert reason in found[1]["warnings"][0]
    assert [score["label"] for score in found] == ["mean", "mean@half", "mean"]
    assert found[1]["space"] == "half"


def test_a_space_that_needs_labels_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    views = Views({"half": SpaceFactory(Halving, ("labels",))})
    with pytest.raises(PluginError, match="needs labels of the training rows"):
        views.view(evidence(), "half")
    assert capsys.readouterr().err == "", "nobody's fault: no traceback"


def test_a_new_space_scores_old_samples(tmp_path: Path) -> None:
    first = play(tmp_path, models="exact", metrics="gap")["exact"]
    file = cell_folder(tmp_path / "run", first["key"]) / "samples.npz"
    before = file.stat().st_mtime_ns
    again = play(tmp_path, models="exact", metrics="gap,gap@pca,gap@raw")["exact"]
    assert file.stat().st_mtime_ns == before, "nothing was trained again"
    assert set(again["metrics"]) == {"gap", "gap@pca", "gap@raw"}
    scores = {score["label"]: score for score in again["scores"]}
    assert [score["space"] for score in scores.values()] == ["standardised", "pca", "raw"]
    assert len({score["value"] for score in scores.values()}) == 3
    assert all(score["floor"] is not None for score in scores.values())
    assert len(list((tmp_path / "run" / "spaces").glob("*.npz"))) == 1, "all models share what was fitted"
