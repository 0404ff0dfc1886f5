"""A trained model as arrays by name, from which it can be restored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from genbench.protocol import Array
from genbench.spec import Column

PLAIN = "plain"  # name of the array that holds, as JSON, what is neither a tensor nor a network


def to_arrays(**parts: Any) -> dict[str, Array]:
    """Return the parts of a trained model as arrays by name: what a model's ``state`` returns.

    A part is a network (its weights and buffers are taken), a tensor, an array, a ``Column`` or a sequence of them, or
    a value that JSON has: a number, text, None, a list or mapping of those; tuples become lists. Tensors are copied to
    the host. Raises TypeError for any other part.
    """
    arrays: dict[str, Array] = {}
    plain: dict[str, Any] = {}
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            arrays |= {f"{name}/{key}": _to_array(value) for key, value in part.state_dict().items()}
            plain[name] = {"network": True}
        elif isinstance(part, torch.Tensor):
            arrays[name] = _to_array(part)
        elif isinstance(part, np.ndarray):
            arrays[name] = np.array(part)
        elif _are_columns(part):
            plain[name] = {"columns": [asdict(column) for column in part]}
        else:
            plain[name] = {"value": part}
    try:
        text = json.dumps(plain)
    except TypeError as error:
        raise TypeError(f"a part of the state is neither a network, a tensor nor a plain value: {error}") from None
    return {**arrays, PLAIN: np.frombuffer(text.encode(), dtype=np.uint8)}


def from_arrays(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Return the parts that ``to_arrays`` was given, for a model's ``restore``.

    A network's part is the mapping that ``load_state_dict`` takes; arrays return as tensors on the host, columns as a
    tuple. Raises ValueError where the arrays are not of ``to_arrays``.
    """
    if PLAIN not in arrays:
        raise ValueError("these arrays are not of to_arrays: an array 'plain' is missing")
    parts: dict[str, Any] = {}
    for name, entry in json.loads(np.asarray(arrays[PLAIN], dtype=np.uint8).tobytes()).items():
        if "columns" in entry:
            columns = [{**fields, "levels": tuple(fields["levels"])} for fields in entry["columns"]]
            parts[name] = tuple(Column(**fields) for fields in columns)
        else:
            parts[name] = {} if "network" in entry else entry["value"]
    for key, value in arrays.items():
        name, _, inner = key.partition("/")
        if inner:
            parts[name][inner] = torch.from_numpy(np.array(value))
        elif key != PLAIN:
            parts[name] = torch.from_numpy(np.array(value))
    return parts


def _to_array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return np.array(array)


def _are_columns(part: Any) -> bool:
    return isinstance(part, list | tuple) and bool(part) and all(isinstance(each, Column) for each in part)
