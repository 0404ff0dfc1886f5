"""Scores of reconstructions, of noise removed, and of anomalies found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from evidences import evidence
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from genbench.protocol import HeldOutTasks
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench_tasks import AUCConfig, SICConfig
from genbench_tasks import genbench_register as register
from genbench_tasks.anomaly import anomaly_auc, anomaly_sic
from genbench_tasks.reconstruction import denoising, reconstruction

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(500, 6)) * np.arange(1, 7)


def of(tasks: HeldOutTasks | None):
    return evidence(tasks=tasks)


def scored(rows, outliers, name: str = "density"):
    return of(HeldOutTasks(np.zeros((len(rows), 2)), anomaly={name: (rows, outliers)}))


# ------------------------------------------------------------------------------------------------------- reconstruction


def test_the_error_is_relative_to_that_of_the_mean_row() -> None:
    mean = np.broadcast_to(ROWS.mean(0), ROWS.shape)
    assert reconstruction(of(HeldOutTasks(ROWS, reconstruction=mean))).value == pytest.approx(1)
    assert reconstruction(of(HeldOutTasks(ROWS, reconstruction=ROWS))).value == 0
    half = reconstruction(of(HeldOutTasks(ROWS, reconstruction=(ROWS + mean) / 2)))
    assert half.value == pytest.approx(0.5)
    assert half.detail["explained_variance"] == pytest.approx(0.75)


def test_images_are_compared_pixel_by_pixel() -> None:
    images = ROWS.reshape(500, 1, 2, 3)
    one = reconstruction(of(HeldOutTasks(images, reconstruction=0.9 * images)))
    assert one.value == pytest.approx(reconstruction(of(HeldOutTasks(ROWS, reconstruction=0.9 * ROWS))).value)


@pytest.mark.parametrize(("codes", "warned"), [(2, False), (6, True), (9, True)])
def test_codes_of_other_dimensions_are_another_quantity(codes: int, warned: bool) -> None:
    found = reconstruction(of(HeldOutTasks(ROWS, reconstruction=0.9 * ROWS, codes=np.zeros((500, codes)))))
    assert found.params["quantity"] == f"codes of {codes} dimensions"
    assert any("compress none" in text for text in found.warnings) == warned


def test_a_gain_of_three_decibels_is_half_of_the_squared_error() -> None:
    noise = RNG.normal(size=ROWS.shape)
    tasks = HeldOutTasks(ROWS, noise=1.0, noisy=ROWS + noise, denoised=ROWS + noise / math.sqrt(2))
    assert denoising(of(tasks)).value == pytest.approx(10 * math.log10(2))
    assert denoising(of(replace(tasks, denoised=tasks.noisy))).value == pytest.approx(0)
    assert denoising(of(replace(tasks, denoised=ROWS + 2 * noise))).value < 0
    assert denoising(of(replace(tasks, denoised=ROWS))).value is None


def test_the_linear_filter_is_the_best_of_a_gaussian() -> None:
    rows = np.random.default_rng(1).normal(size=(20_000, 3)) * [0.2, 1.0, 3.0]
    noise = 0.5 * np.random.default_rng(2).normal(size=rows.shape)
    variance = rows.var(0)
    filtered = (rows + noise) * variance / (variance + 0.25)
    found = denoising(of(HeldOutTasks(rows, noise=0.5, noisy=rows + noise, denoised=filtered)))
    assert found.value == pytest.approx(found.detail["linear_filter"], abs=0.05)
    assert found.value > 1


@pytest.mark.parametrize("metric", [reconstruction, denoising])
def test_intervals_hold_the_value_of_many_rows(metric) -> None:
    def draw(rng, n):
        rows = rng.standard_t(5, size=(n, 3))
        noise = 0.5 * rng.normal(size=rows.shape)
        return HeldOutTasks(
            rows, reconstruction=0.8 * rows, noise=0.5, noisy=rows + noise, denoised=0.9 * rows + 0.6 * noise
        )

    truth = metric(of(draw(np.random.default_rng(0), 400_000))).value
    found = [metric(of(draw(np.random.default_rng([1, i]), 300))) for i in range(200)]
    covered = np.mean([score.low <= truth <= score.high for score in found])
    assert 0.88 <= covered <= 0.995
    assert len(found[0].replicates) == 20


# ------------------------------------------------------------------------------------------------------------ anomalies


def test_the_area_is_that_of_the_roc_curve_with_ties() -> None:
    rows, outliers = RNG.integers(0, 20, 300).astype(float), RNG.integers(5, 25, 100).astype(float)
    truth = np.repeat([0, 1], [300, 100])
    found = anomaly_auc(scored(rows, outliers), AUCConfig())
    assert found.value == pytest.approx(roc_auc_score(truth, np.concatenate([rows, outliers])))
    assert anomaly_auc(scored(outliers, rows), AUCConfig()).value == pytest.approx(1 - found.value)
    assert found.params["score"] == "density"
    assert found.n_real == 300


def test_infinite_scores_are_the_most_anomalous_and_nan_is_none() -> None:
    rows = RNG.normal(size=100)
    assert anomaly_auc(scored(rows, np.full(50, np.inf)), AUCConfig()).value == 1
    broken = anomaly_auc(scored(rows, np.full(50, np.nan)), AUCConfig())
    assert broken.value is None
    assert "50 scores are not numbers" in broken.warnings[0]


def test_the_interval_of_the_area_holds_the_true_area() -> None:
    truth, covered = norm.cdf(1 / math.sqrt(2)), 0
    for seed in range(300):
        rng = np.random.default_rng([2, seed])
        found = anomaly_auc(scored(rng.normal(size=200), rng.normal(1, 1, 80)), AUCConfig())
        covered += found.low <= truth <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_the_improvement_is_the_largest_over_cuts_that_enough_rows_pass() -> None:
    rows, outliers = RNG.normal(size=400), RNG.normal(2, 1, 150)
    found = anomaly_sic(scored(rows, outliers), SICConfig())
    cuts = [cut for cut in np.concatenate([rows, outliers]) if (rows >= cut).sum() >= 25]
    assert found.value == pytest.approx(max((outliers >= cut).mean() / np.sqrt((rows >= cut).mean()) for cut in cuts))
    assert found.detail["fpr"] >= 25 / 400
    assert found.low < found.value < found.high <= 2 * found.detail["largest_possible"]
    far = anomaly_sic(scored(rows, outliers + 100), SICConfig())
    assert far.value == pytest.approx(math.sqrt(400 / 25))  # and not infinite, as without a least background
    assert anomaly_sic(scored(rows, outliers - 100), SICConfig()).value == pytest.approx(1)  # no cut
    assert anomaly_sic(scored(rows[:20], outliers), SICConfig()).value is None


@pytest.mark.parametrize(("metric", "config"), [(anomaly_auc, AUCConfig), (anomaly_sic, SICConfig)])
def test_each_score_goes_by_its_own_name(metric, config) -> None:
    rows = np.linspace(0, 1, 100)
    everything = {"anomaly_score": (rows, rows + 5), "density": (rows, rows), "reconstruction": (rows, rows - 5)}
    tasks = HeldOutTasks(np.zeros((100, 2)), anomaly=everything)
    found = {by: metric(of(tasks), config(by=by)) for by in (None, *everything)}
    assert {by: score.params["score"] for by, score in found.items()} == {None: "anomaly_score"} | {
        n: n for n in everything
    }
    assert len({score.params["quantity"] for score in found.values()}) == 3
    assert found["anomaly_score"].value > found["density"].value > found["reconstruction"].value - 1e-9
    fewer = metric(of(replace(tasks, anomaly={"reconstruction": (rows, rows + 5)})), config())
    assert fewer.params["score"] == "reconstruction"


def test_the_detail_has_the_area_by_each_score() -> None:
    rows = np.linspace(0, 1, 100)
    tasks = HeldOutTasks(rows[:, None], anomaly={"density": (rows, rows + 5), "reconstruction": (rows, rows)})
    assert anomaly_auc(of(tasks), AUCConfig()).detail["by"] == {"density": 1.0, "reconstruction": 0.5}


# ----------------------------------------------------------------------------------------------- what a model cannot do


def of_spec(spec, tasks: HeldOutTasks | None):
    config = None if spec.config is None else spec.config()
    targets = {"reconstruction": reconstruction, "denoising": denoising}
    function = targets.get(spec.name, anomaly_auc if spec.name == "anomaly_auc" else anomaly_sic)
    return evaluate(of(tasks), [Scorer(spec, function, config)])[0]


@pytest.mark.parametrize("spec", register(), ids=lambda spec: spec.name)
def test_what_a_model_cannot_do_has_no_value_and_a_reason(spec) -> None:
    nothing = of_spec(spec, None)
    assert nothing["value"] is None
    assert "the model has no" in nothing["warnings"][0]
    failed = of_spec(spec, HeldOutTasks(ROWS, problems={"reconstruct": "ValueError: no weights"}))
    assert failed["value"] is None
    assert "reconstruct failed: ValueError: no weights" in failed["warnings"][0]


@pytest.mark.parametrize("by", ["density", "reconstruction"])
def test_a_score_that_is_missing_says_why(by: str) -> None:
    rows = np.linspace(0, 1, 50)
    tasks = HeldOutTasks(rows[:, None], anomaly={"anomaly_score": (rows, rows)}, problems={"log_prob": "Invalid: nan"})
    found = anomaly_auc(of(tasks), AUCConfig(by=by))
    assert found.value is None
    assert "log_prob failed: Invalid: nan" in found.warnings[0]


def test_options_out_of_range_are_refused() -> None:
    for config, options in (
        (AUCConfig, {"by": "energy"}),
        (SICConfig, {"by": "energy"}),
        (SICConfig, {"background": 0}),
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            config(**options)
