"""The columns of a table and the observables of a dataset, in real rows and in samples, as figures draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genbench.protocol import Array, Column, Data
from genbench.report.figures.dataset_results import SeedSamples
from genbench.report.figures.style import plain_text

MAX_LEVEL_NAMES, LEVEL_CHARACTERS = 6, 9  # of a category, on an axis


@dataclass(frozen=True)
class Quantity:
    """A column or an observable: its values in the real rows and in the samples of each model.

    ``log`` says that its axis is logarithmic; ``levels`` are the names of a category's codes; ``integer`` says that it
    has integers only.
    """

    name: str
    unit: str
    log: bool
    real: Array  # (n,)
    samples: Mapping[str, Array]  # label -> (m,)
    levels: tuple[str, ...] = ()
    integer: bool = False

    @property
    def title(self) -> str:
        """The name with the unit, as plain text."""
        return plain_text(self.name) + (f" ({plain_text(self.unit)})" if self.unit else "")

    def deviation(self, label: str) -> float:
        """Return how far the samples of a model are from real rows, from 0 to 1; 0 if the model has none.

        That is the largest difference of the distribution functions (Kolmogorov 1933), of categories the total
        variation of their frequencies.
        """
        real, made = (values[np.isfinite(values)] for values in (self.real, self.samples.get(label, np.empty(0))))
        if not (len(real) and len(made)):
            return 0.0
        if self.levels:
            edges = np.arange(len(self.levels) + 1) - 0.5
            shares = [np.histogram(values, edges)[0] / len(values) for values in (real, made)]
            return float(np.abs(shares[0] - shares[1]).sum() / 2)
        at = np.concatenate([real, made])
        functions = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (real, made)]
        return float(np.abs(functions[0] - functions[1]).max())


def quantities_of(samples: SeedSamples) -> list[Quantity]:
    """Return the columns, if the data are a table, and then the observables that the dataset declares."""
    columns = column_quantities(samples)
    observables = _observables(samples.data, samples.by_label)
    return columns + [each for each in observables if not any(_is_same_quantity(each, column) for column in columns)]


def column_quantities(samples: SeedSamples) -> list[Quantity]:
    """Return the columns of a table; none of images."""
    data, columns = samples.data, list[Quantity]()
    if samples.kind == "vector":
        declared = data.columns or tuple(Column(f"x{i}") for i in range(data.shape[0]))
        for i, column in enumerate(declared):
            by_label = {label: rows[:, i].astype(np.float64) for label, rows in samples.by_label.items()}
            real = data.test[:, i].astype(np.float64)
            is_integer = column.kind == "integer" and not column.log
            columns.append(Quantity(column.name, column.unit, column.log, real, by_label, column.levels, is_integer))
    return columns


def worst_quantities(quantities: Sequence[Quantity], labels: Sequence[str], number: int) -> list[Quantity]:
    """Return the quantities that deviate most from real rows in the samples of any of these models, in their order."""
    if len(quantities) <= number:
        return list(quantities)
    worst = [max((each.deviation(label) for label in labels), default=0.0) for each in quantities]
    chosen = np.argsort(-np.array(worst), kind="stable")[:number]
    return [quantities[i] for i in sorted(chosen)]


def _is_same_quantity(observable: Quantity, column: Quantity) -> bool:
    """Return whether an observable repeats a column."""
    return observable.name == column.name and np.allclose(observable.real, column.real, equal_nan=True)


def _observables(data: Data, samples: Mapping[str, Array]) -> list[Quantity]:
    """Return the observables that the dataset computes; a model whose samples it cannot process is left out."""
    if data.observables is None:
        return []
    try:
        real = dict(data.observables(data.test))
    except Exception:
        return []
    by_label: dict[str, Mapping[str, Array]] = {}
    for label, rows in samples.items():
        try:
            by_label[label] = data.observables(rows)
        except Exception:
            by_label[label] = {}
    return [
        Quantity(name, "", False, np.asarray(values, np.float64), {
            label: np.asarray(each[name], np.float64) for label, each in by_label.items() if name in each})
        for name, values in real.items()
    ]  # fmt: skip


def level_ticks(levels: Sequence[str], limit: int = MAX_LEVEL_NAMES) -> tuple[list[int], list[str]]:
    """Return the codes at which an axis of a category has ticks, evenly spaced, and the names of these levels."""
    shown = list(range(0, len(levels), math.ceil(len(levels) / limit)))
    return shown, [plain_text(levels[i])[:LEVEL_CHARACTERS] for i in shown]
