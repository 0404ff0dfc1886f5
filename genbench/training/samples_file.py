"""The samples and log-densities of a cell on the disk, and the rows by which its data are recognised."""

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

__all__ = ["MAX_PROBE_ROWS", "digest_of_samples", "probe_rows", "read_samples", "save_samples"]

MAX_PROBE_ROWS = 64  # rows


def digest_of_samples(samples: Array) -> str:
    """Return the sha256 of the samples' shape, type and bytes: equal samples, to the last bit, have the same."""
    told = f"{samples.shape} {samples.dtype.str} ".encode()
    return hashlib.sha256(told + np.ascontiguousarray(samples).tobytes()).hexdigest()


def save_samples(run: Path, cell: Cell, evidence: Mapping[str, Array]) -> None:
    """Write the evidence so that what an earlier attempt left is there until this is whole."""
    folder = cell_folder(run, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".samples.{os.getpid()}.npz"
    try:
        np.savez(temporary, **evidence)  # type: ignore[arg-type]
        temporary.replace(folder / "samples.npz")
    finally:
        temporary.unlink(missing_ok=True)


def read_samples(run: Path, cell: Cell, data: Data) -> Mapping[str, Array]:
    """Return the evidence of an attempt; raises Invalid where the data are no longer those it was made with."""
    saved: Mapping[str, Array] = np.load(cell_folder(run, cell.key) / "samples.npz", allow_pickle=False)
    then, now = saved.get("test_probe"), probe_rows(data)
    if then is not None and (then.shape != now.shape or not np.allclose(then, now, rtol=1e-5, atol=1e-8)):
        raise Invalid(f"dataset {cell.dataset.label!r} gives other data than those it was trained on; use --force")
    return saved


def probe_rows(data: Data) -> Array:
    """Return some held-out rows, by which the data are known again: on another processor last digits may differ."""
    return data.test[:: max(1, len(data.test) // MAX_PROBE_ROWS)][:MAX_PROBE_ROWS]
