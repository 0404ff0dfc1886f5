"""Fixtures that several tests share."""

from __future__ import annotations

import os
import random
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before numpy: small problems wait longer for threads than they compute

os.environ["GENBENCH_CACHE"] = ""  # nothing that one test derived is used by another

# No test asserts a time; where a change is judged, each run tries the same examples.
hypothesis.settings.register_profile("genbench", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("genbench")

pytest.register_assert_rewrite("faults.command_lines")  # its assertions show their values, as a test's own do

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same draws in each run: a test that passed yesterday doesn't fail today by chance."""
    random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install throw-away distributions: ``install("genbench-mine", "source of genbench_mine")``.

    Each is a folder on sys.path with a module and its metadata, as pip would leave it.
    """
    before = set(sys.modules)

    def make(
        name: str,
        source: str,
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = ("genbench>=0.1",),
        points: str | None = None,
        files: dict[str, str] | None = None,
    ) -> Path:
        module = name.replace("-", "_")
        site = tmp_path / f"site-{name}-{version}"
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        points = f"{name.removeprefix('genbench-')} = {module}" if points is None else points
        (info / "entry_points.txt").write_text(f"[genbench]\n{points}\n")
        for path, text in (files or {}).items():
            (site / path).write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(site)
        return site

    yield make
    for added in set(sys.modules) - before:
        if getattr(sys.modules[added], "__file__", None) and str(tmp_path) in str(sys.modules[added].__file__):
            del sys.modules[added]
