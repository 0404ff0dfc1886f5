"""What results and timings depend on besides the request: the machine, library versions, and genbench's commit."""

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

CLOCK = "process CPU seconds"  # the clock of ``genbench bench``, which also identifies its files

LIBRARIES = ("genbench", "torch", "numpy", "scipy", "pandas", "scikit-learn", "POT")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return the properties of this machine that timings depend on."""
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
    """Return the installed versions of the libraries that results depend on, None for those that are missing."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = __version__ if name == "genbench" else None
    return found


@cache
def commit() -> str | None:
    """Return the git commit of this genbench, with ``-dirty`` if its files differ from it; None if it is not known.

    It is known if genbench lies in a git repository, or if pip installed it from one.
    """
    folder, program = Path(__file__).parents[2], shutil.which("git")
    if (folder / ".git").exists() and program is not None:
        command = [program, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # a read must not write to the repository
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 (git)
        return result.stdout.strip() or None
    try:
        origin = importlib.metadata.distribution("genbench").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    found: str | None = json.loads(origin or "{}").get("vcs_info", {}).get("commit_id")
    return found
