"""The file of a trained model: its state, and the transforms between the data's units and the space of the model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Column, Data
from genbench.record.store import MODEL_FILE, cell_folder
from genbench.training.conditions import ConditionSpace
from genbench.training.helpers.state import from_arrays, to_arrays
from genbench.training.setup import Setup
from genbench.training.standardise import ImageSpace, Transform, VectorSpace
from genbench.version import __version__

DATA = "data"
SEPARATOR = ":"  # between the part of the file that an array belongs to, and its name in that part
NUMBERS = "biuf"  # kinds of numpy's types

Space = TypeVar("Space", VectorSpace, ImageSpace)


@dataclass(frozen=True)
class KeptModel:
    """What the file of a trained model holds: ``state`` for its ``restore``, and what is known of its data."""

    state: dict[str, Array]
    transform: Transform
    conditions: ConditionSpace | None
    columns: tuple[Column, ...]  # of vectors, in the data's units
    levels: int | None  # grey levels of integer images
    versions: Mapping[str, str]  # of genbench and torch, and what is kept: key, samples_sha256


def state_of(model: Any) -> dict[str, Array] | None:
    """Return the state of a model, None where it has none; raises Invalid for anything but arrays of numbers."""
    if not callable(getattr(model, "state", None)) or not callable(getattr(model, "restore", None)):
        return None
    state = model.state()
    if not isinstance(state, Mapping):
        raise Invalid(f"state returned {type(state).__name__}, expected a mapping of names to arrays")
    for name, array in state.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.kind not in NUMBERS:
            found = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise Invalid(f"state returned {found} for {name!r}, expected an array of numbers")
    return dict(state)


def save_model(run: Path, setup: Setup, state: Mapping[str, Array], samples_sha256: str) -> None:
    """Write the state of the model of a cell and the transforms of its data; an earlier file is replaced when done."""
    import torch
    from safetensors.numpy import save

    space = setup.conditions
    parts = {"state": dict(state), "transform": _space_arrays(setup.transform), DATA: _data_arrays(setup.data)}
    if space is not None:
        parts["conditions"] = _space_arrays(space.space)
    arrays = {
        f"{part}{SEPARATOR}{name}": np.ascontiguousarray(array).reshape(array.shape)
        for part, each in parts.items()
        for name, array in each.items()
    }
    metadata = {
        "key": setup.cell.key,
        "model": setup.cell.model.label,
        "dataset": setup.cell.dataset.label,
        "seed": str(setup.cell.seed),
        "samples_sha256": samples_sha256,
        "genbench": __version__,
        "torch": torch.__version__,
        "sha256": _digest(arrays),
    }
    path = cell_folder(run, setup.cell.key) / MODEL_FILE
    temporary = path.with_name(f".{MODEL_FILE}.{os.getpid()}")
    try:
        temporary.write_bytes(save(arrays, metadata))  # with the rights of any other file of the run
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_model(run: Path, cell: Cell) -> KeptModel:
    """Return what the file of the model of a cell holds.

    Raises FileNotFoundError where there is none, Invalid for one that is damaged, altered, or of another cell.
    """
    from safetensors import SafetensorError, safe_open

    path = cell_folder(run, cell.key) / MODEL_FILE
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise Invalid(
            f"{path}: damaged: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None
    if metadata.get("key") != cell.key:
        raise Invalid(f"{path}: the model of another cell, {metadata.get('key', 'unknown')!r:.40}")
    if metadata.get("sha256") != _digest(arrays):
        raise Invalid(f"{path}: damaged: its arrays are not those that were written")
    parts: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        part, _, inner = name.partition(SEPARATOR)
        parts.setdefault(part, {})[inner] = array
    known = from_arrays(parts[DATA])
    given = None
    if "conditions" in parts:
        given = ConditionSpace(_space(VectorSpace, parts["conditions"]), tuple(known["condition_columns"]))
    transform: Transform
    if known["kind"] == "vector":
        transform = _space(VectorSpace, parts["transform"])
    else:
        transform = _space(ImageSpace, parts["transform"])
    return KeptModel(parts["state"], transform, given, tuple(known["columns"]), known["levels"], metadata)


def _digest(arrays: Mapping[str, Array]) -> str:
    """Return the sha256 of arrays by name, their types and shapes included."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, array.dtype.str, list(arrays[name].shape)]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _data_arrays(data: Data) -> dict[str, Array]:
    kind = "vector" if data.train.ndim == 2 else "image"
    return to_arrays(kind=kind, columns=columns_of(data), levels=data.levels, condition_columns=data.condition_columns)


def columns_of(data: Data) -> tuple[Column, ...]:
    """Return the columns of a table, x0, x1 .. where they have no names; none of images."""
    if data.columns or data.train.ndim > 2:
        return data.columns
    return tuple(Column(f"x{i}") for i in range(data.train.shape[1]))


def _space_arrays(space: Transform) -> dict[str, Array]:
    assert isinstance(space, VectorSpace | ImageSpace)
    return to_arrays(**{each.name: getattr(space, each.name) for each in fields(space)})


def _space(kind: type[Space], arrays: Mapping[str, Array]) -> Space:
    """Return a space of the fields that ``_space_arrays`` wrote."""
    parts = from_arrays(arrays)
    values: dict[str, Any] = {n: arrays[n] if n in arrays else _tuples(part) for n, part in parts.items()}
    return kind(**values)


def _tuples(part: Any) -> Any:
    """Return lists, which JSON has in place of tuples, as tuples."""
    return tuple(_tuples(each) for each in part) if isinstance(part, list | tuple) else part
