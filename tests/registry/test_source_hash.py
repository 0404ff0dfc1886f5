"""What a result is traced to where no version tells: sources and contents."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from genbench.registry.source_hash import HELPERS, contents_of, source_hash, training_hash


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "models").mkdir(parents=True)
    for name in ("__init__.py", "models/__init__.py", "models/net.py"):
        (folder / name).write_text(f"# {name}\n")
    (folder / "data.npz.json").write_text("{}")
    return folder


def test_the_source_of_a_package_is_all_of_it_and_not_where_it_lies(package: Path, tmp_path: Path) -> None:
    def hashed(folder: Path) -> str:
        source_hash.cache_clear()
        return source_hash(str(folder / "__init__.py"), "mine")

    before = hashed(package)
    shutil.copytree(package, tmp_path / "elsewhere" / "mine")
    assert hashed(tmp_path / "elsewhere" / "mine") == before
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"1")
    (package / "notes.txt").write_text("no code")
    assert hashed(package) == before
    for name in ("models/net.py", "models/__init__.py", "data.npz.json", "models/new.py"):
        (package / name).write_text("changed")
        assert hashed(package) != before, name
        before = hashed(package)
    (package / "models/new.py").rename(package / "models/renamed.py")
    assert hashed(package) != before


def test_a_plugin_inside_a_package_is_known_by_the_whole_package(package: Path) -> None:
    (package / "plugin.py").write_text("")
    whole = source_hash(str(package / "plugin.py"), "mine.plugin")
    source_hash.cache_clear()
    (package / "models" / "net.py").write_text("changed")
    assert source_hash(str(package / "plugin.py"), "mine.plugin") != whole


def test_a_target_beside_the_plugin_counts(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text("")
    alone = source_hash(str(tmp_path / "plugin.py"), "plugin", "net")
    source_hash.cache_clear()
    (tmp_path / "net.py").write_text("x")
    both = source_hash(str(tmp_path / "plugin.py"), "plugin", "net.deep")
    (tmp_path / "net.py").write_text("y")
    source_hash.cache_clear()
    assert len({alone, both, source_hash(str(tmp_path / "plugin.py"), "plugin", "net.deep")}) == 3


def test_the_contents_of_a_path_are_those_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").write_text("1")
    (folder / ".hidden").write_text("1")
    before = contents_of(str(folder))
    os.utime(folder / "x", (0, 0))
    (folder / ".hidden").write_text("2")
    folder.rename(tmp_path / "b")
    assert contents_of(str(tmp_path / "b")) == before != contents_of(str(tmp_path / "b" / "x"))
    (tmp_path / "b" / "x").write_text("2")
    assert contents_of(str(tmp_path / "b")) != before
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    assert contents_of(str(tmp_path / "b")) != before
    assert contents_of(str(tmp_path / "absent")) == "absent"


@pytest.mark.parametrize(
    ("line", "uses"),
    [
        ("from genbench.training import Average", True),
        ("import genbench.training", True),
        ("from genbench import training", True),
        ("from genbench.protocol import TrainingData", False),
        ("import genbench.trainings", False),
    ],
)
def test_only_code_that_is_trained_with_helpers_is_known_by_them(package: Path, line: str, uses: bool) -> None:
    training_hash.cache_clear()
    assert training_hash(str(package / "__init__.py"), "mine") == ""
    (package / "models" / "net.py").write_text(f"{line}\n")
    training_hash.cache_clear()
    assert bool(training_hash(str(package / "__init__.py"), "mine")) == uses


def test_the_hash_of_the_helpers_is_that_of_their_source(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "models" / "net.py").write_text("from genbench.training import Average\n")

    def hashed() -> str:
        source_hash.cache_clear()
        training_hash.cache_clear()
        return training_hash(str(package / "__init__.py"), "mine")

    own = hashed()
    copied = shutil.copytree(HELPERS, tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("genbench.registry.source_hash.HELPERS", copied)
    assert hashed() == own
    (copied / "average.py").write_text("changed")
    assert hashed() != own
