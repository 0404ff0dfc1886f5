"""Compressed files: the name of what is inside, and its bytes, unpacked in a stream that stops at a limit."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
CHUNK_BYTES = 2**20
HIDDEN = ("__MACOSX/", ".DS_Store")  # what macOS adds to the files that one packs


def compression_of(path: Path) -> str | None:
    """Return ``gzip``, ``bz2``, ``xz``, ``zstd`` or ``zip`` by the file's suffix, None for any other."""
    return COMPRESSIONS.get(path.suffix.lower())


def list_members(path: Path) -> list[str]:
    """Return the names of the files in a zip, without those that macOS adds."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    return [name for name in names if not name.startswith(HIDDEN) and not name.endswith(HIDDEN)]


@contextmanager
def open_content(path: Path, member: str | None = None) -> Iterator[IO[bytes]]:
    """Open a compressed file as a stream of what is inside; ``member`` names a file in a zip.

    Raises whatever the library raises on a damaged file, and RuntimeError for a zip with a password.
    """
    kind = compression_of(path)
    if kind == "zip":
        import zipfile

        with zipfile.ZipFile(path) as archive, archive.open(member or "") as inside:
            yield inside
    else:
        with _open_stream(path, kind) as stream:
            yield stream


def _open_stream(path: Path, kind: str | None) -> Any:
    if kind == "zstd":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    if kind == "gzip":
        import gzip

        return gzip.open(path)
    if kind == "bz2":
        import bz2

        return bz2.open(path)
    import lzma

    return lzma.open(path)


def compress(path: Path, target: Path, member: str) -> None:
    """Write the content of a file into ``target``, compressed by its suffix, in a zip under the name ``member``."""
    kind = compression_of(target)
    if kind == "zip":
        import zipfile

        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, member)
        return
    with path.open("rb") as source, _open_to_write(target, kind) as stream:
        shutil.copyfileobj(source, stream, CHUNK_BYTES)


def _open_to_write(path: Path, kind: str | None) -> Any:
    if kind == "zstd":
        import pyarrow as pa

        return pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd")
    if kind == "gzip":
        import gzip

        return gzip.open(path, "wb")
    if kind == "bz2":
        import bz2

        return bz2.open(path, "wb")
    import lzma

    return lzma.open(path, "wb")


def read_limited(stream: IO[bytes], max_bytes: int) -> bytes | None:
    """Return all bytes of a stream, or None as soon as there are more than ``max_bytes``."""
    content = io.BytesIO()  # hands out what it holds without a copy
    while chunk := stream.read(CHUNK_BYTES):
        if content.tell() + len(chunk) > max_bytes:
            return None
        content.write(chunk)
    return content.getvalue()
