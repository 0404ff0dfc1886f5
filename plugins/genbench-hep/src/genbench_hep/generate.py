"""Events in any number: in chunks with seeds of their own, by several processes, kept in a cache.

A chunk's events depend on its index alone, so any number of processes gives the same events in the same order, and more
events begin with the same ones. The cache is a folder for each set of options that changes events, one file a chunk;
``GENBENCH_HEP_CACHE`` moves it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from genbench.errors import DataError
from genbench.loading import tell_loading
from genbench.protocol import Array

__all__ = ["CHUNK", "Generated", "cache_folder", "generate", "tell"]

CHUNK = 500  # events: some seconds of work
FORMAT = 1  # raised when the same options give other events, or the files look different

Options = Mapping[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Generated:
    """Events (n, d) float32, and the CPU seconds that one took: of generation, and of the substructure of jets."""

    events: Array
    seconds: Array  # (2,)


def cache_folder(options: Options) -> Path:
    """Return where chunks of these options are kept."""
    home = os.environ.get("GENBENCH_HEP_CACHE")
    if not home:
        import platformdirs

        home = platformdirs.user_cache_dir("genbench-hep")
    digest = hashlib.sha256(json.dumps([FORMAT, CHUNK, dict(options)], sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / f"{options['dataset']}-{digest}"


def generate(options: Options, n: int, processes: int = 0, progress: Progress | None = None) -> Generated:
    """Return the first ``n`` events of ``options``, generating those that the cache lacks.

    ``options`` hold all that changes an event, the dataset's name and Pythia's version among it. ``progress`` hears how
    many of the missing events are there, and how many were missing. Raises DataError where they cannot be kept.
    """
    folder = cache_folder(options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; GENBENCH_HEP_CACHE=FOLDER keeps events elsewhere") from None
    wanted = range(-(-n // CHUNK))
    with _alone(folder):
        chunks = {index: chunk for index in wanted if (chunk := _read(_file(folder, index))) is not None}
        missing = [index for index in wanted if index not in chunks]
        if missing:
            (folder / "options.json").write_text(json.dumps(dict(options), indent=2) + "\n", encoding="utf-8")
        for index, chunk in _made(options, missing, processes):
            _write(_file(folder, index), chunk)
            chunks[index] = chunk
            if progress is not None:
                progress(CHUNK * (len(chunks) - len(wanted) + len(missing)), CHUNK * len(missing))
    # other work on the machine only ever adds to the cost of an event: the least disturbed chunk tells it
    seconds = np.min([chunks[index]["seconds"] for index in wanted], axis=0)
    return Generated(np.concatenate([chunks[index]["events"] for index in wanted])[:n], seconds)


def _made(options: Options, missing: list[int], processes: int) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield chunks as they are finished; each is made in a process of its own kind, for Pythia keeps global state."""
    from genbench_hep.pythia import chunk

    if not missing:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(processes or cores, len(missing))
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_hush)
    try:
        made = {pool.submit(chunk, dict(options), index, CHUNK): index for index in missing}
        for future in as_completed(made):
            yield made[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _hush() -> None:
    """Send what Pythia and fastjet print to the errors: it is no output of a command."""
    os.dup2(2, 1)


# ----------------------------------------------------------------------------------------------------------- the cache


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.npz"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: whoever asks for the same events meanwhile waits for them and need not make them."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> dict[str, Array] | None:
    """Return a chunk, None where there is none or it is damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            chunk = {name: stored[name] for name in ("events", "seconds")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return chunk if len(chunk["events"]) == CHUNK else None


def _write(path: Path, chunk: Mapping[str, Array]) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, events=chunk["events"], seconds=chunk["seconds"])
    partial.replace(path)


# ------------------------------------------------------------------------------------------------------------ progress


@contextmanager
def tell(what: str) -> Iterator[Progress]:
    """Give a listener that draws a bar on a terminal; where there is none it writes a line for every tenth.

    A cell of a run has no terminal: there the run hears of it too, and shows it on the line of the cell.
    """
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"generating {what}", total=None, visible=False)
        yield lambda done, whole: bar.update(task, completed=done, total=whole, visible=True)


def _lines(what: str) -> Progress:
    start = time.monotonic()
    told = 0

    def say(done: int, whole: int) -> None:
        nonlocal told
        tell_loading(done, whole)
        if 10 * done // whole > told:
            told = 10 * done // whole
            rate = done / max(time.monotonic() - start, 1e-3)
            print(f"{what}: {done} of {whole} events, {rate:.0f}/s", file=sys.stderr, flush=True)  # noqa: T201

    return say
