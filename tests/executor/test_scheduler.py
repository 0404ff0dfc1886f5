"""Which engine a scheduler is of: its name is read before anything of the engine is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genbench.errors import UserError
from genbench.executor.scheduler import check_scheduler

READ = """
import sys
from genbench.executor.scheduler import check_scheduler
check_scheduler("local:2", insecure=False)
assert not {"distributed", "dask", "torch"} & set(sys.modules)
"""


def test_a_name_is_checked_without_importing_its_engine() -> None:
    pytest.importorskip("distributed")
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", ["ray:2", "tcp://10.0.0.5:8786", "local", ""])
def test_what_names_no_scheduler_that_may_be_used_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"--scheduler {text}"):
        check_scheduler(text, insecure=False)


def test_without_tls_only_by_request() -> None:
    check_scheduler("tcp://10.0.0.5:8786", insecure=True)
