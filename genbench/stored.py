"""Arrays that come with a plugin: an npz file and its JSON card, with sha256, licence, source and script."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from genbench.errors import DataError
from genbench.protocol import Array

__all__ = ["load_stored"]


def load_stored(path: Path) -> dict[str, Array]:
    """Return the arrays of the npz file ``path``, by name.

    The file must have the sha256 that its card, ``path`` + ``.json``, states. Raises DataError if either is missing or
    damaged.
    """
    card = path.with_name(path.name + ".json")
    try:
        expected = str(json.loads(card.read_text(encoding="utf-8"))["sha256"])
        content = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name}: cannot read the stored data ({error}); install its package again") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"{path.name}: the stored data are damaged: sha256 {found[:12]}.., expected {expected[:12]}..; "
            "install its package again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
