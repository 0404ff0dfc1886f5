"""What commands derived from large runs, kept in the user's cache: known by the sha256 of all contents and of the code.

It saves the time of runs of many records, and is never trusted over them: the bytes of each file are read and hashed
each time. It may be deleted at any time. Nothing is written into a run, and nothing derived comes with one. The folder
is ``$GENBENCH_CACHE``, by default ``genbench`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; the empty text keeps nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from genbench.record.regular_file import open_regular

MIN_FILES = 100  # of a run: with fewer, little is saved
MAX_BYTES = 256 * 2**20  # of all that is kept: beyond, the oldest is deleted
CODE_SUFFIXES = (".py", ".json", ".j2", ".css", ".js")


def index_folder() -> Path | None:
    """Return the folder where derived content is kept; None where there is none."""
    given = os.environ.get("GENBENCH_CACHE")
    if given is not None:
        return Path(given) if given else None
    with contextlib.suppress(RuntimeError):  # without a home
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genbench"
    return None


@cache
def digest_of_code() -> str:
    """Return the sha256 of genbench's own files: what other code derived is not used."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.suffix in CODE_SUFFIXES):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def digest_of_runs(runs: Iterable[Path]) -> str:
    """Return the sha256 of the names and contents of all records of some runs; empty of few, or where one is amiss."""
    digest, count = hashlib.sha256(), 0
    try:
        for run in runs:
            for file in [run / "run.json", *sorted(run.glob("cells/*/*/*.json*"))]:
                if file.suffix == ".damaged":
                    return ""
                with open_regular(file) as stream:
                    content = hashlib.sha256(stream.read()).digest()
                digest.update(f"{run}\0{file.relative_to(run).as_posix()}\0".encode() + content)
                count += 1
    except OSError:
        return ""
    return digest.hexdigest() if count > MIN_FILES else ""


def recall(kind: str, key: Iterable[Any]) -> Any:
    """Return what was kept under a key of texts and numbers; None where there is nothing, or it is damaged."""
    with contextlib.suppress(OSError, ValueError):
        if (file := _file(kind, key)) is not None:
            seal, text = file.read_bytes().split(b"\n", 1)
            if seal.decode() == hashlib.sha256(text).hexdigest():
                return json.loads(text)
    return None


def keep(kind: str, key: Iterable[Any], value: Any) -> None:
    """Keep a value of JSON under a key, in place of an older one; where nothing can be written, do nothing."""
    with contextlib.suppress(OSError):
        if (file := _file(kind, key)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            text = json.dumps(value).encode()
            temporary.write_bytes(f"{hashlib.sha256(text).hexdigest()}\n".encode() + text)
            temporary.replace(file)
            _remove_oldest(file.parent)


@contextlib.contextmanager
def known_files(kind: str, run: Path, count: int) -> Iterator[set[str]]:
    """Yield the ``digest_of_file`` of those of ``count`` files that passed a check before, and keep what it then is."""
    if count < MIN_FILES:
        yield set()
        return
    key = [str(run.absolute())]
    before = recall(kind, key)
    known = set(before) if isinstance(before, list) else set()
    after = set(known)
    yield after
    if after != known:
        keep(kind, key, sorted(after))


def digest_of_file(file: Path, content: bytes) -> str:
    """Return the sha256 of a file's content, its name, and that of its folder."""
    return hashlib.sha256(f"{file.parent.name}/{file.name}\0".encode() + content).hexdigest()


def _file(kind: str, key: Iterable[Any]) -> Path | None:
    folder = index_folder()
    name = hashlib.sha256(json.dumps([digest_of_code(), kind, *key]).encode()).hexdigest()
    return None if folder is None else folder / f"{kind}-{name[:32]}.json"


def _remove_oldest(folder: Path) -> None:
    files = sorted(((file.stat(), file) for file in folder.glob("*-*.json")), key=lambda each: each[0].st_mtime_ns)
    total = sum(status.st_size for status, _ in files)
    for status, file in files:
        if total <= MAX_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= status.st_size
