"""Scores of any samples: arrays or files, no model needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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
    from_objects = genbench.score(**rows, metrics=metrics)
    paths = {}
    for name, values in rows.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], values)
    from_files = genbench.score(**paths, metrics=metrics)
    assert [s["metric"] for s in from_objects] == metrics
    for a, b in zip(from_objects, from_files, strict=True):
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


def conditional(n: int, seed: int, *, ignored: bool = False) -> dict[str, np.ndarray]:
    """Rows (n, 2) that follow a label and an energy, or a model's that ignores them."""
    rng = np.random.default_rng(seed)
    label, energy = rng.integers(0, 3, n), rng.lognormal(3, 0.5, n)
    of = rng.permutation(n) if ignored else np.arange(n)
    rows = np.stack([3 * label[of] + rng.normal(size=n), np.log(energy[of]) + 0.2 * rng.normal(size=n)], axis=1)
    return {"x": rows[:, 0], "y": rows[:, 1], "label": np.array(["muon", "electron", "pion"])[label], "energy": energy}


def test_samples_are_scored_on_their_joint_rows_with_conditions() -> None:
    files = {name: conditional(1500, i) for i, name in enumerate(("real", "train", "reference"))}
    good, bad = conditional(1500, 7), conditional(1500, 7, ignored=True)
    chosen: dict[str, Any] = {"metrics": "energy,energy_by_condition,class_accuracy"}
    options = {"given": ("label",), "columns": ("x", "y")}
    found = {
        name: by_metric(genbench.score(**files, fake=fake, data_options=options, **chosen))
        for name, fake in (("good", good), ("bad", bad))
    }
    assert set(found["good"]) == {"energy", "energy_by_condition", "class_accuracy"}
    assert abs(found["good"]["energy"]["z"]) < 3 < 5 < found["bad"]["energy"]["z"]
    assert set(found["bad"]["energy_by_condition"]["detail"]["by_condition"]) == {
        "label=electron", "label=muon", "label=pion",
    }  # fmt: skip
    assert found["good"]["energy_by_condition"]["value"] < 0.05 < 0.3 < found["bad"]["energy_by_condition"]["value"]
    assert found["good"]["class_accuracy"]["value"] > 0.8
    assert found["bad"]["class_accuracy"]["value"] == pytest.approx(1 / 3, abs=0.08)
    assert found["good"]["class_accuracy"]["floor"] == pytest.approx(found["good"]["class_accuracy"]["value"], abs=0.1)


def test_the_conditions_of_random_halves_stay_with_their_rows() -> None:
    options = {"given": ("label", "energy"), "log": ("energy",)}
    files = {"real": conditional(1000, 0), "fake": conditional(500, 1)}
    [score] = genbench.score(**files, metrics="energy_by_condition", data_options=options)
    assert score["floor"] == pytest.approx(0, abs=0.05)
    assert "energy<" in " ".join(score["detail"]["by_condition"])


def test_conditions_follow_their_rows_where_these_are_drawn_by_weight() -> None:
    real = conditional(2000, 0) | {"w": np.random.default_rng(1).uniform(0.1, 2, 2000)}
    options = {"given": ("label",), "columns": ("x", "y"), "weights": "w"}
    [score] = genbench.score(real=real, fake=conditional(500, 2), metrics="energy_by_condition", data_options=options)
    assert score["value"] < 0.05
    assert abs(score["z"]) < 4


def test_observables_of_the_user_are_scored() -> None:
    rng = np.random.default_rng(0)
    real, fake = (pd.DataFrame({"e": rng.normal(10, 1, 400), "p": rng.normal(3, 1, 400)}) for _ in range(2))
    fake["p"] = real["p"].to_numpy()  # as before, and no longer beside the e of its row
    options = {"observables": ("m=e-p", "sum=e+p")}
    [score] = genbench.score(real=real, fake=fake, metrics="w1_observables", data_options=options)
    assert set(score["detail"]["observables"]) == {"m", "sum"}
    assert score["value"] < 0.3
    fake["e"] += 2.0
    [score] = genbench.score(real=real, fake=fake, metrics="w1_observables", data_options=options)
    assert score["detail"]["observables"]["m"] == pytest.approx(2 / np.std(real["e"] - real["p"]), rel=0.2)
