"""Load and check the data of a cell; all models of a dataset and seed get the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genbench.data import copies_between, repeated_rows
from genbench.errors import PluginError
from genbench.plan.cell import Cell
from genbench.protocol import Data
from genbench.registry.component import build
from genbench.training.seeding import stream
from genbench.training.weights import apply_weights

SPLITS = ("train", "test", "reference")


def load(cell: Cell) -> Data:
    """Return the data of a cell, drawn by weight where they have weights.

    Raises PluginError where the dataset returns anything but finite arrays, and DataError for unusable weights.
    """
    data = build(cell.dataset).load(cell.sizes, np.random.Generator(np.random.PCG64(stream_of(cell, "data"))))
    if not isinstance(data, Data):
        raise PluginError(f"dataset {cell.dataset.label!r}: load returned {type(data).__name__}, expected Data")
    for name in SPLITS:
        rows = getattr(data, name)
        valid = isinstance(rows, np.ndarray) and rows.dtype.kind in "fiu" and rows.ndim in (2, 4) and len(rows) > 0
        if not valid or not np.isfinite(rows).all():
            raise PluginError(f"dataset {cell.dataset.label!r}: {name} must be finite (n, d) or (n, c, h, w), n > 0")
        if rows.shape[1:] != data.shape:
            raise PluginError(f"dataset {cell.dataset.label!r}: {name} is {rows.shape}, train is {data.train.shape}")
    data = replace(data, notes=(*data.notes, *_notes_on_repeats(data)))
    if data.weights is None:
        return data
    return apply_weights(data, cell.sizes, np.random.Generator(np.random.PCG64(stream_of(cell, "weights"))))


def _notes_on_repeats(data: Data) -> list[str]:
    """Return a note on rows that repeat another, unless the dataset has one, and one on copies in two splits."""
    splits = [getattr(data, name) for name in SPLITS]
    repeats = repeated_rows(np.concatenate(splits))
    notes = [repeats.note] if repeats.note and not any("repeat another" in note for note in data.notes) else []
    if shared := copies_between(splits, repeats):
        text = f"{shared} rows of the test or reference split are copies of rows in another split"
        notes.append(f"{text}: what copies is scored too well; the dataset should split with genbench.data.split")
    return notes


def stream_of(cell: Cell, name: str) -> np.random.SeedSequence:
    """Return a random stream of a cell; only that of ``fit`` depends on the model, so adding one changes no other."""
    dataset = cell.dataset.stream_identity
    return stream(cell.seed, name, dataset) if name != "fit" else stream(cell.seed, name, cell.model.identity, dataset)
