"""Fixtures of the tests of reports."""

import pytest
import sessions
from synthetic import write_report_run


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    sessions.play(folder, models="good,exact,good[rate=0.5]", metrics="gap")
    return folder


@pytest.fixture
def run(tmp_path):
    return write_report_run(tmp_path / "run")
