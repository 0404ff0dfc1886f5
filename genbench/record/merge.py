"""Merge runs into a new one: all attempts of all runs, identical ones once, each with its source."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from genbench.errors import UserError
from genbench.record.index import known_files
from genbench.record.integrity import DamageError, digest_of
from genbench.record.run_directory import session_of, write_run
from genbench.record.store import Damage, attempts, cell_folder, read_record, read_run, takes_precedence, write_record

Record = dict[str, Any]
IGNORED_FIELDS = ("attempt", "sha256", "source")  # in which two copies of one attempt may differ
IN_PROGRESS = ".merging"  # in a run that is being made, locked by the process that makes it
SAMPLE_CHOICES = ("copy", "link", "none")


@dataclass
class MergeSummary:
    """How many cells, attempts and samples the merged run holds, and which files were damaged."""

    cells: int = 0
    attempts: int = 0
    identical: int = 0
    renumbered: int = 0
    samples: int = 0
    damaged: tuple[Damage, ...] = ()


def merge(runs: Sequence[Path], out: Path, samples: str = "copy", *, compress: bool = False) -> MergeSummary:
    """Merge runs into the directory ``out``, which is empty or does not exist yet; the runs stay as they are.

    The attempts of a cell are numbered again in the order in which they ended; each keeps its run and its old number
    as ``source``. ``samples`` are copied, linked (``out`` then shares the files with the runs, on one file system) or
    left out; if runs differ, those of the latest scored attempt are taken. ``compress`` writes the records by gzip.
    Raises UserError, and then leaves nothing.
    """
    if samples not in SAMPLE_CHOICES:
        raise UserError(f"--samples {samples}: expected one of {', '.join(SAMPLE_CHOICES)}")
    _check(runs, out)
    names = _names(runs)
    damaged: list[Damage] = []
    run_infos = [read_run(run, damaged) for run in runs]
    attempts_by_key = _read_attempts(runs, names, damaged)
    summary = MergeSummary(cells=len(attempts_by_key), damaged=tuple(damaged))
    with _new_directory(out) as folder:
        (folder / "cells").mkdir()
        write_run(folder, _merge_run_infos(run_infos, names, attempts_by_key))
        for key, found in attempts_by_key.items():
            _write(folder, key, found, samples, summary, compress)
    return summary


def _check(runs: Sequence[Path], out: Path) -> None:
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError(f"merge: one run is named twice: {', '.join(map(str, runs))}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: exists already; name a directory that is empty or does not exist yet")
    for run in runs:
        read_run(run, [])
        if out.resolve().is_relative_to(run.resolve()):
            raise UserError(f"--out {out}: lies in {run}, one of the runs to merge; name a directory outside it")


def _names(runs: Sequence[Path]) -> list[str]:
    names = [run.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


@dataclass(frozen=True)
class _Attempt:
    record: Record
    source: Mapping[str, Any]
    folder: Path


def _read_attempts(runs: Sequence[Path], names: Sequence[str], damaged: list[Damage]) -> dict[str, list[_Attempt]]:
    """Return the attempts of all runs by the key of their cell, and add unreadable files to ``damaged``."""
    found: dict[str, list[_Attempt]] = {}
    for run, name in zip(runs, names, strict=True):
        folders = sorted(run.glob("cells/*/*/"))
        with known_files("read", run, len(folders)) as known:
            for folder in folders:
                for number, file in attempts(folder):
                    try:
                        record = read_record(file, known)
                    except (DamageError, OSError) as error:
                        damaged.append(Damage(file, str(error)))
                        continue
                    source = record.get("source") or {"run": name, "attempt": number}
                    found.setdefault(record["key"], []).append(_Attempt(record, source, folder))
    return found


def _merge_run_infos(
    run_infos: Sequence[Record], names: Sequence[str], attempts_by_key: Mapping[str, list[_Attempt]]
) -> Record:
    """Return the ``run.json`` that the sessions of all runs would have written in one directory."""
    readable = [info for info in run_infos if info]
    first = readable[0] if readable else _reconstructed_run_info(attempts_by_key)
    sessions = [session for info in readable for session in (session_of(info), *info.get("sessions", []))]
    sessions.sort(key=lambda session: str(session.get("created")))
    start = sessions.index(session_of(first)) if readable else 0
    cells = dict.fromkeys([key for info in readable for key in info.get("cells", [])] + list(attempts_by_key))
    sources = [{"run": name, "created": info.get("created")} for name, info in zip(names, run_infos, strict=True)]
    return {**first, "cells": list(cells), "sessions": sessions[:start] + sessions[start + 1 :], "sources": sources}


def _reconstructed_run_info(attempts_by_key: Mapping[str, list[_Attempt]]) -> Record:
    """Return a ``run.json`` in place of those that are lost: all that is known is when the first cell started."""
    records = [attempt.record for found in attempts_by_key.values() for attempt in found]
    started = [str(record["started"]) for record in records if record.get("started")]
    return {"created": min(started, default=""), "request": {}, "skipped": [], "machine": {}, "versions": {}}


def _write(out: Path, key: str, found: list[_Attempt], samples: str, summary: MergeSummary, compress: bool) -> None:
    """Write the attempts of a cell and copy its samples, and count them in ``summary``."""
    ordered = sorted(_distinct(found), key=lambda attempt: str(attempt.record.get("ended") or ""))
    for attempt in ordered:
        path = write_record(out, {**attempt.record, "source": attempt.source}, compress=compress)
        summary.renumbered += path.name.partition(".")[0] != str(attempt.record.get("attempt"))
    summary.attempts += len(ordered)
    summary.identical += len(found) - len(ordered)
    scored = [attempt for attempt in ordered if attempt.record.get("phase") == "score"] or ordered
    latest = [attempt for attempt in scored if takes_precedence(attempt.record)] or scored  # of these are its scores
    summary.samples += _copy_other_files(latest[-1].folder, cell_folder(out, key), samples)


def _distinct(found: list[_Attempt]) -> list[_Attempt]:
    if len(found) == 1:
        return found
    distinct: dict[str, _Attempt] = {}
    for attempt in found:
        content = {name: value for name, value in attempt.record.items() if name not in IGNORED_FIELDS}
        distinct.setdefault(digest_of(content), attempt)
    return list(distinct.values())


def _copy_other_files(source: Path, target: Path, samples: str) -> bool:
    """Copy or link what lies beside the records of a cell; return whether ``target`` has samples."""
    records = {path.name for _, path in attempts(source)}
    for path in sorted(source.iterdir()):
        if path.name in records or path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        large = path.suffix in (".npz", ".safetensors")
        if large and samples == "link":
            try:
                os.link(path, target / path.name)
            except OSError as error:
                raise UserError(f"--samples link: {path}: {error.strerror}; use --samples copy") from None
        elif not large or samples == "copy":
            shutil.copy2(path, target / path.name)
    return (target / "samples.npz").exists()


def _remove_abandoned(parent: Path, name: str) -> None:
    """Delete what merges into the same directory left that were killed: the lock of each ended with its process."""
    for folder in parent.glob(f".{glob.escape(name)}.{'[0-9a-f]' * 8}"):
        with contextlib.suppress(OSError), (folder / IN_PROGRESS).open("r+") as held:
            if _lock(held):
                shutil.rmtree(folder, ignore_errors=True)


def _lock(file: TextIO) -> bool:
    """Lock a file until it is closed; return False where another process holds it, or nothing can be locked."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextlib.contextmanager
def _new_directory(out: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``out``; rename it to ``out`` at the end, or delete it after an error."""
    parent = out.absolute().parent
    _remove_abandoned(parent, out.name)
    folder = parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)
        with (folder / IN_PROGRESS).open("w") as held:
            _lock(held)
            yield folder
            (folder / IN_PROGRESS).unlink()
            folder.replace(out)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror}); choose another directory") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
