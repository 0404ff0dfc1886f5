"""Plant faults in a copy of the source, one at a time, and run the quick tests that should catch each.

    python tests/plant_faults.py               # every fault of planted_faults.toml
    python tests/plant_faults.py quality kde   # those whose file or description has one of these words
    python tests/plant_faults.py --list        # without running anything

A fault is a text of one file, which occurs there exactly once, and what takes its place. It is caught if a test fails,
and survives if all pass; if a test file cannot even be imported, or no test is selected, it is neither, which is an
error in the list. The copy lies in a temporary folder; the tree itself is never changed. Libraries are imported once:
the tests of each fault run in a fork.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIST = "tests/planted_faults.toml"
COPIED = ("genbench", "plugins", "tests", "pyproject.toml")  # the rest is linked: tests read it only
LIBRARIES = ("pytest", "hypothesis", "numpy", "scipy.stats", "torch", "pandas", "matplotlib.figure", "sklearn.ensemble")
TIMEOUT_S = 300.0  # after which a fault counts as caught: the tests hang
PASSED, FAILED = 0, 1  # exit codes of pytest


@dataclass(frozen=True)
class Fault:
    """A fault: ``old`` stands once in ``file`` and becomes ``new``; ``tests`` are the arguments of pytest.

    ``survived`` is True where no test saw the fault when it was first planted.
    """

    file: str
    what: str
    old: str
    new: str
    tests: tuple[str, ...]
    survived: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"

    def planted(self, source: str) -> str:
        """Return the source with the fault; raises ValueError where it does not apply."""
        if (count := source.count(self.old)) != 1:
            raise ValueError(f"{self}: its old text occurs {count} times, expected once: {self.old!r:.80}")
        changed = source.replace(self.old, self.new)
        if changed == source:
            raise ValueError(f"{self}: its new text is the old one")
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as error:
            raise ValueError(f"{self}: its new text is no Python: {error}") from None
        return changed


def faults_of(root: Path = ROOT) -> list[Fault]:
    """Return the faults on the list of a tree; raises TypeError for a field that is missing or unknown."""
    entries: list[dict[str, Any]] = tomllib.loads((root / LIST).read_text(encoding="utf-8"))["fault"]
    return [Fault(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def stale(faults: Iterable[Fault], root: Path = ROOT) -> list[str]:
    """Return a line for each fault that does not apply to the source, or whose tests are not there."""
    found = []
    for fault in faults:
        try:
            fault.planted((root / fault.file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            found.append(str(error))
        files = [test.partition("::")[0] for test in fault.tests if test.startswith("tests/")]
        if not files or not all((root / file).is_file() for file in files):
            found.append(f"{fault}: no such tests: {' '.join(fault.tests)}")
    return found


def copy_of(root: Path, folder: Path) -> Path:
    """Return a copy of a source tree in a folder, compiled so that a change of any file is noticed."""
    tree = folder / "tree"
    tree.mkdir()
    for path in root.iterdir():
        if path.name in COPIED and path.is_dir():
            shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.egg-info"))
        elif path.name in COPIED:
            shutil.copy(path, tree / path.name)
        elif not path.name.startswith("."):
            (tree / path.name).symlink_to(path)
    compiled = ["compileall", "-q", "--invalidation-mode", "checked-hash", "genbench", "plugins"]
    subprocess.run([sys.executable, "-m", *compiled], cwd=tree, check=False)
    return tree


def run_tests(tree: Path, tests: Sequence[str], timeout: float) -> tuple[int | None, str]:
    """Return the exit code of the quick ones of some tests, None where they hang, and their output."""
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            _be_pytest(tree, tests, output.fileno())
        until, code = time.monotonic() + timeout, None
        while code is None and time.monotonic() < until:
            time.sleep(0.05)
            ended, status = os.waitpid(pid, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if ended else None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if code is None:
            os.waitpid(pid, 0)
        output.seek(0)
        return code, output.read().decode(errors="replace")


def _be_pytest(tree: Path, tests: Sequence[str], output: int) -> None:
    """Run pytest in this process, a fork, on the code of a tree; never returns."""
    code = -1
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(tree)
        paths = [str(tree), str(tree / "plugins")]
        sys.path[:] = [*paths, *(path for path in sys.path if path != str(ROOT / "tests"))]
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *([before] if before else [])])  # of processes of tests
        os.environ["CI"] = "1"  # the same examples each time
        assert not any(name.partition(".")[0] == "genbench" for name in sys.modules)
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, "-m", "not slow", *tests]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code % 256)


def verdict_on(tree: Path, fault: Fault, timeout: float = TIMEOUT_S) -> tuple[str, str]:
    """Plant one fault in a copy, run its tests, and take it out again; return the verdict and what it rests on.

    The verdict is ``caught``, ``survived``, or ``undecided``. Raises ValueError where the fault does not apply.
    """
    file = tree / fault.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(fault.planted(sound), encoding="utf-8")
        code, output = run_tests(tree, fault.tests, timeout)
    finally:
        file.write_text(sound, encoding="utf-8")
    if code is None:
        return "caught", f"no end after {timeout:g} s"
    if code == FAILED:
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", output, re.MULTILINE)
        return "caught", failed[1] if failed else "a test failed"
    if code == PASSED:
        return "survived", " ".join(fault.tests)
    return "undecided", "\n".join(output.splitlines()[-15:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the verdict on each fault and their total; return 1 where one survived, and 2 where one is undecided."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only faults whose file or description has one of these words")
    parser.add_argument("--list", action="store_true", help="print the faults and run nothing")
    parser.add_argument("--sound", action="store_true", help="first see that the tests pass without any fault")
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT_S, metavar="SECONDS", help="for the tests of one fault"
    )
    parser.add_argument("--source", type=Path, default=ROOT, metavar="FOLDER", help="the tree, which has a list too")
    options = parser.parse_args(arguments)
    faults = [
        f for f in faults_of(options.source) if not options.words or any(word in str(f) for word in options.words)
    ]
    if problems := stale(faults, options.source):
        print(*problems, sep="\n", file=sys.stderr)
        return 2
    if options.list:
        print(*faults, sep="\n")
        return 0
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    for name in LIBRARIES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = copy_of(options.source.resolve(), Path(folder))
        for tests in dict.fromkeys(fault.tests for fault in faults) if options.sound else ():
            code, output = run_tests(tree, tests, options.timeout)
            if code != PASSED:
                print(f"without a fault, {' '.join(tests)} fails:\n{output}", file=sys.stderr)
                return 2
        verdicts = []
        for fault in faults:
            verdict, why = verdict_on(tree, fault, options.timeout)
            verdicts.append(verdict)
            print(f"{verdict:9}  {fault}\n           {why}", flush=True)
    caught = verdicts.count("caught")
    print(f"{caught} of {len(verdicts)} caught, {verdicts.count('survived')} survived")
    return 2 if "undecided" in verdicts else int(caught < len(verdicts))


if __name__ == "__main__":
    sys.exit(main())
