"""Data without their held-out rows: all that the process of a model has until its samples are written and hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from genbench.data import fingerprint
from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.training.load import load


def without_held_out(data: Data) -> Data:
    """Return data with zeros in place of test and reference rows, and without outliers and known densities.

    What is left shares no memory with rows that are held out. Conditions of reference rows stay: samples are drawn
    given them.
    """
    weighted = data.weighted
    if weighted is not None:
        given = None if weighted.conditions is None else _own(weighted.conditions)
        weighted = replace(weighted, rows=_own(weighted.rows), weights=_own(weighted.weights), conditions=given)
    return Data(
        _own(data.train),
        _zeros(data.test),
        _zeros(data.reference),
        columns=data.columns,
        levels=data.levels,
        weighted=weighted,
        conditions=_conditions(data.conditions),
        condition_columns=data.condition_columns,
        notes=data.notes,
    )


def _conditions(given: Mapping[str, Array] | None) -> dict[str, Array] | None:
    if given is None:
        return None
    return {name: _own(rows) if name in ("train", "reference") else _zeros(rows) for name, rows in given.items()}


def _own(rows: Array) -> Array:
    """Return rows that are no view of others."""
    return rows if rows.base is None else rows.copy()


def _zeros(rows: Array) -> Array:
    return np.broadcast_to(np.zeros((), rows.dtype), rows.shape)


def load_again(cell: Cell, expected: str) -> Data:
    """Return all data of a cell; raises Invalid where they are not those whose fingerprint is ``expected``."""
    data = load(cell)
    if fingerprint(data) != expected:
        raise Invalid(f"dataset {cell.dataset.label!r} gives other rows each time it is loaded")
    return data
