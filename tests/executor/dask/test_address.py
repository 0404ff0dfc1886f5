"""Addresses of schedulers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genbench.errors import UserError
from genbench.executor.dask.address import parse_scheduler
from genbench.plan.device_names import remote_device
from genbench.session.options import RunOptions

READ = """
import sys
from genbench.executor.dask.address import parse_scheduler
parse_scheduler("local:2")
assert not {"distributed", "dask", "torch"} & set(sys.modules)
"""


def test_an_address_is_read_without_importing_dask() -> None:
    pytest.importorskip("distributed")
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://10.0.0.5:8786", "whoever reaches it can run code"),
        ("tcp://127.0.0.1:8786", "every user of this machine can reach it"),
        ("tcp://localhost:8786", "--insecure"),
        ("tcp://[::1]:8786", "use tls://, local:N"),
        ("tcp://example.org:8786", "--insecure"),
        ("tcp://127.0.0.1", "expected an address"),
        ("http://127.0.0.1:8786", "expected an address"),
        ("slrum:3", "did you mean 'slurm'"),
        ("slurm", "slurm:N"),
        ("local:0", "local:N"),
        ("local:-1", "local:N"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        RunOptions(scheduler=text).check()


def test_places() -> None:
    assert parse_scheduler("tls://10.0.0.5:8786").kind == ""
    for text in ("tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786"):
        assert parse_scheduler(text, insecure=True).kind == ""
    assert parse_scheduler("tcp://10.0.0.5:8786", insecure=True).text == "tcp://10.0.0.5:8786"
    assert (parse_scheduler("slurm:20").kind, parse_scheduler("slurm:20").workers) == ("slurm", 20)
    assert (remote_device("auto"), remote_device("cuda")) == ("cpu", "cuda:0")
    with pytest.raises(UserError, match="expected cpu or cuda"):
        remote_device("cuda:1")
    with pytest.raises(UserError, match="--isolation none"):
        RunOptions(isolation="none", scheduler="local:2").check()
