"""The list of planted faults applies to the source, and the script that plants them tells caught from survived."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import plant_faults
import pytest
from plant_faults import Fault, faults_of, stale

FAULTS = faults_of()


def test_each_fault_of_the_list_applies_to_the_source_and_its_tests_are_there() -> None:
    """Where a line has changed, plant the fault in what took its place: plant_faults.py says whether it is caught."""
    assert stale(FAULTS) == []
    assert len({str(fault) for fault in FAULTS}) == len(FAULTS)


def test_the_faults_are_of_all_parts_of_the_source() -> None:
    parts = Counter(Path(fault.file).parts[1] if fault.file.startswith("genbench") else "plugins" for fault in FAULTS)
    core = {"scoring", "record", "registry", "plan", "files", "training", "session", "table", "comparing", "report"}
    assert set(parts) == core | {"cli", "process", "plugins"}
    assert parts["plugins"] >= 20


HALF = Fault("genbench/half.py", "a third", "x / 2", "x / 3", ("tests/test_half.py",))
TREE = {
    "genbench/__init__.py": "",
    "genbench/half.py": "def half(x):\n    return x / 2\n",
    "plugins/README.md": "",
    "tests/test_half.py": "from genbench.half import half\n\n\ndef test_half():\n    assert half(0) == 0\n",
    "tests/test_exact.py": "from genbench.half import half\n\n\ndef test_exact():\n    assert half(6) == 3\n",
    "pyproject.toml": '[tool.pytest.ini_options]\nmarkers = ["slow: trains"]\n',
}
ENTRY = """
[[fault]]
file = "genbench/half.py"
what = "{what}"
old = "x / 2"
new = "{new}"
tests = {tests}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def plant(tree: Path, *entries: tuple[str, str, list[str]], options: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Run the script on a tree with a list of faults, (what, new, tests) each; return its exit code and its lines."""
    (tree / "tests/planted_faults.toml").write_text(
        "".join(ENTRY.format(what=what, new=new, tests=json.dumps(tests)) for what, new, tests in entries)
    )
    command = [sys.executable, plant_faults.__file__, "--source", str(tree), *options]
    # the plugins of genbench need more than this tree has
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()


def test_caught_survived_and_undecided_are_distinguished_and_the_source_stays_as_it_was(tree: Path) -> None:
    code, lines = plant(
        tree,
        ("a third", "x / 3", ["tests/test_exact.py"]),
        ("the double", "x * 2", ["tests/test_half.py"]),
        ("no test", "x / 5", ["tests/test_half.py", "-k", "nothing"]),
        options=("--sound", "half"),
    )
    assert code == 2, "without a fault no test is selected by -k"
    assert "1 deselected" in " ".join(lines)
    entries = [("a third", "x / 3", ["tests/test_exact.py"]), ("the double", "x * 2", ["tests/test_half.py"])]
    code, lines = plant(tree, *entries)
    assert code == 1
    assert lines[0] == "caught     genbench/half.py: a third"
    assert lines[1].strip() == "tests/test_exact.py::test_exact"
    assert lines[2] == "survived   genbench/half.py: the double"
    assert lines[-1] == "1 of 2 caught, 1 survived"
    assert (tree / HALF.file).read_text() == TREE[HALF.file]
    assert plant(tree, *entries, options=("third", "--list")) == (0, ["genbench/half.py: a third"])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("x / 4", "x", "occurs 0 times"),
        ("x", "y", "occurs 2 times"),
        ("x / 2", "x / 2", "is the old one"),
        ("x / 2", "x /", "is no Python"),
    ],
)
def test_a_fault_that_does_not_apply_is_refused(tree: Path, old: str, new: str, reason: str) -> None:
    [line] = stale([Fault(HALF.file, HALF.what, old, new, HALF.tests)], tree)
    assert reason in line


def test_a_fault_whose_file_or_tests_are_gone_is_refused(tree: Path) -> None:
    assert stale([HALF], tree) == []
    gone = Fault("genbench/absent.py", "gone", "a", "b", ("tests/absent.py",))
    assert ["absent.py" in line for line in stale([gone], tree)] == [True, True]
    code, lines = plant(tree, ("a third", "x / 3", ["tests/absent.py"]))
    assert code == 2
    assert lines == ["genbench/half.py: a third: no such tests: tests/absent.py"]
