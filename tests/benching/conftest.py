"""Fixtures of the tests of benchmarks: a project in a repository, installed in two versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_project import make_project

from genbench.benching.checkouts import Installation, find_source, install


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin in a repository, whose files are 15 % slower than what is committed, and otherwise changed."""
    return make_project(tmp_path_factory.mktemp("toil"))


@pytest.fixture(scope="session")
def installed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Installation]:
    folders = [tmp_path_factory.mktemp(name) for name in ("base", "head")]
    return [install(find_source(what, project), folder) for what, folder in zip(("HEAD", "."), folders, strict=True)]
