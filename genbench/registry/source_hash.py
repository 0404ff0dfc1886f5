"""Hashes that identify code and data without a version: of the source of a plugin, of the contents of a path."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

SOURCE_SUFFIXES = (".json", ".py", ".pyd", ".so")  # .json: the cards of stored arrays, which hold their sha256
HELPERS = Path(__file__).parents[1] / "training" / "helpers"
USES_TRAINING = re.compile(r"\bgenbench\.training\b|\bfrom genbench import [^\n]*\btraining\b")


@cache
def source_hash(path: str, module: str = "", target: str = "") -> str:
    """Return the first 16 digits of the sha256 of a plugin's code: its file ``path``, or the top package it lies in.

    ``module`` is the plugin's module, ``target`` that of the class or function it names. If the latter lies in another
    package or module of the same folder, that is included.
    """
    digest = hashlib.sha256()
    for root in _roots(path, module, target):
        inside = [path for path in root.rglob("*") if path.suffix in SOURCE_SUFFIXES and path.is_file()]
        for file in [root] if root.is_file() else sorted(inside):
            name = file.relative_to(root.parent).as_posix()
            digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


@cache
def training_hash(path: str, module: str = "", target: str = "") -> str:
    """Return the hash of ``genbench.training.helpers`` for a plugin whose code imports from ``genbench.training``.

    The arguments are those of ``source_hash``. It is empty for a plugin that does not.
    """
    files = (
        file for root in _roots(path, module, target) for file in ([root] if root.is_file() else root.rglob("*.py"))
    )
    if not any(USES_TRAINING.search(file.read_text(encoding="utf-8", errors="replace")) for file in files):
        return ""
    return source_hash(str(HELPERS / "__init__.py"), "helpers")


def _roots(path: str, module: str, target: str) -> list[Path]:
    """Return the files and folders that hold the code of a plugin."""
    own, top = _root(Path(path), module), target.partition(".")[0]
    others = [own.parent / top, own.parent / f"{top}.py"] if top else []
    return sorted({own, *(other for other in others if other.exists())})


def _root(file: Path, module: str) -> Path:
    """Return the folder of the top package that the file of a module lies in, or the file if there is none."""
    levels = module.count(".") + (file.name == "__init__.py")
    return file.parents[levels - 1] if levels else file


def contents_of(path: str) -> str:
    """Return ``sha256:...`` of a file, or of the names and contents of the files in a folder, else ``absent``."""
    location = Path(path).expanduser()
    try:
        if location.is_dir():
            files = sorted(p for p in location.iterdir() if p.is_file() and not p.name.startswith("."))
            parts = [f"{file.name}\0{_digest(file)}\0" for file in files]
            return f"sha256:{hashlib.sha256(''.join(parts).encode()).hexdigest()}"
        return f"sha256:{_digest(location)}"
    except OSError:
        return "absent"


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
