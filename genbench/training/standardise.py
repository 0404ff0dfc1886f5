"""The space that models are trained in and the space that scores are computed in, both fitted on training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from genbench.data import constant_columns, note_on_constants
from genbench.errors import DataError
from genbench.protocol import Array, Column, Data

LARGE_OFFSET = 2.0**20  # of a column, in standard deviations
MAX_EXPONENT = 300  # power of two up to which sums of squares neither overflow nor vanish


class Transform(Protocol):
    """A map between the data's units, the space a model is trained in, and the space scores are computed in."""

    @property
    def name(self) -> str:
        """Name of the scoring space."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the scoring columns."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the data for the user."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample in the model's space: without constant columns, with one for each level of a category."""
        ...

    @property
    def has_density(self) -> bool:
        """Whether a density in the model's space is one of the data; that of a category's columns is none."""
        ...

    @property
    def has_codes(self) -> bool:
        """Whether some columns of the model's space are codes of categories."""
        ...

    @property
    def model_columns(self) -> tuple[Column, ...]:
        """The columns of the model's space; none of images."""
        ...

    def to_model(self, rows: Array, rng: np.random.Generator) -> Array:
        """Return (n, *shape) float32 in the model's space; ``rng`` dequantises integer images."""
        ...

    def from_model(self, rows: Array) -> Array:
        """Return samples (n, *shape) in the data's units."""
        ...

    def log_det(self, rows: Array) -> Array:
        """Return (n,) log |d model / d data| at rows in the data's units, to be added to a model's log-density."""
        ...

    def to_scores(self, rows: Array) -> Array:
        """Return (n, d) float64 in the scoring space."""
        ...


def transform_of(data: Data, *, codes: bool = False) -> Transform:
    """Return the transform of a dataset, fitted on its training rows; with ``codes``, categories are codes."""
    if data.train.ndim == 2:
        return VectorSpace.fit(data.train, data.columns, codes=codes)
    return ImageSpace.fit(data.train, data.levels)


@dataclass(frozen=True)
class VectorSpace:
    """Columns, some as logarithms, centred and scaled to standard deviation 1.

    Constant columns are no part of the model's space, and are put back into samples; in scores they keep scale 1.
    Integers get uniform noise of one unit for the model, and samples of them are rounded. The columns of a category's
    levels, 1 where a row has it, follow the others; the largest of them is a sample's level. With ``codes`` a category
    is one column instead, of codes from 0, and the nearest of them is a sample's level.
    """

    mean: Array
    scale: Array
    log: Array  # (d,) bool
    period: Array  # (d,) nan where a column is not periodic
    low: Array  # (d,) where the period of a column begins
    varying: Array  # (d,) bool: the columns that models learn
    constants: Array  # (d,) the first training row, of which the other columns are put back
    integer: Array  # (d,) bool
    categories: tuple[tuple[int, int], ...]  # index and number of levels of each category
    columns: tuple[str, ...]
    model_columns: tuple[Column, ...]  # those of the model's space
    notes: tuple[str, ...] = ()
    codes: bool = False
    name: str = "standardised"

    @classmethod
    def fit(cls, train: Array, columns: tuple[Column, ...] = (), *, codes: bool = False) -> VectorSpace:
        """Fit to training rows (n, d) in the data's units; raises DataError for a logarithm of a periodic column."""
        columns = columns or tuple(Column(f"x{i}") for i in range(train.shape[1]))
        log = np.array([c.log for c in columns])
        period = np.array([np.nan if c.period is None else c.period for c in columns])
        if both := [c.name for c in columns if c.log and c.period is not None]:
            raise DataError(f"column {both[0]!r} is both periodic and logarithmic: drop log or period")
        integer = np.array([c.kind == "integer" for c in columns])
        _check_integers(train, columns)
        rows = _take_logs(train.astype(np.float64), log, columns)
        mean, scale = _moments(rows)
        constant = constant_columns(train)
        categories = tuple(
            (i, len(c.levels)) for i, c in enumerate(columns) if c.kind == "category" and not constant[i]
        )
        varying = ~constant
        varying[[i for i, _ in categories]] = False
        if constant.all():
            varying[0] = True  # there is nothing else to learn
        notes = note_on_constants([c.name for c, is_constant in zip(columns, constant, strict=True) if is_constant])
        names = tuple(
            name for i, c in enumerate(columns) for name in _score_names(c, is_category=i in dict(categories))
        )
        scale = np.where(constant, 1.0, scale)
        constants = train[0].astype(np.float64)
        known = tuple(columns[i] for i in np.flatnonzero(varying))
        for column in (columns[i] for i, _ in categories):
            known += (column,) if codes else tuple(Column(f"{column.name}={level}") for level in column.levels)
        return cls(
            mean, scale, log, period, train.min(0), varying, constants, integer & ~log, categories, names, known, notes,
            codes,
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int]:
        """Number of columns that vary, with one for each level of a category, or one for its codes."""
        return (len(self.model_columns),)

    @property
    def has_density(self) -> bool:
        """Whether there are no categories, or they are codes, of which a density is the probability."""
        return self.codes or not self.categories

    @property
    def has_codes(self) -> bool:
        """Whether some of the columns in the model's space are codes."""
        return self.codes and bool(self.categories)

    def to_model(self, rows: Array, rng: np.random.Generator) -> Array:
        """Return (n, k) float32: the columns that vary, standardised, then those of levels; ``rng`` draws the noise."""
        noisy = self.integer & self.varying
        if noisy.any():
            rows = rows.astype(np.float64)
            rows[:, noisy] += rng.random((len(rows), int(noisy.sum()))) - 0.5
        numbers = self.standardise(rows)[:, self.varying]
        if not self.categories:
            return numbers
        each = (rows[:, [i]] if self.codes else _levels_of(rows[:, i], k) for i, k in self.categories)
        return np.concatenate([numbers, *each], axis=1, dtype="f4")

    def from_model(self, rows: Array) -> Array:
        """Return (n, d) float64 of samples (n, k); periodic columns are wrapped into one period, integers rounded."""
        full, start = np.zeros((len(rows), len(self.varying)), rows.dtype), int(self.varying.sum())
        full[:, self.varying] = rows[:, :start]
        out = self.restore(full)
        out[:, ~self.varying] = self.constants[~self.varying]
        for i, levels in self.categories:
            if self.codes:
                out[:, i] = np.clip(np.rint(rows[:, start]), 0, levels - 1)
            else:
                out[:, i] = rows[:, start : start + levels].argmax(1)
            start += 1 if self.codes else levels
        if self.integer.any():
            out[:, self.integer] = np.rint(out[:, self.integer])
            self._wrap(out)  # the last half of a period is rounded to its end
        return out

    def standardise(self, rows: Array) -> Array:
        """Return all columns (n, d) float32, standardised."""
        return ((_take_logs(rows, self.log) - self.mean) / self.scale).astype(np.float32)

    def restore(self, rows: Array) -> Array:
        """Return all columns (n, d) float64 in the data's units; periodic columns are wrapped into one period."""
        out = rows.astype(np.float64) * self.scale + self.mean
        with np.errstate(over="ignore"):  # an infinity is reported as an invalid sample
            out[:, self.log] = np.exp(out[:, self.log])
        self._wrap(out)
        return out

    def _wrap(self, rows: Array) -> None:
        periodic = ~np.isnan(self.period)
        low = self.low[periodic]
        rows[:, periodic] = low + np.mod(rows[:, periodic] - low, self.period[periodic])

    def log_det(self, rows: Array) -> Array:
        """Return (n,), minus the logarithms of the scales and of the logarithmic columns, of those that vary.

        The density of a periodic column is in addition a sum over the images of a row: ``training/periodic.py``.
        """
        logs: Array = np.log(rows[:, self.log & self.varying]).sum(1)
        total: Array = -np.log(self.scale[self.varying]).sum() - logs
        return total

    def to_scores(self, rows: Array) -> Array:
        """Return (n, d') float64, standardised; a periodic column becomes its sine and cosine.

        A category becomes a column for each level, in which rows of two levels are 1 apart.
        """
        logged = _take_logs(rows.astype(np.float64), self.log)
        parts, categories = [], dict(self.categories)
        for i, period in enumerate(self.period):
            if i in categories:
                parts += list(_levels_of(rows[:, i], categories[i]).T / math.sqrt(2.0))
            elif np.isnan(period):
                parts.append((logged[:, i] - self.mean[i]) / self.scale[i])
            else:
                angle = 2 * np.pi * logged[:, i] / period
                parts += [np.sin(angle), np.cos(angle)]
        return np.stack(parts, axis=1)


def _check_integers(train: Array, columns: tuple[Column, ...]) -> None:
    for i, column in enumerate(columns):
        if column.log or column.kind not in ("integer", "category"):
            continue
        wrong, what = train[:, i] != np.rint(train[:, i]), "integers"
        if column.kind == "category":
            wrong, what = wrong | (train[:, i] < 0) | (train[:, i] >= len(column.levels)), "codes of its levels"
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"column {column.name!r} is declared to hold {what}: row {row} is {train[row, i]:g}")


def _levels_of(codes: Array, levels: int) -> Array:
    """Return (n, levels) float64: 1 in the column of the level of each code (n,), the nearest one, and else 0."""
    columns: Array = np.clip(np.rint(codes), 0, levels - 1)[:, None] == np.arange(levels)
    return columns.astype(np.float64)


def _score_names(column: Column, *, is_category: bool) -> list[str]:
    if is_category:
        return [f"{column.name}={level}" for level in column.levels]
    return [column.name] if column.period is None else [f"sin {column.name}", f"cos {column.name}"]


def _moments(rows: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of columns, computed after rescaling where squares would be out of range."""
    exponent = np.frexp(np.abs(rows).max(0))[1]
    exponent[np.abs(exponent) <= MAX_EXPONENT] = 0  # all other columns keep every digit
    if exponent.any():
        rows = np.ldexp(rows, -exponent)
    mean, scale = rows.mean(0), rows.std(0)
    far = np.abs(mean) > LARGE_OFFSET * scale  # where the rounding of sums of large numbers is a part of the spread
    if far.any():
        near = rows[:, far] - rows[0, far]
        mean[far], scale[far] = rows[0, far] + near.mean(0), near.std(0)
    return np.ldexp(mean, exponent), np.ldexp(scale, exponent)


def _take_logs(rows: Array, log: Array, columns: tuple[Column, ...] = ()) -> Array:
    if not log.any():
        return rows
    if columns and (rows[:, log] <= 0).any():
        row, column = np.argwhere((rows <= 0) & log)[0]
        raise DataError(
            f"column {columns[column].name!r} cannot be taken as a logarithm: row {row} is {rows[row, column]:g}"
        )
    out = rows.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[:, log] = np.log(out[:, log])
    return out


@dataclass(frozen=True)
class ImageSpace:
    """Images in [-1, 1] for the model and in [0, 1] for scores; integer images are dequantised uniformly."""

    low: float
    high: float
    levels: int | None
    columns: tuple[str, ...]
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()
    name: str = "pixels"
    has_density: bool = True
    has_codes: bool = False
    model_columns: tuple[Column, ...] = ()

    @classmethod
    def fit(cls, train: Array, levels: int | None = None) -> ImageSpace:
        """Fit to training images (n, channels, height, width); integer images span 0 .. levels, others their range."""
        shape = train.shape[1:]
        names = tuple(f"pixel {i}" for i in range(math.prod(shape)))
        if levels is not None:
            return cls(0.0, float(levels), levels, names, shape)
        low, high = float(train.min()), float(train.max())
        return cls(low, high if high > low else low + 1.0, None, names, shape)

    def to_model(self, rows: Array, rng: np.random.Generator) -> Array:
        """Return (n, *shape) float32 in [-1, 1); integer images get uniform noise of one level."""
        x = rows.astype(np.float64)
        if self.levels is not None:
            margin = self.levels * 2.0**-23  # part of a level that float32 may round away: no pixel changes its level
            x = x + margin + (1 - 2 * margin) * rng.random(x.shape)
        return (2 * (x - self.low) / (self.high - self.low) - 1).astype(np.float32)

    def from_model(self, rows: Array) -> Array:
        """Return images in the data's units; integer images are floored to their level and clipped to the range."""
        x = (rows.astype(np.float64) + 1) / 2 * (self.high - self.low) + self.low
        if self.levels is None:
            return x
        dtype = np.uint8 if self.levels <= 256 else np.int64
        return np.clip(np.floor(x), 0, self.levels - 1).astype(dtype)

    def log_det(self, rows: Array) -> Array:
        """Return (n,): the same number for each image."""
        return np.full(len(rows), math.prod(rows.shape[1:]) * math.log(2 / (self.high - self.low)))

    def to_scores(self, rows: Array) -> Array:
        """Return (n, pixels) float64 in [0, 1]."""
        span = self.levels - 1 if self.levels is not None else self.high - self.low
        return (rows.reshape(len(rows), -1).astype(np.float64) - self.low) / span
