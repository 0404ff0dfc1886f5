"""What a result is traced to where no version tells: the source of a plugin, the contents of a path."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["contents_of", "source_hash"]

SOURCES = (".json", ".py", ".pyd", ".so")  # the cards of stored data hold their sha256


@cache
def source_hash(path: str, module: str = "", target: str = "") -> str:
    """Return the sha256, cut to 16 digits, of what a plugin runs: the file ``path``, or the whole package it lies in.

    ``module`` is the plugin's own, ``target`` that of the attribute it names, which may lie in a module beside it.
    """
    own, top = _root(Path(path), module), target.partition(".")[0]
    beside = [own.parent / top, own.parent / f"{top}.py"] if top else []
    digest = hashlib.sha256()
    for root in sorted({own, *(each for each in beside if each.exists())}):
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.suffix in SOURCES and p.is_file())
        for file in files:
            name = file.relative_to(root.parent).as_posix()
            digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _root(file: Path, module: str) -> Path:
    """Return the folder of the top package that a module's file lies in, or the file where it is in none."""
    levels = module.count(".") + (file.name == "__init__.py")
    return file.parents[levels - 1] if levels else file


def contents_of(path: str) -> str:
    """Return ``sha256:...`` of a file, or of the names and contents of the files of a folder; ``absent`` if none."""
    place = Path(path).expanduser()
    try:
        if place.is_dir():
            files = sorted(p for p in place.iterdir() if p.is_file() and not p.name.startswith("."))
            parts = [f"{file.name}\0{_digest(file)}\0" for file in files]
            return f"sha256:{hashlib.sha256(''.join(parts).encode()).hexdigest()}"
        return f"sha256:{_digest(place)}"
    except OSError:
        return "absent"


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
