"""The space that models are trained in and the space that scores are computed in, both fitted on training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from genbench.errors import DataError
from genbench.protocol import Array, Column, Data

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


def transform_of(data: Data) -> Transform:
    """Return the transform of a dataset, fitted on its training rows."""
    return (
        VectorSpace.fit(data.train, data.columns) if data.train.ndim == 2 else ImageSpace.fit(data.train, data.levels)
    )


@dataclass(frozen=True)
class VectorSpace:
    """Columns, some as logarithms, centred and scaled to standard deviation 1; a constant column keeps scale 1."""

    mean: Array
    scale: Array
    log: Array  # (d,) bool
    period: Array  # (d,) nan where a column is not periodic
    low: Array  # (d,) where the period of a column begins
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    name: str = "standardised"

    @classmethod
    def fit(cls, train: Array, columns: tuple[Column, ...] = ()) -> VectorSpace:
        """Fit to training rows (n, d) in the data's units; raises DataError for a logarithm of a periodic column."""
        columns = columns or tuple(Column(f"x{i}") for i in range(train.shape[1]))
        log = np.array([c.log for c in columns])
        period = np.array([np.nan if c.period is None else c.period for c in columns])
        if both := [c.name for c in columns if c.log and c.period is not None]:
            raise DataError(f"column {both[0]!r} is both periodic and logarithmic: drop log or period")
        rows = _take_logs(train.astype(np.float64), log, columns)
        mean, scale = _moments(rows)
        # the spread of equal numbers is rounding error, not signal
        constant = scale <= 1e-12 * np.abs(mean)
        notes = tuple(f"column {columns[i].name!r} is constant" for i in np.flatnonzero(constant))
        names = tuple(
            n for c in columns for n in ([c.name] if c.period is None else [f"sin {c.name}", f"cos {c.name}"])
        )
        return cls(mean, np.where(constant, 1.0, scale), log, period, train.min(0), names, notes)

    def to_model(self, rows: Array, rng: np.random.Generator) -> Array:  # noqa: ARG002 (images need it)
        """Return (n, d) float32, standardised."""
        return ((_take_logs(rows, self.log) - self.mean) / self.scale).astype(np.float32)

    def from_model(self, rows: Array) -> Array:
        """Return (n, d) float64; periodic columns are wrapped into one period."""
        out = rows.astype(np.float64) * self.scale + self.mean
        with np.errstate(over="ignore"):  # an infinity is reported as an invalid sample
            out[:, self.log] = np.exp(out[:, self.log])
        periodic = ~np.isnan(self.period)
        low = self.low[periodic]
        out[:, periodic] = low + np.mod(out[:, periodic] - low, self.period[periodic])
        return out

    def log_det(self, rows: Array) -> Array:
        """Return (n,), minus the logarithms of all scales and of all logarithmic columns.

        The density of a periodic column is in addition a sum over the images of a row: ``training/periodic.py``.
        """
        logs: Array = np.log(rows[:, self.log]).sum(1)
        total: Array = -np.log(self.scale).sum() - logs
        return total

    def to_scores(self, rows: Array) -> Array:
        """Return (n, d') float64, standardised; a periodic column becomes its sine and cosine."""
        logged = _take_logs(rows.astype(np.float64), self.log)
        parts = []
        for i, period in enumerate(self.period):
            if np.isnan(period):
                parts.append((logged[:, i] - self.mean[i]) / self.scale[i])
            else:
                angle = 2 * np.pi * logged[:, i] / period
                parts += [np.sin(angle), np.cos(angle)]
        return np.stack(parts, axis=1)


def _moments(rows: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of columns, computed after rescaling where squares would be out of range."""
    exponent = np.frexp(np.abs(rows).max(0))[1]
    exponent[np.abs(exponent) <= MAX_EXPONENT] = 0  # all other columns keep every digit
    if exponent.any():
        rows = np.ldexp(rows, -exponent)
    return np.ldexp(rows.mean(0), exponent), np.ldexp(rows.std(0), exponent)


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
    notes: tuple[str, ...] = ()
    name: str = "pixels"

    @classmethod
    def fit(cls, train: Array, levels: int | None = None) -> ImageSpace:
        """Fit to training images (n, channels, height, width); integer images span 0 .. levels, others their range."""
        names = tuple(f"pixel {i}" for i in range(math.prod(train.shape[1:])))
        if levels is not None:
            return cls(0.0, float(levels), levels, names)
        low, high = float(train.min()), float(train.max())
        return cls(low, high if high > low else low + 1.0, None, names)

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
