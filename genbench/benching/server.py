"""What runs in the environment of one side: it has imported libraries, and forks a process for each measurement.

It is started by its path with that side's interpreter, and needs nothing of genbench itself. Requests and answers are
lines of JSON, one at a time. Forking is safe: nothing but imports has happened in this process.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

Answer = Callable[[dict[str, Any], Callable[[], str]], Iterator[dict[str, Any]]]
LIBRARIES = {
    "": ("numpy.random",),
    "metric": ("scipy.stats", "scipy.spatial", "scipy.optimize", "sklearn.ensemble", "sklearn.mixture", "ot"),
    "dataset": ("scipy.stats", "genbench.data"),
    # a version from before genbench.training was a folder has no genbench.training.run
    "model": (
        "torch.nn.functional",
        "torch._dynamo",
        "scipy.stats",
        "sklearn.mixture",
        "genbench.training",
        "genbench.training.run",
    ),
    "core": ("pandas", "genbench.plan", "genbench.record", "genbench.report", "genbench.table"),
}


def main(kinds: list[str]) -> None:
    """Import the libraries of these kinds of quantities, then answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what plugins print is no answer
    for kind in ("", *kinds):
        for library in LIBRARIES[kind]:
            with contextlib.suppress(ImportError):
                importlib.import_module(library)
    answer = _tracked()

    def say(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _attempt(answer, json.loads(line), say)
        _, status = os.waitpid(child, 0)
        if status:
            say({"error": f"its process ended with status {status}"})


def _attempt(answer: Answer, request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Answer in a folder of its own, and end this process; it may go on reading requests where those belong to it."""
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for message in answer(request, sys.stdin.readline):
                say(message)
    except BaseException as error:
        traceback.print_exc()
        say({"error": f"{type(error).__name__}: {error}"})
    sys.stderr.flush()
    os._exit(0)


def _tracked() -> Answer:
    """Return ``answer`` of the file beside this one, whatever genbench the interpreter finds."""
    spec = importlib.util.spec_from_file_location("tracked", Path(__file__).with_name("tracked.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.answer  # type: ignore[no-any-return]


if __name__ == "__main__":
    main(sys.argv[1:])
