"""``python -m genbench`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genbench", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
    )
