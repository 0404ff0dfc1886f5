"""What a trained model makes of held-out rows beside samples, and what is kept of it where a method fails."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import PROBES, Grey, Normal, Scale, Truth, cell_of, fit

from genbench.budget import Sizes
from genbench.protocol import Column, Data
from genbench.scoring.cell_scores import evidence_of
from genbench.training import setup
from genbench.training.device import Device
from genbench.training.load import load
from genbench.training.samples_file import digest_of_samples
from genbench.training.standardise import transform_of
from genbench.training.tasks import MAX_ROWS, MAX_VALUES, NOISE, centred, task_rows, tasks_of

ALL = ("encode", "decode", "reconstruct", "anomaly_score")


class Shifted(Normal):
    """Normal numbers, with outliers five standard deviations away."""

    def __init__(self) -> None:
        super().__init__(Scale())

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        data = super().load(sizes, rng)
        outliers = data.reference[:300] * [1.0, 1.0] + [5 * self.scale, 0.0]
        return Data(data.train, data.test, data.reference, columns=data.columns, outliers=outliers)


class Able(Truth):
    """Its codes are the rows themselves, flat, and its anomaly score the squared distance from the mean."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.view(-1, *self.shape)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x

    def anomaly_score(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).square().sum(1)


def of(cell, saved):
    return evidence_of(cell, load(cell), saved, {}).tasks


def test_a_model_is_asked_for_all_that_it_declares(tmp_path: Path) -> None:
    cell = cell_of(Able, Shifted, density="exact", capabilities=ALL)
    part, saved = fit(cell, tmp_path)
    tasks, data = of(cell, saved), load(cell)
    assert part["samples_sha256"] == digest_of_samples(saved["samples"])
    assert {"reconstruct_s", "encode_s", "anomaly_score_s"} <= set(part["timings"])
    assert part["notes"] == []
    assert tasks.rows == pytest.approx(transform_of(data).to_model(data.test, np.random.default_rng(0)))
    assert tasks.reconstruction == pytest.approx(0.5 * tasks.rows)
    assert (tasks.noisy - tasks.rows).std() == pytest.approx(NOISE, rel=0.1)
    assert tasks.denoised == pytest.approx(0.5 * tasks.noisy)
    assert tasks.codes == pytest.approx(tasks.rows)
    assert set(tasks.anomaly) == {"anomaly_score", "density", "reconstruction"}
    for name, (rows, outliers) in tasks.anomaly.items():
        assert (len(rows), len(outliers)) == (500, 300), name
        assert np.median(outliers) > np.quantile(rows, 0.99), name
    assert saved["log_prob_outliers"] == pytest.approx(Normal(Scale()).log_prob(data.outliers), rel=0.1)


class Noted(Device):
    """A device that notes when it is waited for, between what its model does."""

    events: list[str] = []  # noqa: RUF012

    def synchronise(self) -> None:
        self.events.append("synchronised")


class Noting(Able):
    def anomaly_score(self, x: torch.Tensor) -> torch.Tensor:
        Noted.events.append("scored")
        return super().anomaly_score(x)


def test_the_clock_of_a_task_waits_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "Device", Noted)
    Noted.events.clear()
    fit(cell_of(Noting, Shifted, capabilities=("anomaly_score",)), tmp_path)
    asked = Noted.events[Noted.events.index("scored") :]
    assert asked == ["scored", "synchronised", "scored", "synchronised"], "of held-out rows, and of outliers"


def test_rows_decoded_between_codes_are_in_the_units_of_the_data(tmp_path: Path) -> None:
    cell = cell_of(Able, Shifted, capabilities=ALL)
    _, saved = fit(cell, tmp_path)
    test = load(cell).test
    assert saved["interpolation"].shape == (6, 9, 2)
    assert saved["interpolation"][:, 0] == pytest.approx(test[0:12:2], rel=1e-3)
    assert saved["interpolation"][:, -1] == pytest.approx(test[1:12:2], rel=1e-3)
    assert saved["perturbation"].shape == (2, 7, 2)
    assert saved["perturbation"][:, 3] == pytest.approx(np.tile(test[0], (2, 1)), rel=1e-3)
    changed, other = saved["perturbed_codes"]
    span = np.ptp(saved["perturbation"], axis=1)
    assert span[0, changed] > 0
    assert span[0, other] == pytest.approx(0, abs=1e-6)


def test_a_model_that_declares_nothing_is_asked_for_nothing(tmp_path: Path) -> None:
    cell = cell_of(Able, Shifted)
    part, saved = fit(cell, tmp_path)
    assert set(saved) == {"samples", *PROBES}
    assert of(cell, saved) is None
    assert not {"reconstruct_s", "encode_s", "anomaly_score_s"} & set(part["timings"])


def test_integers_are_compared_in_the_middle_of_their_level(tmp_path: Path) -> None:
    class Same(Able):
        def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
            return x

    cell = cell_of(Same, Grey, capabilities=ALL)
    _, saved = fit(cell, tmp_path)
    tasks = of(cell, saved)
    levels = (tasks.rows + 1) * 4 - 0.5
    assert levels == pytest.approx(load(cell).test, abs=1e-5)
    assert np.abs(tasks.reconstruction - tasks.rows).max() <= 1 / 8 + 1e-5  # half a level


def failing(method: str, answer) -> type:
    def fail(_self, x: torch.Tensor):
        return answer(x)

    return type(f"Fails{method}", (Able,), {method: fail})


def quit_now(_: torch.Tensor) -> None:
    raise SystemExit("enough")


@pytest.mark.parametrize(
    ("method", "answer", "reason"),
    [
        ("reconstruct", lambda x: 1 / 0, "ZeroDivisionError"),
        ("reconstruct", quit_now, "enough"),
        ("reconstruct", lambda x: x[:, :1], "samples have shape"),
        ("reconstruct", lambda x: x * math.nan, "not finite"),
        ("encode", lambda x: x[:-1], "encode returned"),
        ("encode", lambda x: None, "NoneType"),
        ("decode", lambda z: z.long(), "dtype"),
        ("anomaly_score", lambda x: x, "anomaly_score returned shape"),
    ],
)
def test_a_method_that_fails_costs_its_own_task_alone(tmp_path: Path, method: str, answer, reason: str) -> None:
    cell = cell_of(failing(method, answer), Shifted, density="exact", capabilities=ALL)
    part, saved = fit(cell, tmp_path)
    tasks = of(cell, saved)
    assert list(tasks.problems) == [method]
    assert reason in tasks.problems[method]
    assert [note for note in part["notes"] if f"{method} failed" in note and reason in note]
    assert part["samples_sha256"] == digest_of_samples(saved["samples"])
    _, sound = fit(cell_of(Able, Shifted, density="exact", capabilities=ALL), tmp_path / "sound")
    lost = {
        "reconstruct": {"reconstruction_test", "reconstruction_outliers", "noisy_test", "denoised_test"},
        "encode": {"codes_test", "interpolation", "perturbation", "perturbed_codes"},
        "decode": {"interpolation", "perturbation", "perturbed_codes"},
        "anomaly_score": {"anomaly_score_test", "anomaly_score_outliers"},
    }
    assert set(sound) - set(saved) == lost[method]
    assert set(saved) - set(sound) == {"task_problems"}


class Moved:
    """Rows about a mean that depends on a class and on an energy, and outliers that lie elsewhere given theirs."""

    judged = True

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        given = np.stack([rng.integers(0, 2, 1500), rng.uniform(10, 20, 1500)], axis=1).astype(float)
        parts = np.split(given, [700, 1200])
        conditions = dict(zip(("train", "test", "reference"), parts, strict=True))
        rows = [self.mean(part) + rng.normal(size=(len(part), 2)) for part in parts]
        if self.judged:
            conditions["outliers"] = parts[2][:200]
        outliers = self.mean(1 - parts[2][:200] * [1, 0]) + rng.normal(size=(200, 2))  # of the other class
        columns = (Column("kind", kind="category", levels=("a", "b")), Column("energy"))
        return Data(*rows, conditions=conditions, condition_columns=columns, outliers=outliers)

    @staticmethod
    def mean(given: np.ndarray) -> np.ndarray:
        return 8.0 * given[:, :1] + [[0.0, 1.0]]


class Unjudged(Moved):
    judged = False


class Given(Truth):
    """Its codes are the rows less the mean of their class."""

    def fit(self, data, run) -> None:
        super().fit(data, run)
        first = data.conditions[:, 0] == 0
        self.means = torch.stack([data.train[first].mean(0), data.train[~first].mean(0)])
        self.seen = []

    def _mean(self, given: torch.Tensor) -> torch.Tensor:
        self.seen.append(given)
        return self.means[given[:, 0].long()]

    def sample(self, n: int, given: torch.Tensor) -> torch.Tensor:
        return self._mean(given) + 0.25 * torch.randn(n, *self.shape)

    def log_prob(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return -(x - self._mean(given)).square().sum(1)

    def encode(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return x - self._mean(given)

    def decode(self, z: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return z + self._mean(given)

    def reconstruct(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return self._mean(given) + 0.5 * self.encode(x, given)

    def anomaly_score(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        return self.encode(x, given).square().sum(1)


def test_a_model_of_conditions_is_given_those_of_the_rows(tmp_path: Path) -> None:
    cell = cell_of(Given, Moved, density="estimate", capabilities=ALL, conditions="required")
    part, saved = fit(cell, tmp_path)
    tasks, data = of(cell, saved), load(cell)
    assert part["notes"] == []
    assert set(tasks.anomaly) == {"anomaly_score", "density", "reconstruction"}
    for name, (rows, outliers) in tasks.anomaly.items():
        assert (len(rows), len(outliers)) == (500, 200), name
        assert np.quantile(outliers, 0.05) > np.quantile(rows, 0.95), name  # in range of the rows without their class
    assert np.abs(tasks.codes.mean(0)).max() < 0.1
    assert tasks.codes.std(0)[0] < 0.5  # the classes are 2 apart
    error = (tasks.reconstruction - tasks.rows).std(0)
    assert error == pytest.approx(0.5 * tasks.codes.std(0), rel=0.05)
    assert saved["interpolation"][:, 0] == pytest.approx(data.test[0:12:2], rel=1e-3, abs=1e-3)
    assert saved["interpolation"][:, -1] == pytest.approx(data.test[1:12:2], rel=1e-3, abs=1e-3)
    assert saved["perturbation"][:, 3] == pytest.approx(np.tile(data.test[0], (2, 1)), rel=1e-3, abs=1e-3)


def test_on_the_way_between_rows_numbers_change_and_a_category_is_of_the_nearer_row(tmp_path: Path) -> None:
    seen = {}

    class Watched(Given):
        def decode(self, z: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
            seen.setdefault("given", given)
            return super().decode(z, given)

    cell = cell_of(Watched, Moved, capabilities=ALL, conditions="required")
    fit(cell, tmp_path)
    given = seen["given"].view(6, 9, 2).numpy()
    test = load(cell).conditions["test"][:12].reshape(6, 2, 2)
    assert np.array_equal(given[:, :4, 0], np.repeat(test[:, :1, 0], 4, 1))
    assert np.array_equal(given[:, 4:, 0], np.repeat(test[:, 1:, 0], 5, 1))
    assert np.diff(given[:, :, 1], n=2, axis=1) == pytest.approx(0, abs=1e-5)
    assert (given[:, -1, 1] - given[:, 0, 1]) * (test[:, 1, 1] - test[:, 0, 1]) == pytest.approx(
        np.square(given[:, -1, 1] - given[:, 0, 1]) * np.sqrt(100 / 12), rel=0.1
    )


def test_outliers_without_conditions_are_not_judged_by_a_model_of_conditions(tmp_path: Path) -> None:
    cell = cell_of(Given, Unjudged, density="estimate", capabilities=ALL, conditions="required")
    _, saved = fit(cell, tmp_path)
    assert of(cell, saved).anomaly == {}
    assert not [name for name in saved if "outliers" in name]
    assert {"reconstruction_test", "codes_test", "interpolation"} <= set(saved)


def test_a_method_that_takes_no_conditions_fails_alone(tmp_path: Path) -> None:
    class RowsAlone(Given):
        def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
            return x

    cell = cell_of(RowsAlone, Moved, capabilities=ALL, conditions="required")
    part, saved = fit(cell, tmp_path)
    assert list(of(cell, saved).problems) == ["reconstruct"]
    assert any("reconstruct failed: TypeError" in note for note in part["notes"])
    assert "codes_test" in saved


def test_codes_that_are_integers_are_kept_and_not_interpolated(tmp_path: Path) -> None:
    cell = cell_of(failing("encode", lambda x: (10 * x).long()), Shifted, capabilities=ALL)
    _, saved = fit(cell, tmp_path)
    assert of(cell, saved).problems == {"decode": "Invalid: codes are integers, between which nothing lies"}
    assert "codes_test" in saved


def test_angles_are_compared_the_short_way_round() -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(-math.pi, math.pi, size=(3, 400, 1))
    data = Data(*rows, columns=(Column("phi", period=2 * math.pi),))
    transform = transform_of(data)
    x = centred(transform, data.test)
    turned = x + np.float32(2 * math.pi / transform.scale[0])
    tasks = tasks_of(data, transform, {"reconstruction_test": turned})
    assert tasks.reconstruction == pytest.approx(tasks.rows, abs=1e-5)


def test_arrays_are_bounded_in_rows_and_in_values() -> None:
    assert len(task_rows(np.zeros((5000, 3)))) == MAX_ROWS
    assert len(task_rows(np.zeros((10, 3)))) == 10
    images = task_rows(np.zeros((3000, 1, 64, 64), np.uint8))
    assert images.size <= MAX_VALUES < images.size + 64 * 64
