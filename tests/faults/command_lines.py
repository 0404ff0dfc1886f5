"""Command lines that run one after the other in one process of their own, so that what it imports can be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

DRIVER = """
import contextlib, io, json, os, sys
from genbench.cli.main import main

def listing():
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)

for arguments in json.load(sys.stdin):
    out, err, before = io.StringIO(), io.StringIO(), listing()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    said = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "written": listing() != before,
            "imported": sorted({"torch", "numpy", "pandas", "scipy", "ot", "rich"} & set(sys.modules))}
    print(json.dumps(said), flush=True)
"""


def outcomes(folder: Path, requests: list[list[str]]) -> list[dict[str, Any]]:
    """Run command lines one after the other in a process of their own; return what each said, wrote and imported."""
    program, given = [sys.executable, "-B", "-c", DRIVER], json.dumps(requests)
    done = subprocess.run(program, input=given, capture_output=True, text=True, cwd=folder, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(outcome: dict[str, Any], parts: tuple[str, ...]) -> None:
    """Hold an outcome to what a mistake costs: one line with these parts, exit code 2, nothing written."""
    assert outcome["code"] == 2
    assert outcome["out"] == ""
    assert outcome["err"].startswith("genbench: ")
    assert outcome["err"].count("\n") == 1, "more than one line"
    for part in parts:
        assert part in outcome["err"]
    assert not outcome["written"]
