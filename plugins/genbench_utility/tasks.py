"""What is predicted: labels from columns, each column from the others, one half of an image from the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence

__all__ = ["Targets", "Task", "column_groups", "image_tasks", "pooled", "spaced", "targets_of"]

Array = npt.NDArray[Any]
MAX_CATEGORIES = 10  # distinct values up to which a column is predicted as a category
MAX_CELLS = 8  # along each side of a pooled image


@dataclass(frozen=True)
class Task:
    """A prediction: of ``targets``, one or more columns, from all columns but ``hidden``."""

    name: str
    targets: tuple[int, ...]
    hidden: frozenset[int]


@dataclass(frozen=True)
class Targets:
    """The numbers to be predicted for a column: its value, or 1 for the nearest of its categories and 0 for others."""

    column: int
    low: float  # range of the values that are kept
    high: float
    categories: Array  # (k,), empty where the value itself is predicted

    def of(self, rows: Array) -> Array:
        """Return (n, 1) or (n, k)."""
        values = np.clip(rows[:, self.column], self.low, self.high)
        if not len(self.categories):
            return values[:, None]
        middles = (self.categories[1:] + self.categories[:-1]) / 2
        nearest = np.searchsorted(middles, values)
        return np.asarray(nearest[:, None] == np.arange(len(self.categories)), dtype=np.float64)


def targets_of(train: Array, column: int) -> Targets:
    """Return the targets of a column of training rows (n, d).

    Values farther beyond the range of the training rows than that range is wide are moved there, so that one sample
    cannot decide the value.
    """
    distinct = np.unique(train[:, column])
    low, high = float(distinct[0]), float(distinct[-1])
    category = 2 < len(distinct) <= min(MAX_CATEGORIES, len(train) // 10)
    return Targets(column, 2 * low - high, 2 * high - low, distinct if category else distinct[:0])


def spaced(n: int, most: int) -> list[int]:
    """Return all of n indices, or ``most`` of them, evenly spaced."""
    return list(range(n)) if n <= most else np.linspace(0, n - 1, most).round().astype(int).tolist()


def column_groups(names: tuple[str, ...], train: Array) -> list[Task]:
    """Return a task for each column that varies; sine and cosine of an angle are predicted together."""
    d = train.shape[1]
    names = names if len(names) == d else tuple(f"x{i}" for i in range(d))
    varies, found, i = train.min(0) < train.max(0), [], 0
    while i < d:
        angle = names[i].removeprefix("sin ")
        together = i + 1 < d and names[i] == f"sin {angle}" and names[i + 1] == f"cos {angle}"
        group = (i, i + 1) if together else (i,)
        if varies[list(group)].all():
            found.append(Task(angle if together else names[i], group, frozenset(group)))
        i += len(group)
    return found


def pooled(evidence: Evidence, rows: Array) -> Array | None:
    """Return the means of images over a grid of at most 8 x 8 cells (n, channels, rows, columns); None of vectors."""
    raw, pixels = evidence.test_raw, rows.shape[1] - evidence.condition_scores
    if evidence.kind != "image" or raw is None or int(np.prod(raw.shape[1:])) != pixels:
        return None
    images = rows[:, :pixels].reshape(len(rows), *raw.shape[1:])
    for axis in (2, 3):
        size = images.shape[axis]
        cells = min(MAX_CELLS, size)
        edges = (np.arange(cells) * size) // cells
        counts = np.diff(np.append(edges, size))
        images = np.add.reduceat(images, edges, axis) / (counts if axis == 3 else counts[:, None])
    return images


def image_tasks(shape: tuple[int, ...]) -> list[Task]:
    """Return the tasks of pooled images (channels, rows, columns): right half from left, lower half from upper."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    halves = {
        "right half": index[:, :, shape[2] // 2 :] if shape[2] > 1 else index[:0],
        "lower half": index[:, shape[1] // 2 :] if shape[1] > 1 else index[:0],
    }
    chosen = {name: tuple(int(i) for i in cells.ravel()) for name, cells in halves.items() if cells.size}
    return [Task(name, cells, frozenset(cells)) for name, cells in chosen.items()]
