"""Histograms of columns and observables."""

from dataclasses import replace

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Column
from genbench.report.figures.draw import draw
from genbench.report.figures.marginals import quantities_of


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


def test_observables_are_shown_after_columns_and_a_model_they_cannot_digest_is_left_out() -> None:
    def observables(rows):
        if len(rows) < 10:
            raise ValueError("too few")
        return {"sum": rows.sum(1), "x": rows[:, 0]}

    data = table(columns=(Column("x"), Column("y", unit="GeV"), Column("z")), observables=observables)
    shown = subject_with(data, {"good": data.test + 1, "few": data.test[:5]}).seed_samples
    found = quantities_of(shown)
    assert [(q.name, q.unit) for q in found] == [("x", ""), ("y", "GeV"), ("z", ""), ("sum", "")]
    assert set(found[-1].samples) == {"good", "real"}
    assert np.allclose(found[-1].samples["good"], data.test.sum(1) + 3)


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
