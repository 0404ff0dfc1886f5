"""Write and read the samples and log-densities of a cell, and a few rows by which its data are recognised."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from genbench.errors import Damaged, Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.record.evidence_file import damage_of, evidence_path
from genbench.record.regular_file import open_regular
from genbench.record.store import cell_folder

MAX_PROBE_ROWS = 64
OTHER_PROBES, MAX_OTHER_ROWS = ("train", "reference"), 8  # rows of the other splits


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
        temporary.replace(evidence_path(folder))
    finally:
        temporary.unlink(missing_ok=True)


def read_samples(run: Path, cell: Cell, data: Data, digests: Mapping[str, str] | None = None) -> Mapping[str, Array]:
    """Return the evidence that an attempt saved, whose ``DIGEST_FIELDS`` are known to be ``digests``.

    Raises Damaged where it is another, and Invalid where the dataset gives other data now.
    """
    stream = open_regular(evidence_path(cell_folder(run, cell.key)))  # the file may be replaced between two looks at it
    if reason := damage_of(stream, digests or {}):
        stream.close()
        raise Damaged(f"samples.npz is damaged: {reason}")
    stream.seek(0)
    saved: Mapping[str, Array] = np.load(stream, allow_pickle=False)
    for name, now in probes_of(data).items():
        then = saved.get(name)
        if then is None or (then.shape == now.shape and np.allclose(then, now, rtol=1e-5, atol=1e-8)):
            continue
        raise Invalid(f"dataset {cell.dataset.label!r} gives other data than the model was trained on; use --force")
    return saved


def probes_of(data: Data) -> dict[str, Array]:
    """Return some rows of each split by the names under which they are saved."""
    others = {f"{name}_probe": getattr(data, name)[:MAX_OTHER_ROWS] for name in OTHER_PROBES}
    return {"test_probe": probe_rows(data), **others}


@contextlib.contextmanager
def probes_on_disk(run: Path, cell: Cell, data: Data) -> Iterator[Callable[[], dict[str, Array]]]:
    """Write the probes of data, which are held-out rows, to a file while entered; yield a function that reads them.

    The file has no name, so that nothing of it is left and another session that runs the same cell has its own.
    """
    folder = cell_folder(run, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f".probes.{os.getpid()}.npz"
    try:
        np.savez(file, **probes_of(data))  # type: ignore[arg-type]
        stream = file.open("rb")
    finally:
        file.unlink(missing_ok=True)
    del data  # which no frame may hold meanwhile

    def read() -> dict[str, Array]:
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as saved:
            return dict(saved)

    try:
        yield read
    finally:
        with contextlib.suppress(OSError):  # a plugin may have closed it
            stream.close()


def probe_rows(data: Data) -> Array:
    """Return some held-out rows by which the data are recognised; on another processor the last digits may differ."""
    return data.test[:: max(1, len(data.test) // MAX_PROBE_ROWS)][:MAX_PROBE_ROWS]
