"""Images are drawn once: chunks with seeds of their own, kept by all options that change an image.

A chunk depends on its number alone, so more images begin with the same ones. The cache is a folder for each set of
options, with a file a chunk; ``GENBENCH_ASTRO_CACHE`` moves it.
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

CHUNK = 500  # images: half a second of work
FORMAT = 1  # raised when the same options give other images, or the files look different

Options = Mapping[str, Any]


def cache_folder(options: Options) -> Path:
    """Return where chunks of these options are kept."""
    home = os.environ.get("GENBENCH_ASTRO_CACHE")
    if not home:
        import platformdirs

        home = platformdirs.user_cache_dir("genbench-astro")
    digest = hashlib.sha256(json.dumps([FORMAT, CHUNK, dict(options)], sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / f"galaxies-{digest}"


def images(options: Options, n: int, tell: Callable[[int, int], None]) -> tuple[Array, float]:
    """Return the first ``n`` images (n, size, size), float32, drawing those that the cache lacks, and the cost of one.

    The cost is in CPU seconds; ``tell`` hears how many images are there, of how many. Raises DataError where they
    cannot be kept.
    """
    folder = cache_folder(options)
    numbers = range(-(-n // CHUNK))
    out = np.empty((len(numbers) * CHUNK, options["size"], options["size"]), dtype=np.float32)
    costs = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            for number in numbers:
                part = out[number * CHUNK : (number + 1) * CHUNK]
                part[:], cost = _chunk(options, folder, number, part.shape)
                costs.append(cost)
                tell(min((number + 1) * CHUNK, n), n)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; GENBENCH_ASTRO_CACHE=FOLDER keeps images elsewhere") from None
    return out[:n], min(costs)  # other work on the machine only ever adds: the least disturbed chunk tells the cost


def _chunk(options: Options, folder: Path, number: int, shape: tuple[int, ...]) -> tuple[Array, float]:
    """Return a chunk and the cost of one of its images, from the cache or drawn now."""
    path = folder / f"{number:05d}.npz"
    kept = _read(path, shape)
    if kept is not None:
        return kept
    from genbench_astro.draw import chunk

    drawn, cost = chunk(options, number, shape[0])
    (folder / "options.json").write_text(json.dumps(dict(options), indent=2) + "\n", encoding="utf-8")
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez(file, images=drawn, seconds=cost)  # noise cannot be compressed
    partial.replace(path)
    return drawn, cost


def _read(path: Path, shape: tuple[int, ...]) -> tuple[Array, float] | None:
    """Return a chunk, None where there is none or it is damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            drawn, cost = stored["images"], float(stored["seconds"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None
    return (drawn, cost) if drawn.shape == shape else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: whoever asks for the same images meanwhile waits for them and need not draw them."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
