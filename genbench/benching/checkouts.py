"""The two sides of a benchmark: versions of one distribution, each installed into an environment of its own.

What a side is made of (``git``, wheels) is found before anything is measured. Both sides are installed alike, on top of
the libraries that are there already: only the distribution itself is another.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import venv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genbench.errors import UserError
from genbench.record.store import read_run

__all__ = ["Side", "Source", "find_run", "find_source", "install"]

TREE = "."  # the files of the project as they are, uncommitted ones among them


@dataclass(frozen=True)
class Source:
    """What a side is installed from: a wheel, a commit, or the working tree, which may differ from its commit."""

    label: str
    project: Path
    wheel: Path | None = None
    commit: str = ""
    tree: bool = False


@dataclass(frozen=True)
class Side:
    """An environment that holds one version of a distribution, and the interpreter that sees it."""

    label: str
    python: Path
    distribution: str
    version: str
    commit: str = ""


# ------------------------------------------------------------------------------------------------------------- finding


def find_source(what: str, project: Path) -> Source:
    """Return what ``.`` (the working tree), a wheel's path or a git ref stands for; raises UserError."""
    if what.endswith(".whl"):
        if not Path(what).is_file():
            raise UserError(f"{what}: no such wheel; build one with: python -m pip wheel --no-deps .")
        return Source(Path(what).name, project, wheel=Path(what).resolve())
    if not (project / "pyproject.toml").is_file():
        raise UserError(
            f"{project}: no pyproject.toml; call it in the folder of a project, or name that: --project DIR"
        )
    if what == TREE:
        commit = _commit("HEAD", project) if _is_repository(project) else ""
        return Source("working tree", project, commit=commit, tree=True)
    if not _is_repository(project):
        raise UserError(f"{what}: {project} is in no git repository and this is no wheel; what should be compared?")
    commit = _commit(what, project)
    if not commit:
        raise UserError(f"{what}: no commit of this name in {project}; git fetch it first (in CI: fetch-depth: 0)")
    return Source(what if commit.startswith(what) else f"{what} ({commit[:9]})", project, commit=commit)


def find_run(run: Path, project: Path) -> Source:
    """Return the commit of genbench that made a run of cells; raises UserError where the run tells none."""
    told = str(read_run(run).get("commit") or "")
    if not told:
        raise UserError(
            f"--against {run}: a run that tells no commit of genbench; give a git ref, a wheel, or a file of --save"
        )
    commit, _, dirty = told.partition("-")
    source = find_source(commit, project)
    return replace(source, label=f"{run} ({commit[:9]}{', changes since then left out' if dirty else ''})")


def _git(project: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise UserError("git is not installed; install it, or give wheels: --against OLD.whl --head NEW.whl")
    command = [program, "-C", str(project), *arguments]
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (git)


def _is_repository(project: Path) -> bool:
    return _git(project, "rev-parse", "--is-inside-work-tree").stdout.strip() == b"true"


def _commit(ref: str, project: Path) -> str:
    found = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return found.stdout.decode().strip().splitlines()[-1] if found.returncode == 0 else ""


# ---------------------------------------------------------------------------------------------------------- installing


def install(source: Source, folder: Path) -> Side:
    """Install a source into an environment under ``folder``; raises UserError, with pip's last words, if it fails."""
    python, site = _environment(folder / "environment")
    _pip(source.wheel or _unpacked(source, folder / "source"), site, source.label)
    [found] = importlib.metadata.distributions(path=[str(site)])
    return Side(source.label, python, _normalised(found.metadata["Name"]), found.version, source.commit)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _environment(folder: Path) -> tuple[Path, Path]:
    """Return the interpreter and the site-packages of a new environment that sees what this one has installed."""
    venv.EnvBuilder(symlinks=True).create(folder)
    places = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", places))
    told = subprocess.run(
        [sys.executable, "-P", "-c", "import json, sys; print(json.dumps(sys.path))"],
        capture_output=True,
        check=True,
        text=True,
    )
    own = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    own |= {path / "lib-dynload" for path in own}
    linked = [path for path in json.loads(told.stdout) if Path(path).is_dir() and Path(path).resolve() not in own]
    (site / "installed_here.pth").write_text("".join(f"{path}\n" for path in linked), encoding="utf-8")
    return Path(sysconfig.get_path("scripts", "venv", places)) / "python", site


def _unpacked(source: Source, folder: Path) -> Path:
    """Copy a commit, or the working tree, and return where the project lies in the copy."""
    folder.mkdir()
    if not _is_repository(source.project):
        shutil.copytree(source.project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "*.egg-info"))
        return folder
    top = Path(_git(source.project, "rev-parse", "--show-toplevel").stdout.decode().strip())
    if source.tree:
        _copy_tree(top, folder)
    else:
        archive = _git(top, "archive", "--format=tar", source.commit)
        with tempfile.TemporaryFile() as file:
            file.write(archive.stdout)
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                tar.extractall(folder, filter="data")
    project = folder / source.project.resolve().relative_to(top.resolve())
    if not (project / "pyproject.toml").is_file():
        raise UserError(f"{source.label}: no pyproject.toml in {source.project.name} there; nothing to install")
    return project


def _copy_tree(top: Path, folder: Path) -> None:
    listed = _git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        file, copy = top / name, folder / name
        if file.is_file():  # deleted ones are listed too
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)


def _pip(what: Path, site: Path, label: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise UserError("pip is not installed here, and both sides are installed by it; try: python -m ensurepip")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(site)]
    if what.is_dir() and _can_build(what):
        options.append("--no-build-isolation")
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0.0"}  # a copy has no tags, from which some projects take theirs
    done = subprocess.run(  # noqa: S603 (pip)
        [sys.executable, "-m", "pip", "install", *options, str(what)],
        capture_output=True,
        text=True,
        check=False,
        env={**version, **os.environ},
    )
    if done.returncode:
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise UserError(f"{label}: cannot be installed: {reason.strip()}")


def _can_build(project: Path) -> bool:
    """Return whether what builds the project is installed here, so that nothing need be downloaded."""
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    needs: Sequence[str] = table.get("build-system", {}).get("requires", ["setuptools"])
    return all(_has(re.split(r"[^\w.-]", need, maxsplit=1)[0]) for need in needs)


def _has(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
