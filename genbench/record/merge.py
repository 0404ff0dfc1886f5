"""Runs joined into a new one: every attempt of all, identical ones once, the sources named and never changed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.record.integrity import DamageError, digest_of
from genbench.record.run_directory import SESSION, write_run
from genbench.record.store import Damage, attempts, cell_folder, read_record, read_run, write_record

__all__ = ["Merged", "merge"]

Record = dict[str, Any]
OWN = ("attempt", "sha256", "source")  # what may differ in one attempt that two runs have
SAMPLES = ("copy", "link", "none")


@dataclass
class Merged:
    """What became of a merge."""

    cells: int = 0
    attempts: int = 0
    identical: int = 0
    renumbered: int = 0
    samples: int = 0
    damaged: tuple[Damage, ...] = ()


def merge(runs: Sequence[Path], out: Path, samples: str = "copy") -> Merged:
    """Join runs into ``out``, a directory that is empty or not there yet; raises UserError, and then leaves nothing.

    The attempts at a cell are numbered anew by when they ended, each with the run and the number it had as ``source``.
    ``samples`` are copied, linked (the files are shared with the sources, on one file system) or left out; where runs
    differ they are those of the attempt that counts.
    """
    if samples not in SAMPLES:
        raise UserError(f"--samples {samples}: expected one of {', '.join(SAMPLES)}")
    _check(runs, out)
    names = _names(runs)
    damaged: list[Damage] = []
    abouts = [read_run(run, damaged) for run in runs]
    found = _gathered(runs, names, damaged)
    merged = Merged(cells=len(found), damaged=tuple(damaged))
    with _built(out) as folder:
        (folder / "cells").mkdir()
        write_run(folder, _about(abouts, names, found))
        for key, many in found.items():
            _write(folder, key, many, samples, merged)
    return merged


def _check(runs: Sequence[Path], out: Path) -> None:
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError(f"merge: one run is named twice: {', '.join(map(str, runs))}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: there is something already; name a directory that is empty or not there yet")
    for run in runs:
        read_run(run, [])
        if out.resolve().is_relative_to(run.resolve()):
            raise UserError(f"--out {out}: lies in {run}, which is merged; name a directory outside it")


def _names(runs: Sequence[Path]) -> list[str]:
    names = [run.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


@dataclass(frozen=True)
class _Attempt:
    record: Record
    source: Mapping[str, Any]
    folder: Path


def _gathered(runs: Sequence[Path], names: Sequence[str], damaged: list[Damage]) -> dict[str, list[_Attempt]]:
    found: dict[str, list[_Attempt]] = {}
    for run, name in zip(runs, names, strict=True):
        for folder in sorted(run.glob("cells/*/*/")):
            for number, file in attempts(folder):
                try:
                    record = read_record(file)
                except (DamageError, OSError) as error:
                    damaged.append(Damage(file, str(error)))
                    continue
                source = record.get("source") or {"run": name, "attempt": number}
                found.setdefault(record["key"], []).append(_Attempt(record, source, folder))
    return found


def _about(abouts: Sequence[Record], names: Sequence[str], found: Mapping[str, Any]) -> Record:
    """Return the ``run.json`` that the sessions of all runs would have left had they shared one directory."""
    told = [about for about in abouts if about]
    first = told[0] if told else _unknown(found)
    sessions = [session for about in told for session in (_session(about), *about.get("sessions", []))]
    sessions.sort(key=lambda session: str(session.get("created")))
    start = sessions.index(_session(first)) if told else 0
    cells = dict.fromkeys([key for about in told for key in about.get("cells", [])] + list(found))
    sources = [{"run": name, "created": about.get("created")} for name, about in zip(names, abouts, strict=True)]
    return {**first, "cells": list(cells), "sessions": sessions[:start] + sessions[start + 1 :], "sources": sources}


def _unknown(found: Mapping[str, list[_Attempt]]) -> Record:
    """Return what is left to say of runs whose ``run.json`` is lost: when their first cell began."""
    begun = [str(each.record["started"]) for many in found.values() for each in many if each.record.get("started")]
    return {"created": min(begun, default=""), "request": {}, "skipped": [], "machine": {}, "versions": {}}


def _session(about: Mapping[str, Any]) -> Record:
    return {name: about[name] for name in SESSION if name in about}


def _write(out: Path, key: str, many: list[_Attempt], samples: str, merged: Merged) -> None:
    once: dict[str, _Attempt] = {}
    for attempt in many:
        content = {name: value for name, value in attempt.record.items() if name not in OWN}
        once.setdefault(digest_of(content), attempt)
    ordered = sorted(once.values(), key=lambda attempt: str(attempt.record.get("ended") or ""))
    for attempt in ordered:
        path = write_record(out, {**attempt.record, "source": attempt.source})
        merged.renumbered += path.stem != str(attempt.record.get("attempt"))
    merged.attempts += len(ordered)
    merged.identical += len(many) - len(ordered)
    scored = [each for each in ordered if each.record.get("phase") == "score"] or ordered
    merged.samples += _bring(scored[-1].folder, cell_folder(out, key), samples)


def _bring(source: Path, target: Path, samples: str) -> bool:
    """Bring what lies beside a cell's records; return whether samples were brought."""
    records = {path.name for _, path in attempts(source)}
    for path in sorted(source.iterdir()):
        if path.name in records or path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        large = path.suffix == ".npz"
        if large and samples == "link":
            try:
                os.link(path, target / path.name)
            except OSError as error:
                raise UserError(f"--samples link: {path}: {error.strerror}; take --samples copy") from None
        elif not large or samples == "copy":
            shutil.copy2(path, target / path.name)
    return (target / "samples.npz").exists()


@contextlib.contextmanager
def _built(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` that takes its place when all is in it, and is gone otherwise."""
    folder = out.absolute().parent / f".{out.name}.{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.replace(out)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror}); choose another directory") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
