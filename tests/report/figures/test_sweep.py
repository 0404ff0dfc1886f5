"""The figure of scores against an option: its lines, its floor and its axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import record, score

from genbench.errors import DataError, UnknownName
from genbench.report.figures.draw import draw, results_by_dataset

KL = {2: 0.01, 8: 0.2, 32: 3.0, 128: 24.0}


def records(kl=KL, floor=0.0):
    return [
        record(model, seed, [score("kl", value * (model != "real") + floor, low=value / 2, high=value * 2),
                             score("coverage", 0.9 - 0.001 * dim, better="higher")],
               dataset="gaussian", dataset_label=f"gaussian[dim={dim}]", dataset_config={"dim": dim})
        for dim, value in kl.items()
        for model in ("kde", "real")
        for seed in range(2)
    ]  # fmt: skip


def results(cells):
    (found,) = results_by_dataset(cells, all_options=True)
    return found


def lines(axes):
    return {line.get_label(): np.array(line.get_data()).T for line in axes.get_lines()}


def test_each_model_is_a_line_and_real_data_are_the_floor() -> None:
    kl, coverage = draw("sweep", results(records())).axes
    assert lines(kl)["kde"].tolist() == [[dim, pytest.approx(value)] for dim, value in KL.items()]
    assert set(lines(coverage)) == {"kde", "real"}
    assert lines(coverage)["real"][:, 1].tolist() == pytest.approx([0.9 - 0.001 * dim for dim in KL])


def test_axes_are_logarithmic_where_values_span_decades() -> None:
    kl, coverage = draw("sweep", results(records())).axes
    assert (kl.get_xscale(), kl.get_yscale()) == ("log", "log")
    assert coverage.get_yscale() == "linear"
    narrow = draw("sweep", results(records({2: 0.1, 4: 0.2, 8: 0.3}))).axes[0]
    assert (narrow.get_xscale(), narrow.get_yscale()) == ("linear", "linear")
    around_zero = draw("sweep", results(records({2: -0.01, 8: 0.2, 32: 9.0}))).axes[0]
    assert around_zero.get_yscale() == "symlog"


def test_intervals_are_drawn_and_clipped_on_a_logarithmic_axis() -> None:
    axes = draw("sweep", results(records())).axes[0]
    bands = [band.get_paths()[0].vertices for band in axes.collections if hasattr(band, "get_paths")]
    assert all(np.isfinite(band).all() for band in bands)
    assert all((band[:, 1] > 0).all() for band in bands if len(band))


def test_a_model_without_the_option_is_a_level() -> None:
    cells = [
        record(
            "vae", 0, [score("energy", 1.0 / latent)], label=f"vae[latent={latent}]", model_config={"latent": latent}
        )
        for latent in (1, 2, 4)
    ]
    axes = draw("sweep", results([*cells, record("kde", 0, [score("energy", 0.5)])])).axes[0]
    assert lines(axes)["vae"][:, 0].tolist() == [1, 2, 4]
    assert lines(axes)["kde"][:, 1].tolist() == [0.5, 0.5, 0.5]


def test_option_and_metrics_are_those_asked_for() -> None:
    chosen = replace(results(records()), metrics=("coverage",))
    [axes] = draw("sweep", chosen).axes
    assert axes.get_title(loc="left").startswith("coverage")
    with pytest.raises(UnknownName, match="known: dim"):
        draw("sweep", replace(results(records()), option="width"))


def test_without_a_sweep_there_is_no_figure() -> None:
    with pytest.raises(DataError, match="no numeric option has several values"):
        draw("sweep", results(records({2: 0.1})))
