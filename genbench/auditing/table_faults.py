"""Faults of the columns of tables: exchanged, mirrored, rounded, clipped, shuffled, drifting, impossible."""

from __future__ import annotations

import numpy as np

from genbench.auditing.row_selection import choose_rows
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

IMPOSSIBLE_SDS = 0.5  # up to which an impossible value lies beyond a hard limit
EDGE_SDS = 0.1  # width of the strip along the lowest or highest value of a column
MIN_EDGE_SHARE = 0.01  # of the training rows in that strip, from which the edge is a hard limit; a normal tail has .001


def exchanged_columns(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Exchange two columns, each in its own standard deviations, in this share of the rows."""
    first, second = rng.permutation(real.varying)[:2]
    chosen, mean = choose_rows(rows, size, rng), real.train.mean(0)
    out = rows.copy()
    for to, origin in ((first, second), (second, first)):
        relative = (rows[chosen, origin] - mean[origin]) / real.scale[origin]
        out[chosen, to] = mean[to] + real.scale[to] * relative
    return out


def mirrored_column(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Mirror one column at its median in this share of the rows."""
    column = rng.choice(real.varying)
    chosen, out = choose_rows(rows, size, rng), rows.copy()
    out[chosen, column] = 2 * np.median(real.train[:, column]) - rows[chosen, column]
    return out


def rounded_column(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Round the values of one column to multiples of this many standard deviations."""
    column = rng.choice(real.varying)
    step, out = size * real.scale[column], rows.copy()
    out[:, column] = np.round(rows[:, column] / step) * step
    return out


def rounded_angle(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Round each periodic column to multiples of this many degrees, 360 of which are its period."""
    assert real.period is not None
    assert real.zero is not None
    periodic, out = real.periodic, rows.copy()
    zero, step = real.zero[periodic], size / 360 * real.period[periodic]
    out[:, periodic] = zero + np.round((rows[:, periodic] - zero) / step) * step
    return out


def clipped_tails(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Clip each column at 1/size standard deviations from its mean."""
    mean, reach = real.train.mean(0), np.where(real.scale > 0, real.scale / size, np.inf)
    clipped: Array = np.clip(rows, mean - reach, mean + reach)
    return clipped


def shuffled_column(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Shuffle one column among this share of the rows: every marginal stays the same."""
    column = rng.choice(real.varying)
    chosen, out = choose_rows(rows, size, rng), rows.copy()
    out[chosen, column] = rng.permutation(rows[chosen, column])
    return out


def drift(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Move the rows in a random direction in proportion to their rank in one column, this many deviations in all."""
    column = rng.choice(real.varying)
    direction = rng.standard_normal(rows.shape[1]) * (real.scale > 0)
    direction[column] = 0.0  # the column along which the others drift keeps its values
    rank = np.argsort(np.argsort(rows[:, column], kind="stable"), kind="stable") / max(len(rows) - 1, 1) - 0.5
    moved: Array = rows + size * rank[:, None] * real.scale * direction / (np.linalg.norm(direction) or 1.0)
    return moved


def impossible_values(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Move one column of this share of the rows beyond its hard limit, by up to half a standard deviation."""
    edge = hard_limit(real)
    assert edge is not None
    column, sign = edge
    limit = max(float((sign * each[:, column]).max()) for each in (real.train, real.spare, rows))
    chosen, out = choose_rows(rows, size, rng), rows.copy()
    excess = IMPOSSIBLE_SDS * real.scale[column] * (1 - rng.random(len(rows)))[: len(chosen)]  # never 0
    out[chosen, column] = sign * (limit + excess)
    return out


def hard_limit(real: RealRows) -> tuple[int, float] | None:
    """Return the column with the sharpest edge, and -1 where the edge is the lowest value, 1 where it is the highest.

    Periodic columns have no edge. None where no column holds a hundredth of the training rows within a tenth of a
    standard deviation of its edge.
    """
    found: tuple[float, int, float] | None = None
    for column in real.varying:
        if real.periodic[column]:
            continue
        for sign in (-1.0, 1.0):
            values = sign * real.train[:, column]
            share = float(np.mean(values >= values.max() - EDGE_SDS * real.scale[column]))
            if share >= MIN_EDGE_SHARE and (found is None or share > found[0]):
                found = share, int(column), sign
    return None if found is None else found[1:]
