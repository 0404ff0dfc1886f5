"""What of this machine, its libraries and the code of genbench itself a result or a timing depends on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from genbench.version import __version__

__all__ = ["CLOCK", "commit", "cores", "machine", "versions"]

CLOCK = "process CPU seconds"  # what genbench bench tells times by, and how its files are told from others

LIBRARIES = ("genbench", "torch", "numpy", "scipy", "pandas", "scikit-learn", "POT")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return what of this machine a timing depends on."""
    return {
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "id": hashlib.sha256(f"genbench {uuid.getnode()}".encode()).hexdigest()[:12],
        "load": round(os.getloadavg()[0], 2),
    }


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of the libraries that a result depends on, read from metadata."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = __version__ if name == "genbench" else None
    return found


@cache
def commit() -> str | None:
    """Return the git commit of this genbench, with ``-dirty`` where its files differ from it; None where none is known.

    It is known of what pip installed from a repository, and of what lies in one.
    """
    folder, program = Path(__file__).parents[2], shutil.which("git")
    if (folder / ".git").exists() and program is not None:
        command = [program, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        alone = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)  # noqa: S603 (git)
        return done.stdout.strip() or None
    try:
        origin = importlib.metadata.distribution("genbench").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    found: str | None = json.loads(origin or "{}").get("vcs_info", {}).get("commit_id")
    return found
