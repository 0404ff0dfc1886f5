"""A cache of images: chunks with seeds of their own, in a folder for each set of options that changes images.

For given options a chunk depends on its number alone, so a larger number of images begins with the same ones. Each
chunk is a file. ``GENBENCH_ASTRO_CACHE`` sets the folder of the cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from genbench.errors import DataError
from genbench.protocol import Array

__all__ = ["CHUNK", "cache_folder", "images"]

CHUNK = 500  # images, which take half a second to draw
FORMAT = 1  # to be raised when the same options give other images, or when the format of the files changes

Options = Mapping[str, Any]


def cache_folder(options: Options) -> Path:
    """Return the folder of the chunks for these options."""
    home = os.environ.get("GENBENCH_ASTRO_CACHE")
    if not home:
        import platformdirs

        home = platformdirs.user_cache_dir("genbench-astro")
    digest = hashlib.sha256(json.dumps([FORMAT, CHUNK, dict(options)], sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / f"galaxies-{digest}"


def images(options: Options, n: int, progress: Callable[[int, int], None]) -> tuple[Array, float]:
    """Return the first ``n`` images (n, size, size), float32, and the cost of an image in CPU seconds.

    Images that are not in the cache are drawn. ``progress`` is called with the number of images so far and ``n``.
    Raises DataError where the cache cannot be written.
    """
    folder = cache_folder(options)
    numbers = range(-(-n // CHUNK))
    out = np.empty((len(numbers) * CHUNK, options["size"], options["size"]), dtype=np.float32)
    costs = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            for number in numbers:
                part = out[number * CHUNK : (number + 1) * CHUNK]
                part[:], cost = _chunk(options, folder, number, part.shape)
                costs.append(cost)
                progress(min((number + 1) * CHUNK, n), n)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; GENBENCH_ASTRO_CACHE=FOLDER keeps images elsewhere") from None
    # other work on the machine can only add to the time for an image, so the minimum is the best estimate
    return out[:n], min(costs)


def _chunk(options: Options, folder: Path, number: int, shape: tuple[int, ...]) -> tuple[Array, float]:
    """Return a chunk and the cost of one of its images, from the cache or newly drawn."""
    path = folder / f"{number:05d}.npz"
    cached = _read(path, shape)
    if cached is not None:
        return cached
    from genbench_astro.draw import chunk

    drawn, cost = chunk(options, number, shape[0])
    (folder / "options.json").write_text(json.dumps(dict(options), indent=2) + "\n", encoding="utf-8")
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, images=drawn, seconds=cost)  # noise cannot be compressed
    partial.replace(path)
    return drawn, cost


def _read(path: Path, shape: tuple[int, ...]) -> tuple[Array, float] | None:
    """Return a chunk and the cost of one of its images, or None where the file is missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            drawn, cost = stored["images"], float(stored["seconds"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None
    return (drawn, cost) if drawn.shape == shape else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder, so that other processes wait for its images and do not draw them too."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
