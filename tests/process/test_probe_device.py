"""Devices by name: what is asked for, what a cell then sees of it, and that nobody touches a driver without need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genbench.api import prepare
from genbench.errors import UserError
from genbench.plan.device_names import DeviceName
from genbench.plan.plan import Request
from genbench.process import probe_device
from genbench.session.options import jobs_for


def plan(device: str):
    request = Request("kde", "ring", "energy", "smoke", seeds=1, device=device)
    return prepare(request, resolve_device=False)[0]


def test_several_gpus_are_one_kind_of_cell() -> None:
    one, two = plan("cuda:0"), plan("cuda:0,cuda:1")
    assert [cell.key for cell in one.cells] == [cell.key for cell in two.cells]
    assert jobs_for(DeviceName.parse("cuda:0,cuda:1")) == 2
    assert jobs_for(DeviceName.parse("cuda")) == 1


@pytest.mark.parametrize(
    "name", ["gpu", "cuda:x", "cpu:0", "cpu,cuda:0", "cuda:0,cuda:0", "cuda,cuda:1", "auto,cpu", ""]
)
def test_devices_that_cannot_be_meant_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"--device {name}"):
        plan(name)


def test_where_there_is_no_driver_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_device, "_may_have_accelerator", lambda: False)
    monkeypatch.setattr(probe_device, "probe_device", lambda name: pytest.fail("asked"))
    assert probe_device.device_of("auto") == probe_device.device_of("cpu") == "cpu"


def test_the_answer_of_the_driver_is_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_device, "_may_have_accelerator", lambda: True)
    monkeypatch.setattr(probe_device, "probe_device", lambda name: ("", f"{name}:0"))
    assert probe_device.device_of("cuda") == "cuda:0"
    monkeypatch.setattr(probe_device, "probe_device", lambda name: ("no such device", ""))
    with pytest.raises(UserError, match="no such device"):
        probe_device.device_of("cuda:9")


WITHOUT = """
import sys
from genbench.process.probe_device import device_of
device_of("auto")
found = {"torch", "numpy"} & set(sys.modules)
assert not found, found
"""


def test_a_device_is_found_without_importing_torch_here() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
