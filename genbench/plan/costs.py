"""What cells cost in CPU seconds: rates of earlier trainings and scorings, and what they predict for another cell.

A table of rates comes with genbench, measured on one machine. ``Costs`` scales it by the speed of this machine and
prefers rates of its own, where there are any.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from statistics import median
from typing import Any, ClassVar

from genbench.budget import Budget, RecipeShare
from genbench.errors import PluginError
from genbench.plan.cell import REAL, Cell
from genbench.plan.device_names import DeviceName
from genbench.spec import DatasetSpec, ModelSpec

TABLE = "costs.json"
CELL_S = 0.15  # CPU seconds of the session for each cell: starting processes, writing the record
LEAST_SCORE_S = 0.05  # a process that scores nothing
UNKNOWN_METRIC = 0.05  # share of the scoring of all metrics that one takes which the table lacks
UNKNOWN_SHAPE = {"vector": (10,), "image": (1, 28, 28)}  # of data that are not loaded yet
UNKNOWN_RECIPE = 4000  # steps, of a recipe that depends on data which are not loaded yet
OTHER_OPTIONS = 0.5  # how far a rate of other options is, in units of the logarithm of a size
COMPARABLE = 1.5  # the distance of sizes of which one cost says how fast the machine of the other was
OTHER_MACHINE = 0.3  # how far a rate of another machine is


@dataclass(frozen=True)
class DataSize:
    """The size of data: kind, dimensions, and rows of the training and test splits."""

    kind: str
    dimensions: int
    train: int
    test: int

    def distance(self, other: DataSize) -> float:
        """Return how different the costs of two sizes may be, 0 for equal ones, infinity for different kinds."""
        if self.kind != other.kind:
            return math.inf
        pairs = ((self.dimensions, other.dimensions, 0.7), (self.test, other.test, 0.5), (self.train, other.train, 0.3))
        return sum(weight * abs(math.log(max(a, 1) / max(b, 1))) for a, b, weight in pairs)

    def scale(self, other: DataSize, exponents: Exponents) -> float:
        """Return by which factor costs of this size are those of ``other``."""
        ratios = (self.dimensions / other.dimensions, self.train / other.train, self.test / other.test)
        factors = [max(ratio, 1e-9) ** power for ratio, power in zip(ratios, exponents, strict=True)]
        return float(math.prod(factors))


Exponents = tuple[float, float, float]  # of the dimensions, training rows and test rows that a cost grows with
STEP = {"vector": (0.2, 0.0, 0.0), "image": (0.65, 0.0, 0.0)}
REST = {"vector": (0.5, 0.0, 0.5), "image": (0.4, 0.0, 0.5)}  # sampling and likelihoods
CLOSED = {"vector": (0.7, 0.8, 0.0), "image": (0.7, 0.8, 0.0)}  # a model that does not iterate
LOADING = {"vector": (1.0, 1.0, 0.0), "image": (1.0, 1.0, 0.0)}
SCORING = {"vector": (0.35, 0.0, 0.85), "image": (0.5, 0.0, 0.85)}


@dataclass(frozen=True)
class Rate:
    """What one model, the loading of one dataset or all metrics cost on data of one size, in CPU seconds.

    ``what`` is ``train``, ``load`` or ``score``; ``name`` and ``label`` are those of the model, or of the dataset that
    is loaded. ``step_s`` is that of a step; None for a model that does not iterate and where only a few steps were
    taken. ``rest_s`` is all else: sampling, likelihoods, other tasks, and all training of one that does not iterate.
    """

    what: str
    name: str
    label: str
    device: str
    size: DataSize
    rest_s: float
    step_s: float | None = None
    own: bool = False  # of this machine


@dataclass(frozen=True)
class CostTable:
    """Rates, and for each kind of data the share of each metric, by its column, in the scoring of all."""

    rates: tuple[Rate, ...] = ()
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CostTable:
        """Return the table that ``as_dict`` describes."""
        rates = [
            Rate(what, name, label, device, DataSize(*size), rest_s, step_s)
            for what, name, label, device, *size, rest_s, step_s in stored["rates"]
        ]
        return cls(tuple(rates), stored["shares"])

    def as_dict(self) -> dict[str, Any]:
        """Return the table as JSON values, a list for each rate."""
        rows = [
            [rate.what, rate.name, rate.label, rate.device, *asdict(rate.size).values(), rate.rest_s, rate.step_s]
            for rate in self.rates
        ]
        return {"rates": rows, "shares": self.shares}

    @classmethod
    @cache
    def shipped(cls) -> CostTable:
        """Return the table that comes with genbench."""
        return cls.from_dict(json.loads(files("genbench.plan").joinpath(TABLE).read_text(encoding="utf-8")))


@dataclass(frozen=True)
class CellCost:
    """CPU seconds of a cell; ``guess`` where nothing is known of its model, on its device."""

    fit_s: float
    score_s: float
    guess: bool = False

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.fit_s + self.score_s + CELL_S


@dataclass(frozen=True)
class Costs:
    """The costs of cells on this machine: rates of ``own`` records, and of ``table`` times ``slowness``."""

    table: CostTable = field(default_factory=CostTable.shipped)
    own: CostTable = field(default_factory=CostTable)
    slowness: float = 1.0  # CPU seconds here for one of the table

    GUESSED: ClassVar[float] = 3.0  # seconds, where a table knows no model at all

    @cached_property
    def _rates(self) -> dict[tuple[str, str], list[Rate]]:
        found: dict[tuple[str, str], list[Rate]] = {}
        for rate in (*self.own.rates, *self.table.rates):
            found.setdefault((rate.what, rate.name), []).append(rate)
        return found

    def of(self, cell: Cell) -> CellCost:
        """Return what a cell costs."""
        return self.of_size(cell, size_of(cell))

    def of_size(self, cell: Cell, size: DataSize) -> CellCost:
        """Return what a cell costs on data of a size, of which the cell itself may know less."""
        load_s = self._seconds("load", cell.dataset.name, cell.dataset.label, size, LOADING) or 0.0
        real = cell.model.name == REAL
        score_s = self._seconds("score", REAL if real else "", "", size, SCORING) or self.GUESSED * self.slowness
        score_s = max(LEAST_SCORE_S, score_s * self._share(cell))
        if real:
            return CellCost(load_s, score_s)
        device = DeviceName.parse(cell.device).kind
        rate = self._nearest("train", cell.model.name, cell.model.label, size, device)
        guess = rate is None or (device not in ("auto", rate.device))
        fit_s = self._guess(cell, size) if rate is None else self._fit_s(rate, cell, size)
        return CellCost(load_s + fit_s, score_s, guess)

    def same_rate(self, rate: Rate) -> float | None:
        """Return the seconds that these costs have for a step or a scoring of ``rate``; None where they lack it."""
        found = self._nearest(rate.what, rate.name, rate.label, rate.size, rate.device)
        if found is None or found.device != rate.device or rate.size.distance(found.size) > COMPARABLE:
            return None
        seconds, exponents = (found.rest_s, SCORING) if rate.what == "score" else (found.step_s, STEP)
        return None if seconds is None else seconds * rate.size.scale(found.size, exponents[rate.size.kind])

    def _fit_s(self, rate: Rate, cell: Cell, size: DataSize) -> float:
        steps, unit = _length(cell, size)
        slowness = 1.0 if rate.own else self.slowness
        if steps is None:
            return slowness * rate.rest_s * size.scale(rate.size, CLOSED[size.kind])
        rest_s = slowness * rate.rest_s * size.scale(rate.size, REST[size.kind])
        if unit == "s":
            return rest_s + steps
        step_s = rate.step_s
        if step_s is None:  # only a few steps were taken of this size: those of another
            others = [each for each in self._rates["train", rate.name] if each.step_s is not None]
            if not others:
                return rest_s
            rate = min(others, key=lambda each: self._distance(each, rate.label, size))
            slowness, step_s = 1.0 if rate.own else self.slowness, rate.step_s
        assert step_s is not None
        return rest_s + steps * slowness * step_s * size.scale(rate.size, STEP[size.kind])

    def _guess(self, cell: Cell, size: DataSize) -> float:
        """Return the median of what the models of the table would cost in place of one of which nothing is known."""
        assert isinstance(cell.model.spec, ModelSpec)
        names = dict.fromkeys(rate.name for rate in self.table.rates if rate.what == "train")
        rates = [self._nearest("train", name, name, size, "cpu") for name in names]
        iterative = [r for r in rates if r is not None and (r.step_s is not None) == cell.model.spec.iterative]
        found = [self._fit_s(rate, cell, size) for rate in iterative]
        return median(found) if found else self.GUESSED * self.slowness

    def _seconds(
        self, what: str, name: str, label: str, size: DataSize, exponents: Mapping[str, Exponents]
    ) -> float | None:
        rate = self._nearest(what, name, label, size, "cpu")
        if rate is None:
            return None
        return (1.0 if rate.own else self.slowness) * rate.rest_s * size.scale(rate.size, exponents[size.kind])

    def _nearest(self, what: str, name: str, label: str, size: DataSize, device: str) -> Rate | None:
        """Return the rate of the nearest size, on the same kind of device where there is one."""
        rates = [rate for rate in self._rates.get((what, name), ()) if rate.size.kind == size.kind]
        on_device = [rate for rate in rates if rate.device == device]
        return min(on_device or rates, key=lambda rate: self._distance(rate, label, size), default=None)

    @staticmethod
    def _distance(rate: Rate, label: str, size: DataSize) -> float:
        return size.distance(rate.size) + OTHER_OPTIONS * (rate.label != label) + OTHER_MACHINE * (not rate.own)

    def _share(self, cell: Cell) -> float:
        """Return the share of the scoring of all metrics that those of a cell take."""
        known = self.table.shares.get(cell.kind, {})
        return sum(known.get(metric.label, UNKNOWN_METRIC) for metric in cell.metrics)


def size_of(cell: Cell) -> DataSize:
    """Return the size of the data of a cell; a typical one where that is not known before they are loaded."""
    assert isinstance(cell.dataset.spec, DatasetSpec)
    facts, sizes = cell.dataset.spec.facts(cell.dataset.config), cell.sizes
    shape = facts.shape or UNKNOWN_SHAPE[cell.kind]
    return DataSize(cell.kind, math.prod(shape), sizes.train_of(facts.rows), sizes.test_of(facts.rows))


def _length(cell: Cell, size: DataSize) -> tuple[float | None, str]:
    """Return the steps that a cell trains, or its seconds, and which of both; None where it does not iterate."""
    assert isinstance(cell.model.spec, ModelSpec)
    if cell.budget == "none":
        return None, ""
    share = RecipeShare.parse(cell.budget)
    if share is not None:
        recipe = None
        with suppress(PluginError):  # which ends the cell once its data are loaded
            recipe = cell.model.spec.steps_for(cell.kind, size.train, size.dimensions)
        return share.steps(recipe or UNKNOWN_RECIPE), "steps"
    budget = Budget.parse(cell.budget)
    return (budget.amount, "s") if budget.unit == "s" else (budget.steps(max(1, size.train // 256)), "steps")
