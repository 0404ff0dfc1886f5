"""The file of a cell's evidence, ``samples.npz``: its sha256, and whether it still is what a record states.

Everything is read in blocks, and nothing is unpickled; numpy is not needed.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from genbench.record.regular_file import open_regular

DIGEST_FIELDS = ("samples_sha256", "evidence_sha256")  # of a record
SAMPLES = "samples.npy"  # the array of samples within the file
BLOCK_BYTES = 2**20
MAX_HEADER_BYTES = 10_000  # of an array, as numpy has it
READ_ERRORS = (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, SyntaxError, struct.error)


def evidence_path(folder: Path) -> Path:
    """Return the file of the evidence in the folder of a cell."""
    return folder / "samples.npz"


def digest_of_evidence(file: Path | IO[bytes]) -> str:
    """Return the sha256 of the names and contents of all arrays; raises one of ``READ_ERRORS`` for a damaged file."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(file) as archive:
        for name in sorted(archive.namelist()):
            digest.update(f"{name} {archive.getinfo(name).file_size} ".encode())
            with archive.open(name) as stream:
                _add(digest, stream)
    return digest.hexdigest()


def damage_of(file: Path | IO[bytes], digests: Mapping[str, Any]) -> str:
    """Return why a file is not the evidence whose ``DIGEST_FIELDS`` these are, empty if it is.

    A record that states none, of an older genbench, is held to the checksums of the file only.
    """
    try:
        with contextlib.nullcontext(file) if not isinstance(file, Path) else open_regular(file) as stream:
            found = {"evidence_sha256": digest_of_evidence(stream), "samples_sha256": _digest_of_samples(stream)}
    except READ_ERRORS as error:
        return f"cannot be read: {error}"
    for name, digest in found.items():
        stated = digests.get(name)
        if stated and digest and digest != stated:
            return (
                f"its {name.removesuffix('_sha256')} has the sha256 {digest[:12]}.., the record states "
                f"{str(stated)[:12]}..: it was changed or replaced after the cell was trained"
            )
    return ""


def _digest_of_samples(file: Path | IO[bytes]) -> str:
    """Return the sha256 of the samples' shape, type and bytes; empty where they are not there, or in column order."""
    with zipfile.ZipFile(file) as archive:
        if SAMPLES not in archive.namelist():
            return ""
        with archive.open(SAMPLES) as stream:
            version = stream.read(8)[6:7]
            size, kind = (2, "<H") if version == b"\x01" else (4, "<I")
            header = ast.literal_eval(
                stream.read(min(MAX_HEADER_BYTES, struct.unpack(kind, stream.read(size))[0])).decode()
            )
            if header["fortran_order"]:
                return ""
            digest = hashlib.sha256(f"{header['shape']} {header['descr']} ".encode())
            _add(digest, stream)
    return digest.hexdigest()


def _add(digest: Any, stream: IO[bytes]) -> None:
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
