"""The figure of conditions: what it draws, and for which data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictured import subject_with, table

from genbench.errors import DataError
from genbench.protocol import Column, Data
from genbench.report.figures.conditions import profile
from genbench.report.figures.draw import draw


def conditional(columns: tuple[Column, ...], given: np.ndarray, data: Data) -> Data:
    return replace(data, conditions=dict.fromkeys(("train", "test", "reference"), given), condition_columns=columns)


def test_a_profile_is_mean_and_spread_in_each_bin() -> None:
    rng = np.random.default_rng(0)
    given = rng.uniform(0, 4, 40_000)
    rows = np.stack([2 * np.floor(given) + rng.normal(size=40_000), rng.normal(size=40_000) * given], axis=1)
    mean, spread = profile(rows, given, np.arange(5.0))
    np.testing.assert_allclose(mean[:, 0], [0, 2, 4, 6], atol=0.05)
    np.testing.assert_allclose(spread[:, 0], 1, atol=0.05)
    assert (np.diff(spread[:, 1]) > 0.8).all()


def test_an_empty_bin_has_no_profile() -> None:
    mean, _ = profile(np.ones((10, 1)), np.full(10, 0.5), np.arange(3.0))
    assert mean[0] == 1
    assert np.isnan(mean[1]).all()


@pytest.mark.parametrize("fault", [lambda rows: rows + 1, lambda rows: rows * 2])
def test_the_columns_that_deviate_most_in_models_are_drawn(fault) -> None:
    data = table(d=9)
    energy = np.exp(np.random.default_rng(0).uniform(0, 4, (len(data.test), 1)))
    data = conditional((Column("energy", unit="GeV", log=True),), energy, data)
    wrong = data.test.copy()
    wrong[:, 7] = fault(wrong[:, 7])
    figure = draw("conditions", subject_with(data, {"wrong": wrong}))
    assert len(figure.axes) == 4
    assert "x7" in [axes.get_ylabel() for axes in figure.axes]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert {axes.get_xlabel() for axes in figure.axes} == {"energy [GeV]"}


def test_samples_of_another_condition_are_drawn_apart_from_real_rows() -> None:
    data = table(d=1)
    given = np.random.default_rng(0).uniform(-1, 1, (len(data.test), 1))
    data = replace(conditional((Column("theta"),), given, data), test=5 * given, reference=5 * given)
    [axes] = draw("conditions", subject_with(data, {"deaf": 5 * given[::-1]})).axes
    real, deaf = (line.get_ydata() for line in axes.lines[:2])
    assert np.ptp(real) > 8
    assert np.ptp(deaf) < 2


def test_images_stand_in_the_row_of_their_class() -> None:
    codes = np.arange(60.0)[:, None] % 2
    images = ((codes + 1)[:, :, None, None] * np.ones((60, 1, 2, 2))).astype(np.uint8)
    data = Data(images, images, images, levels=3)
    data = conditional((Column("label", kind="category", levels=("a", "b")),), codes, data)
    figure = draw("conditions", subject_with(data, {"right": images, "exchanged": images[::-1]}))
    real, right, exchanged = (np.asarray(axes.images[0].get_array().filled(np.nan)) for axes in figure.axes)
    assert np.nanmax(real[:2]) == np.nanmin(real[:2]) == 1
    assert np.nanmax(real[3:]) == np.nanmin(real[3:]) == 2
    np.testing.assert_array_equal(right, real)
    assert np.nanmin(exchanged[:2]) == 2


def test_many_models_stand_in_several_rows() -> None:
    codes = np.arange(60.0)[:, None] % 2
    images = np.ones((60, 1, 2, 2), np.uint8)
    data = Data(images, images, images, levels=3)
    data = conditional((Column("label", kind="category", levels=("a", "b")),), codes, data)
    figure = draw("conditions", subject_with(data, {f"m{i}": images for i in range(8)}))
    places = [axes.get_position() for axes in figure.axes]
    assert len(places) == 9
    assert len({round(place.x0, 3) for place in places}) == 5
    assert places[0].y0 > places[5].y1
    assert [text.get_text() for text in figure.axes[5].texts] == ["a", "b"]


def test_images_stand_in_the_row_of_their_bin_of_a_number() -> None:
    given = np.random.default_rng(0).permutation(np.arange(600.0))[:, None]
    images = (given[:, :, None, None] * np.ones((600, 1, 2, 2))).astype(np.float32)
    data = conditional((Column("theta", unit="K"),), given, Data(images, images, images))
    figure = draw("conditions", subject_with(data, {"right": images, "deaf": images[::-1].copy()}))
    real, right, deaf = (np.asarray(axes.images[0].get_array().filled(np.nan)) for axes in figure.axes)
    for k in range(6):  # a bin is 100 wide
        rows = real[3 * k : 3 * k + 2]
        assert 100 * k - 1 <= np.nanmin(rows) <= np.nanmax(rows) < 100 * (k + 1)
    np.testing.assert_array_equal(right, real)
    assert np.nanmax(deaf[:2]) > 100
    texts = [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)]
    assert texts[0] == "theta [K]"
    assert texts[1:3] == ["0 to 99.8", "99.8 to 200"]


def test_it_does_not_apply_without_conditions() -> None:
    with pytest.raises(DataError, match="rows are drawn without conditions"):
        draw("conditions", subject_with(table(), {"a": table().test}))
