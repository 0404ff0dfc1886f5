"""Fixtures of the tests of reports."""

import pytest
import sessions


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    sessions.play(folder, models="good,exact,good[rate=0.5]", metrics="gap")
    return folder
