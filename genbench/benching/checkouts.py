"""Find versions of a distribution (commits, wheels, working trees) and install each into its own environment.

Both environments see the libraries that are installed here, so only the distribution itself differs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from genbench.errors import UserError
from genbench.record.store import read_run

WORKING_TREE = "."  # the files of the project, with uncommitted changes


@dataclass(frozen=True)
class VersionSource:
    """Where a version is installed from: a wheel, a commit, or the working tree with its uncommitted changes."""

    label: str
    project: Path
    wheel: Path | None = None
    commit: str = ""
    is_working_tree: bool = False


@dataclass(frozen=True)
class Installation:
    """One version of a distribution, installed into an environment with an interpreter of its own."""

    label: str
    python: Path
    distribution: str
    version: str
    commit: str = ""


# ------------------------------------------------------------------------------------------------------------- finding


def find_source(name: str, project: Path) -> VersionSource:
    """Return the version named by ``.`` (the working tree), a wheel's path or a git ref; raises UserError."""
    if name.endswith(".whl"):
        if not Path(name).is_file():
            raise UserError(f"{name}: no such wheel; build one with: python -m pip wheel --no-deps .")
        return VersionSource(Path(name).name, project, wheel=Path(name).resolve())
    if not (project / "pyproject.toml").is_file():
        raise UserError(
            f"{project}: no pyproject.toml; run this in the folder of a project, or give that with --project DIR"
        )
    if name == WORKING_TREE:
        commit = _commit("HEAD", project) if _is_repository(project) else ""
        return VersionSource("working tree", project, commit=commit, is_working_tree=True)
    if not _is_repository(project):
        raise UserError(f"{name}: not a wheel, and {project} is not in a git repository; give a wheel or a repository")
    commit = _commit(name, project)
    if not commit:
        raise UserError(f"{name}: no commit of this name in {project}; git fetch it first (in CI: fetch-depth: 0)")
    return VersionSource(name if commit.startswith(name) else f"{name} ({commit[:9]})", project, commit=commit)


def find_source_of_run(run: Path, project: Path) -> VersionSource:
    """Return the commit of genbench that made a run of cells; raises UserError where the run does not record one."""
    recorded = str(read_run(run).get("commit") or "")
    if not recorded:
        raise UserError(
            f"--against {run}: the run records no commit of genbench; give a git ref, a wheel, or a file of --save"
        )
    commit, _, dirty = recorded.partition("-")
    source = find_source(commit, project)
    return replace(source, label=f"{run} ({commit[:9]}{', uncommitted changes left out' if dirty else ''})")


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


def install(source: VersionSource, folder: Path) -> Installation:
    """Install a version into an environment under ``folder``; raises UserError, with pip's last line, if it fails."""
    python, site = _make_environment(folder / "environment")
    _pip_install(source.wheel or _unpack(source, folder / "source"), site, source.label)
    [found] = importlib.metadata.distributions(path=[str(site)])
    return Installation(source.label, python, canonicalize_name(found.metadata["Name"]), found.version, source.commit)


def _make_environment(folder: Path) -> tuple[Path, Path]:
    """Return the interpreter and the site-packages of a new environment that sees the libraries installed here."""
    venv.EnvBuilder(symlinks=True).create(folder)
    variables = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", variables))
    command = [sys.executable, "-P", "-c", "import json, sys; print(json.dumps(sys.path))"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 (this interpreter)
    stdlib = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    stdlib |= {path / "lib-dynload" for path in stdlib}
    paths = [path for path in json.loads(done.stdout) if Path(path).is_dir() and Path(path).resolve() not in stdlib]
    (site / "installed_here.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return Path(sysconfig.get_path("scripts", "venv", variables)) / "python", site


def _unpack(source: VersionSource, folder: Path) -> Path:
    """Copy a commit or the working tree to a folder, and return the project's folder in the copy."""
    folder.mkdir()
    if not _is_repository(source.project):
        shutil.copytree(source.project, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "*.egg-info"))
        return folder
    top = Path(_git(source.project, "rev-parse", "--show-toplevel").stdout.decode().strip())
    if source.is_working_tree:
        _copy_working_tree(top, folder)
    else:
        archive = _git(top, "archive", "--format=tar", source.commit)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
    project = folder / source.project.resolve().relative_to(top.resolve())
    if not (project / "pyproject.toml").is_file():
        raise UserError(
            f"{source.label}: no pyproject.toml in {source.project.name} of this version; nothing to install"
        )
    return project


def _copy_working_tree(top: Path, folder: Path) -> None:
    listed = _git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        file, copy = top / name, folder / name
        if file.is_file():  # git lists deleted files too
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)


def _pip_install(wheel_or_project: Path, site: Path, label: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise UserError("pip is not installed here, but needed to install both versions; try: python -m ensurepip")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(site)]
    if wheel_or_project.is_dir() and _can_build(wheel_or_project):
        options.append("--no-build-isolation")
    # setuptools_scm takes the version from git tags, which a copy lacks
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0.0"}
    done = subprocess.run(  # noqa: S603 (pip)
        [sys.executable, "-m", "pip", "install", *options, str(wheel_or_project)],
        capture_output=True,
        text=True,
        check=False,
        env={**version, **os.environ},
    )
    if done.returncode:
        reason = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise UserError(f"{label}: cannot be installed: {reason.strip()}")


def _can_build(project: Path) -> bool:
    """Return whether the build tools of the project are installed here, so that nothing need be downloaded."""
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    requirements: Sequence[str] = table.get("build-system", {}).get("requires", ["setuptools"])
    names = [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in requirements]
    return all(any(importlib.metadata.distributions(name=name)) for name in names)
