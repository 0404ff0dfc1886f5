"""Scores of any samples: arrays or files, no model needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import genbench
from genbench.errors import UserError


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 3, (400, 2)) for name in ("real", "fake", "train", "reference")}


def by_metric(scores: list[dict]) -> dict[str, dict]:
    return {score["metric"]: score for score in scores}


def test_arrays_and_files_score_alike(rows: dict[str, np.ndarray], tmp_path: Path) -> None:
    metrics = ["energy", "wasserstein"] if "wasserstein" in _metrics() else ["energy"]
    from_arrays = genbench.score(**rows, metrics=metrics)
    paths = {}
    for name, values in rows.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], values)
    from_files = genbench.score(**paths, metrics=metrics)
    assert [s["metric"] for s in from_arrays] == metrics
    for a, b in zip(from_arrays, from_files, strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}
        assert (a["n_real"], a["n_fake"], a["space"]) == (400, 400, "standardised")
        assert a["floor"] is not None


def _metrics() -> set[str]:
    from genbench.registry.registry import Registry

    return set(Registry.discover().metrics)


def test_standardised_scores_do_not_depend_on_the_units_and_raw_ones_do(rows: dict[str, np.ndarray]) -> None:
    larger = {name: 10 * values + 5 for name, values in rows.items()}

    def energy(given: dict[str, np.ndarray], space: str) -> float:
        return by_metric(genbench.score(**given, metrics="energy", space=space))["energy"]["value"]

    assert energy(larger, "standardised") == pytest.approx(energy(rows, "standardised"), rel=1e-9)
    assert energy(larger, "raw") == pytest.approx(10 * energy(rows, "raw"), rel=1e-9)


def test_worse_samples_score_worse_than_the_floor(rows: dict[str, np.ndarray]) -> None:
    [good] = genbench.score(**rows, metrics="energy")
    [bad] = genbench.score(**rows | {"fake": rows["fake"] + 2}, metrics="energy")
    assert bad["value"] > good["value"]
    assert bad["floor"] == good["floor"]
    assert bad["value"] > 5 * bad["floor"]


def test_all_metrics_are_those_that_samples_suffice_for(rows: dict[str, np.ndarray]) -> None:
    scores = by_metric(genbench.score(real=rows["real"], fake=rows["fake"]))
    assert "energy" in scores
    assert "nll" not in scores
    assert all(score["value"] is not None for score in scores.values()), scores


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": "rw"}, "space rw: expected one of"),
        ({"metrics": "enrgy"}, "did you mean 'energy'"),
        ({"fake": np.zeros((10, 3))}, "fake"),
        ({"fake": np.full((10, 2), np.nan)}, "fake"),
        ({"real": np.zeros((0, 2))}, "real"),
        ({"real": "absent.npy"}, r"absent\.npy"),
        ({"settings": {"energy.nothing": 1}}, "energy"),
        ({"fake": None}, "fake is None: expected an array"),
        ({"seed": -1}, "seed -1: expected at least 0"),
    ],
)
def test_samples_that_cannot_be_scored_are_refused(rows: dict[str, np.ndarray], change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        genbench.score(**{"real": rows["real"], "fake": rows["fake"], "metrics": "energy"} | change)


def test_rows_of_arrays_that_hold_no_number_are_left_out_where_that_is_asked(rows: dict[str, np.ndarray]) -> None:
    rows["fake"][[3, 9], 0] = np.nan, np.inf
    [score] = genbench.score(**rows, metrics="energy", data_options={"na": "drop"})
    assert score["n_fake"] == 398
    assert any(text.startswith("--fake: dropped 2 of 400 rows") for text in score["warnings"])


def test_files_with_weights_are_scored_as_their_weighted_law(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6000, 2))
    weights = np.exp(0.7 * x[:, 0]) * np.where(rng.random(6000) < 0.1, -1, 1)
    np.savez(tmp_path / "real.npz", data=x, w=weights)
    shifted = rng.normal((0.7, 0.0), 1.0, (1500, 2))  # the law of the weighted rows
    np.save(tmp_path / "right.npy", shifted)
    np.save(tmp_path / "wrong.npy", rng.normal(size=(1500, 2)))
    options = {"data_options": {"weights": "w"}, "metrics": ["energy"]}
    z = {}
    for name in ("right", "wrong"):
        [score] = genbench.score(real=tmp_path / "real.npz", fake=tmp_path / f"{name}.npy", **options)
        z[name] = score["z"]
        assert score["n_real"] < 3000
        assert any("drawn by weight" in text for text in score["warnings"])
        assert any("has no column 'w' of weights" in text for text in score["warnings"])
    assert abs(z["right"]) < 2 < 4 < z["wrong"]


def test_real_rows_without_the_column_of_weights_are_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    np.save(tmp_path / "real.npy", rows)
    with pytest.raises(UserError, match="--weights: no column 'w'"):
        genbench.score(real=tmp_path / "real.npy", fake=tmp_path / "real.npy", data_options={"weights": "w"})
