"""The server in the environment of one side: it imports libraries once, and forks a process for each request.

The interpreter of that side runs this file by its path, so it must not import genbench itself. Requests and answers are
lines of JSON, one at a time. Forking is safe, as this process does nothing but imports.
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

Answer = Callable[[dict[str, Any], Callable[[], str]], Iterator[dict[str, Any]]]
LIBRARIES = {
    "": ("numpy.random",),
    "metric": ("scipy.stats", "scipy.spatial", "scipy.optimize", "sklearn.ensemble", "sklearn.mixture", "ot"),
    "dataset": ("scipy.stats", "genbench.data"),
    # versions differ in whether genbench.training is a module or a folder: what one lacks is skipped
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
    """Import the libraries for these kinds of quantities, then answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that the output of plugins is not taken for an answer
    for kind in ("", *kinds):
        for library in LIBRARIES[kind]:
            with contextlib.suppress(ImportError):
                importlib.import_module(library)
    answer = _load_answer()

    def send(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _answer_and_exit(answer, json.loads(line), send)
        _, status = os.waitpid(child, 0)
        if status:
            send({"error": f"its process ended with status {status}"})


def _answer_and_exit(answer: Answer, request: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
    """Answer a request in a temporary folder, reading further lines where the answer asks for them, and exit."""
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for message in answer(request, sys.stdin.readline):
                send(message)
    except BaseException as error:
        traceback.print_exc()
        send({"error": f"{type(error).__name__}: {error}"})
    sys.stderr.flush()
    os._exit(0)


def _load_answer() -> Answer:
    """Return the function ``answer`` of tracked.py beside this file, whatever genbench the interpreter finds."""
    spec = importlib.util.spec_from_file_location("tracked", Path(__file__).with_name("tracked.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.answer  # type: ignore[no-any-return]


if __name__ == "__main__":
    main(sys.argv[1:])
