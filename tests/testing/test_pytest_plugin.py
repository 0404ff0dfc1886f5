"""The checks under pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "checks"


DATA = str(HERE / "broken_datasets.py")


def test_pytest_runs_the_checks_by_name_and_by_decorator(tmp_path: Path) -> None:
    test = tmp_path / "test_mine.py"
    test.write_text(
        "from genbench.testing import conformance\n\n"
        f"@conformance('dataset:splits_share_no_row', plugins=[{DATA!r}],\n"
        "             expected_failures={'origin_is_stated': 'no'})\n"
        "def test_contract(check):\n    check()\n"
    )
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(test)]
    done = subprocess.run(
        [*line, "--genbench", "dataset:sound", "--genbench-plugin", DATA],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 1, done.stdout
    assert last.startswith("2 failed"), last  # the leak, and the pass that was not expected
    assert "5 rows are in train and in test" in done.stdout
    assert "remedy: split with" in done.stdout
    unknown = subprocess.run([*line, "--genbench", "nobody"], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert unknown.returncode == 4
    assert "--genbench nobody: no plugin named 'nobody'" in unknown.stderr + unknown.stdout


def test_pytest_chooses_among_the_checks_by_keyword_and_tells_two_kinds_of_one_name_apart(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--collect-only"]
    done = subprocess.run(
        [*line, "--genbench", "gaussian", "-k", "declared_lightly or splits_share_no_row"],
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert [text.partition("gaussian-")[0::2] for text in done.stdout.splitlines() if "gaussian-" in text] == [
        ("::genbench::model:", "declared_lightly"),
        ("::genbench::dataset:", "declared_lightly"),
        ("::genbench::dataset:", "splits_share_no_row"),
    ]
