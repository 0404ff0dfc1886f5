"""The file of a cell's samples and log-densities, and of a few rows by which its data are recognised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.record.store import cell_folder

MAX_PROBE_ROWS = 64


def digest_of_samples(samples: Array) -> str:
    """Return the sha256 of the samples' shape, type and bytes, which is the same for samples equal to the last bit."""
    header = f"{samples.shape} {samples.dtype.str} ".encode()
    return hashlib.sha256(header + np.ascontiguousarray(samples).tobytes()).hexdigest()


def save_samples(run: Path, cell: Cell, evidence: Mapping[str, Array]) -> None:
    """Write the evidence of a cell; the file of an earlier attempt is replaced once the new one is complete."""
    folder = cell_folder(run, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".samples.{os.getpid()}.npz"
    try:
        np.savez(temporary, **evidence)  # type: ignore[arg-type]
        temporary.replace(folder / "samples.npz")
    finally:
        temporary.unlink(missing_ok=True)


def read_samples(run: Path, cell: Cell, data: Data) -> Mapping[str, Array]:
    """Return the evidence that an attempt saved; raises Invalid where the dataset gives other data now."""
    saved: Mapping[str, Array] = np.load(cell_folder(run, cell.key) / "samples.npz", allow_pickle=False)
    then, now = saved.get("test_probe"), probe_rows(data)
    if then is not None and (then.shape != now.shape or not np.allclose(then, now, rtol=1e-5, atol=1e-8)):
        raise Invalid(f"dataset {cell.dataset.label!r} gives other data than the model was trained on; use --force")
    return saved


def probe_rows(data: Data) -> Array:
    """Return some held-out rows by which the data are recognised; on another processor the last digits may differ."""
    return data.test[:: max(1, len(data.test) // MAX_PROBE_ROWS)][:MAX_PROBE_ROWS]
