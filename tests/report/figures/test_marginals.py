"""Histograms of columns and observables."""

from dataclasses import replace

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Column
from genbench.report.figures.draw import draw
from genbench.report.figures.marginals import tail_weight


def test_marginals_are_histograms_and_their_ratio_to_real_rows() -> None:
    data = table()
    subject = subject_with(data, {"copy": data.test, "half": data.test[data.test[:, 0] > 0]})
    axes = draw("marginals", subject).axes
    above, below = axes[0], axes[3 if len(axes) == 6 else len(axes) // 2]
    real, copy, half = (patch.get_data() for patch in above.patches)
    assert real.values.sum() == pytest.approx(1, abs=0.01)
    assert np.allclose(copy.values, real.values)
    right = real.edges[:-1] > 0
    assert np.allclose(half.values[right], 2 * real.values[right], rtol=0.1)
    ratio = below.patches[1].get_data().values
    assert np.allclose(ratio[np.isfinite(ratio)], 1)


def test_a_category_has_a_named_bar_for_each_level() -> None:
    data = table()
    rows = data.test.copy()
    rows[:, 0] = np.arange(len(rows)) % 3
    columns = (Column("grade", kind="category", levels=("low", "mid", "high")), *data.columns[1:])
    columns = (
        columns if len(columns) == rows.shape[1] else (columns[0], *(Column(f"x{i}") for i in range(1, rows.shape[1])))
    )
    subject = subject_with(replace(data, test=rows, columns=columns), {"copy": rows})
    axes = draw("marginals", subject).axes
    real = axes[0].patches[0].get_data()
    assert real.edges.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert real.values == pytest.approx(1 / 3, abs=0.01)
    names = [[tick.get_text() for tick in each.get_xticklabels()] for each in axes]
    assert ["low", "mid", "high"] in names


def test_bins_of_integers_hold_equally_many_of_the_values() -> None:
    data = table(n=4000, columns=(Column("mass", kind="integer"), Column("n", kind="integer"), Column("x")))
    data.test[:, 0] = 50 * RNG.integers(60, 130, 4000)  # 70 values in 40 bins would be a comb
    data.test[:, 1] = RNG.integers(2007, 2010, 4000)
    axes = draw("marginals", subject_with(data, {"copy": data.test})).axes
    mass, year = axes[0].patches[0].get_data(), axes[1].patches[0].get_data()
    assert set(np.diff(mass.edges)) == {100}
    assert mass.values.max() < 1.5 * mass.values.mean()
    assert year.edges.tolist() == [2006.5, 2007.5, 2008.5, 2009.5]
    assert all(tick == round(tick) for tick in axes[1].get_xticks())


def test_heights_are_logarithmic_where_there_are_tails_and_values_where_they_span_orders() -> None:
    data = table(n=20_000, columns=(Column("normal"), Column("laplace"), Column("lognormal")))
    data.test[:, 1] = RNG.laplace(size=20_000)
    data.test[:, 2] = np.exp(1.5 * data.test[:, 2])
    axes = draw("marginals", subject_with(data, {"copy": data.test})).axes
    normal, laplace, lognormal = axes[:3]
    assert [each.get_yscale() for each in (normal, laplace, lognormal)] == ["linear", "log", "linear"]
    assert [each.get_xscale() for each in (normal, laplace, lognormal)] == ["linear", "linear", "log"]
    real, copy = (patch.get_data() for patch in laplace.patches)
    assert real.values.min() >= 0.5 / 20_000, "an empty bin is drawn at the lower end of the axis"
    assert np.allclose(real.values, copy.values)
    assert laplace.get_ylim()[0] == real.baseline == 0.5 / 20_000


def test_the_weight_of_tails_is_that_of_the_distribution() -> None:
    n = 400_000
    assert tail_weight(RNG.normal(size=n)) == pytest.approx(4.88, rel=0.05)
    assert tail_weight(RNG.exponential(size=n)) == pytest.approx(6.92, rel=0.1)
    assert tail_weight(np.zeros(5)) == tail_weight(np.empty(0)) == 0
    assert tail_weight(np.r_[np.zeros(90), np.arange(10)]) == np.inf


def test_of_many_columns_those_that_deviate_are_shown() -> None:
    data = table(d=20)
    wrong = data.test.copy()
    wrong[:, 17] += 1
    shown = [each.get_title(loc="left") for each in draw("marginals", subject_with(data, {"wrong": wrong})).axes]
    assert "x17" in shown
    assert sum(bool(title) for title in shown) == 12
