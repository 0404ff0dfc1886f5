"""What a trained model makes of held-out rows beside samples: reconstructions, codes, anomaly scores.

It is asked once its samples are fixed. Whatever a method raises ends this task and no other: the cell keeps its
samples, and the reason stands in its notes and in the scores that lack the task.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch

from genbench.errors import Invalid, describe
from genbench.protocol import Array, Data, HeldOutTasks
from genbench.registry.component import Component
from genbench.spec import ModelSpec
from genbench.training.likelihood import outlier_densities
from genbench.training.sampling import Drawn, check_draw
from genbench.training.seeding import seed_generators
from genbench.training.setup import Setup, Timings
from genbench.training.standardise import Transform, VectorSpace

MAX_ROWS = 2_000  # held-out rows, and outliers, of each task
MAX_VALUES = 2**21  # of all rows of a task together: 8 MB
ROWS_PER_BLOCK = 500  # in one call of the model
NOISE = 0.5  # in the model's space: half a standard deviation of a column, a quarter of the range of pixels
INTERPOLATED_PAIRS, INTERPOLATION_STEPS = 6, 9
PERTURBED_CODES, PERTURBATION_STEPS = 8, 7
PERTURBATION_RANGE = 2.0  # standard deviations of a code, to either side
PROBLEMS = "task_problems"  # the array of "method: reason"


class _Centre:
    """In place of a random generator: puts integers into the middle of their level."""

    def random(self, shape: tuple[int, ...]) -> Array:
        return np.full(shape, 0.5)


def centred(transform: Transform, rows: Array) -> Array:
    """Return rows (n, *shape) in the model's space, without the noise that dequantises integers."""
    return transform.to_model(rows, cast("np.random.Generator", _Centre()))


def task_rows(rows: Array) -> Array:
    """Return the first of the rows (n, *shape), as many as a task takes: all arrays of a cell are bounded."""
    values = int(np.prod(rows.shape[1:]))
    return rows[: max(1, min(MAX_ROWS, MAX_VALUES // max(1, values)))]


@dataclass
class Tasks:
    """Arrays by the names under which they are saved, what they cost, and why others are missing."""

    arrays: dict[str, Array] = field(default_factory=dict)
    timings: Timings = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, task: Callable[[], Mapping[str, Array]], clock: str = "") -> None:
        """Add the arrays of a task and its seconds; keep the reason where it raises."""
        start = time.perf_counter()
        try:
            self.arrays |= task()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: the samples are good
            traceback.print_exc()  # into the cell's log
            self.problems[name] = describe(error)
        else:
            if clock:
                self.timings[clock] = time.perf_counter() - start

    def as_arrays(self) -> dict[str, Array]:
        """Return all that is saved, the problems as text."""
        if not self.problems:
            return self.arrays
        return self.arrays | {PROBLEMS: np.array([f"{name}: {why}" for name, why in self.problems.items()])}


def methods_of(component: Component, model: Any) -> tuple[str, ...]:
    """Return the capabilities that a model declares and has."""
    assert isinstance(component.spec, ModelSpec)
    return tuple(name for name in component.spec.capabilities if callable(getattr(model, name, None)))


def perform(setup: Setup, model: Any, drawn: Drawn) -> Tasks:
    """Ask a trained model for what it declares, of held-out rows and of the outliers of the data."""
    methods, tasks = methods_of(setup.cell.model, model), Tasks()
    outliers, density = judged_outliers(setup.data), setup.cell.density != "none" and setup.transform.has_density
    if not methods and (outliers is None or not density):
        return tasks
    setup.report(phase="tasks")
    asked = _Asked(setup, model)
    with seed_generators(setup.task_stream), torch.no_grad():
        if "reconstruct" in methods:
            tasks.attempt("reconstruct", asked.reconstructions, "reconstruct_s")
        if "encode" in methods:
            tasks.attempt("encode", asked.codes, "encode_s")
        if {"encode", "decode"} <= set(methods) and "encode" not in tasks.problems:
            tasks.attempt("decode", asked.decoded)
        if outliers is not None and "anomaly_score" in methods:
            tasks.attempt("anomaly_score", asked.anomaly_scores, "anomaly_score_s")
        if outliers is not None and density:
            rows = task_rows(outliers)
            tasks.attempt("log_prob", lambda: {"log_prob_outliers": outlier_densities(setup, model, drawn, rows)})
    return tasks


def judged_outliers(data: Data) -> Array | None:
    """Return the outliers (n, *shape) that models are asked about, None where there are none.

    Outliers without conditions are none to a model of rows given conditions.
    """
    return data.outliers if data.conditions is None or "outliers" in data.conditions else None


class _Asked:
    """A trained model, and the rows that it is asked about, with their conditions where there are some."""

    def __init__(self, setup: Setup, model: Any) -> None:
        self.setup, self.model = setup, model
        self.rng = np.random.Generator(np.random.PCG64(setup.task_stream.spawn(1)[0]))
        self.rows = self._to_model(task_rows(setup.data.test))
        self.given = setup.conditions_on_device("test")

    def _to_model(self, rows: Array) -> Array:
        """Return rows in the model's space, dequantised as those of training; raises Invalid for what has no place."""
        found = self.setup.transform.to_model(rows, self.rng)
        if not np.isfinite(found).all():
            raise Invalid("rows have values without a logarithm")
        return found

    def _outliers(self) -> tuple[Array, torch.Tensor | None]:
        """Return the outliers in the model's space, and their conditions."""
        outliers = judged_outliers(self.setup.data)
        assert outliers is not None
        return self._to_model(task_rows(outliers)), self.setup.conditions_on_device("outliers")

    def _call(self, method: str, rows: Array, given: torch.Tensor | None) -> torch.Tensor:
        """Return what a method makes of rows, in blocks; raises Invalid unless it is one finite row for each."""
        device, function = self.setup.device, getattr(self.model, method)
        blocks = []
        for begin in range(0, len(rows), ROWS_PER_BLOCK):
            block = torch.from_numpy(rows[begin : begin + ROWS_PER_BLOCK]).to(device.torch)
            found = function(block) if given is None else function(block, given[begin : begin + len(block)])
            if not isinstance(found, torch.Tensor) or found.shape[:1] != block.shape[:1]:
                what = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
                raise Invalid(f"{method} returned {what} for {len(block)} rows")
            blocks.append(found.detach())
        device.synchronise()
        result = torch.cat(blocks)
        if not torch.isfinite(result).all():
            raise Invalid(f"{method} returned values that are not finite")
        return result

    def _data_rows(self, method: str, rows: Array, given: torch.Tensor | None) -> Array:
        """Return rows (n, *shape) float32 that a method returned in the model's space."""
        shape = self.setup.transform.shape
        return check_draw(self._call(method, rows, given), shape, len(rows), self.setup.device).float().cpu().numpy()

    def reconstructions(self) -> dict[str, Array]:
        """Return reconstructions of held-out rows, the same rows with noise, and those denoised; and of outliers."""
        noisy = self.rows + NOISE * self.rng.standard_normal(self.rows.shape, dtype=np.float32)
        found = {
            "reconstruction_test": self._data_rows("reconstruct", self.rows, self.given),
            "noisy_test": noisy,
            "denoised_test": self._data_rows("reconstruct", noisy, self.given),
        }
        if judged_outliers(self.setup.data) is not None:
            found["reconstruction_outliers"] = self._data_rows("reconstruct", *self._outliers())
        return found

    def codes(self) -> dict[str, Array]:
        """Return the codes (n, k) of held-out rows."""
        codes = self._call("encode", self.rows, self.given).flatten(1)
        return {"codes_test": codes.double().cpu().numpy().astype(np.float32)}

    def decoded(self) -> dict[str, Array]:
        """Return rows decoded from codes between two held-out rows, and of one code changed at a time.

        ``interpolation`` is (pairs, steps, *shape); ``perturbation`` (codes, steps, *shape), of ``perturbed_codes``,
        those that vary most, at the code of the first row; both in the data's units. Conditions of numbers go from one
        row to the other as codes do, those of categories are of the nearer row.
        """
        codes = self._call("encode", self.rows, self.given)
        if not codes.is_floating_point():
            raise Invalid("codes are integers, between which nothing lies")
        pairs = min(INTERPOLATED_PAIRS, len(codes) // 2)
        share = torch.linspace(0, 1, INTERPOLATION_STEPS, device=codes.device, dtype=codes.dtype)
        share = share.view(1, -1, *[1] * (codes.dim() - 1))
        ends = codes[: 2 * pairs].reshape(pairs, 2, *codes.shape[1:])
        between = torch.lerp(ends[:, :1], ends[:, 1:], share)
        spread = codes.flatten(1).std(0)
        varied = torch.argsort(spread, descending=True)[:PERTURBED_CODES]
        steps = torch.linspace(-PERTURBATION_RANGE, PERTURBATION_RANGE, PERTURBATION_STEPS, device=codes.device)
        changed = codes[0].flatten().repeat(len(varied), PERTURBATION_STEPS, 1)
        for i, code in enumerate(varied):
            changed[i, :, code] += steps * spread[code]
        return {
            "interpolation": self._decode(between, codes.shape[1:], self._given_between(pairs)),
            "perturbation": self._decode(
                changed,
                codes.shape[1:],
                None if self.given is None else self.given[:1].expand(changed[..., 0].numel(), -1),
            ),
            "perturbed_codes": varied.cpu().numpy(),
        }

    def _given_between(self, pairs: int) -> torch.Tensor | None:
        """Return conditions (pairs * steps, k) on the way from the first to the second row of each pair."""
        if self.given is None:
            return None
        share = torch.linspace(0, 1, INTERPOLATION_STEPS, device=self.given.device).view(1, -1, 1)
        ends = self.given[: 2 * pairs].view(pairs, 2, -1)
        between = torch.lerp(ends[:, :1], ends[:, 1:], share)
        nearer = torch.where(share < 0.5, ends[:, :1], ends[:, 1:])
        category = [column.kind == "category" for column in self.setup.data.condition_columns]
        return torch.where(torch.tensor(category, device=between.device), nearer, between).flatten(0, 1)

    def _decode(self, codes: torch.Tensor, shape: torch.Size, given: torch.Tensor | None) -> Array:
        """Return codes (a, b, ...), with conditions (a * b, k) where there are some, decoded: (a, b, *shape).

        It is in the data's units.
        """
        device, transform = self.setup.device, self.setup.transform
        flat = codes.reshape(-1, *shape)
        decoded = self.model.decode(flat) if given is None else self.model.decode(flat, given)
        rows = check_draw(decoded.detach(), transform.shape, len(flat), device).cpu().numpy()
        units = transform.from_model(rows)
        return units.reshape(*codes.shape[:2], *units.shape[1:])

    def anomaly_scores(self) -> dict[str, Array]:
        """Return the model's own anomaly scores of held-out rows and of outliers, (n,) each."""
        found, asked = {}, {"test": (self.rows, self.given), "outliers": self._outliers()}
        for name, (rows, given) in asked.items():
            scores = self._call("anomaly_score", rows, given)
            if scores.dim() != 1:
                raise Invalid(f"anomaly_score returned shape {tuple(scores.shape)} for {len(rows)} rows")
            found[f"anomaly_score_{name}"] = scores.double().cpu().numpy()
        return found


def tasks_of(data: Data, transform: Transform, saved: Mapping[str, Array]) -> HeldOutTasks | None:
    """Return what a metric may see of the tasks that a cell saved; None where it saved none."""
    problems = dict(str(text).split(": ", 1) for text in saved.get(PROBLEMS, ()))
    reconstruction, codes = saved.get("reconstruction_test"), saved.get("codes_test")
    rows = centred(transform, task_rows(data.test))
    anomaly = _anomaly_scores(data, transform, saved, rows)
    if reconstruction is None and codes is None and not anomaly and not problems:
        return None
    return HeldOutTasks(
        rows,
        reconstruction=_beside(transform, reconstruction, rows),
        noise=NOISE if "noisy_test" in saved else 0.0,
        noisy=saved.get("noisy_test"),
        denoised=_beside(transform, saved.get("denoised_test"), rows),
        codes=codes,
        anomaly=anomaly,
        problems=problems,
    )


def _anomaly_scores(
    data: Data, transform: Transform, saved: Mapping[str, Array], rows: Array
) -> dict[str, tuple[Array, Array]]:
    if data.outliers is None:
        return {}
    found: dict[str, tuple[Array, Array]] = {}
    if "anomaly_score_outliers" in saved:
        found["anomaly_score"] = saved["anomaly_score_test"], saved["anomaly_score_outliers"]
    if "log_prob_outliers" in saved:
        found["density"] = -saved["log_prob_test"], -saved["log_prob_outliers"]
    if "reconstruction_outliers" in saved:
        outliers = centred(transform, task_rows(data.outliers))
        pairs = ((saved["reconstruction_test"], rows), (saved["reconstruction_outliers"], outliers))
        of_rows, of_outliers = (_squared_errors(transform, made, target) for made, target in pairs)
        found["reconstruction"] = of_rows, of_outliers
    return found


def _squared_errors(transform: Transform, rows: Array, target: Array) -> Array:
    made = _beside(transform, rows, target)
    assert made is not None
    errors: Array = np.square((made - target).reshape(len(target), -1), dtype=np.float64).sum(1)
    return errors


def _beside(transform: Transform, rows: Array | None, target: Array) -> Array | None:
    """Return rows (n, *shape) with periodic columns moved by whole periods, to the side of their target."""
    if rows is None or not isinstance(transform, VectorSpace):
        return rows
    period = (transform.period / transform.scale)[transform.varying]
    periodic = np.flatnonzero(~np.isnan(period))
    moved = rows.copy()
    for column in periodic:
        turns = np.rint((rows[:, column] - target[:, column]) / period[column])
        moved[:, column] -= turns * period[column]
    return moved
