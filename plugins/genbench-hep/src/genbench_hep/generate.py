"""Generate any number of events, in chunks with seeds of their own, in several processes, and keep them in a cache.

For given options a chunk depends on its index alone: any number of processes gives the same events in the same order,
and a larger number of events begins with the same ones. The cache is a folder for each set of options that changes
events, with a file for each chunk. ``GENBENCH_HEP_CACHE`` sets the folder of the cache.
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

__all__ = ["CHUNK", "Generated", "cache_folder", "generate", "show_progress"]

CHUNK = 500  # events, which take some seconds to generate
FORMAT = 1  # to be raised when the same options give other events, or when the format of the files changes

Options = Mapping[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Generated:
    """Events, and the CPU seconds for an event."""

    events: Array  # (n, d), float32
    seconds: Array  # (2,): for generation, and for the substructure of jets


def cache_folder(options: Options) -> Path:
    """Return the folder of the chunks for these options."""
    home = os.environ.get("GENBENCH_HEP_CACHE")
    if not home:
        import platformdirs

        home = platformdirs.user_cache_dir("genbench-hep")
    digest = hashlib.sha256(json.dumps([FORMAT, CHUNK, dict(options)], sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / f"{options['dataset']}-{digest}"


def generate(options: Options, n: int, processes: int = 0, progress: Progress | None = None) -> Generated:
    """Return the first ``n`` events for ``options``; those that are not in the cache are generated.

    ``options`` are all that change events, with the name of the dataset and the version of Pythia. ``progress`` is
    called with the number of events generated so far and the number that was missing. Raises DataError where the cache
    cannot be written.
    """
    folder = cache_folder(options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; GENBENCH_HEP_CACHE=FOLDER keeps events elsewhere") from None
    wanted = range(-(-n // CHUNK))
    with _locked(folder):
        chunks = {index: chunk for index in wanted if (chunk := _read(_file(folder, index))) is not None}
        missing = [index for index in wanted if index not in chunks]
        if missing:
            (folder / "options.json").write_text(json.dumps(dict(options), indent=2) + "\n", encoding="utf-8")
        for index, chunk in _generated(options, missing, processes):
            _write(_file(folder, index), chunk)
            chunks[index] = chunk
            if progress is not None:
                progress(CHUNK * (len(chunks) - len(wanted) + len(missing)), CHUNK * len(missing))
    # other work on the machine can only add to the time for an event, so the minimum is the best estimate
    seconds = np.min([chunks[index]["seconds"] for index in wanted], axis=0)
    return Generated(np.concatenate([chunks[index]["events"] for index in wanted])[:n], seconds)


def _generated(options: Options, missing: list[int], processes: int) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield chunks as they are finished; they are generated in other processes, as Pythia has global state."""
    from genbench_hep.pythia import chunk

    if not missing:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(processes or cores, len(missing))
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_redirect_stdout)
    try:
        futures = {pool.submit(chunk, dict(options), index, CHUNK): index for index in missing}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _redirect_stdout() -> None:
    """Send what Pythia and fastjet print to stderr, as it is not the output of a command."""
    os.dup2(2, 1)


# ----------------------------------------------------------------------------------------------------------- the cache


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.npz"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder, so that other processes wait for its events and do not generate them too."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> dict[str, Array] | None:
    """Return a chunk, or None where the file is missing or damaged."""
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
def show_progress(name: str) -> Iterator[Progress]:
    """Yield a function of done and total events that shows a bar on a terminal, or else prints a line every tenth.

    A cell of a run has no terminal: there the run is informed too, and shows the progress on the line of the cell.
    """
    if not sys.stderr.isatty():
        yield _lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"generating {name}", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def _lines(name: str) -> Progress:
    start = time.monotonic()
    printed = 0  # tenths

    def show(done: int, total: int) -> None:
        nonlocal printed
        tell_loading(done, total)
        if 10 * done // total > printed:
            printed = 10 * done // total
            rate = done / max(time.monotonic() - start, 1e-3)
            print(f"{name}: {done} of {total} events, {rate:.0f}/s", file=sys.stderr, flush=True)  # noqa: T201

    return show
