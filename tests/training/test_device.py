"""The device of a cell: found by name, waited for, asked for its memory."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from genbench.errors import UserError
from genbench.training.device import Device


def test_the_processor_is_always_there() -> None:
    device = Device("cpu")
    assert (device.kind, device.torch, repr(device)) == ("cpu", torch.device("cpu"), "Device('cpu')")
    device.warm_up()
    device.synchronise()


def test_auto_is_what_this_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert Device("auto").kind == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert Device("auto").kind == "mps"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Device("cuda:1").torch.index == 1
    with pytest.raises(UserError, match="--device cuda:2: this machine has 2 CUDA devices"):
        Device("cuda:2")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device mps: this machine has no Metal device"):
        Device("mps")


def test_an_accelerator_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[object] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch, "mps", SimpleNamespace(synchronize=lambda: waited.append("mps")))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for name in ("cpu", "cuda:1", "mps"):
        Device(name).synchronise()
    assert waited == [torch.device("cuda:1"), "mps"]


PEAK = """
import numpy as np
from genbench.training.device import Device
device = Device("cpu")
device.reset_peak()
before = device.peak_mb()
rows = np.ones(30 * 2**17)  # 30 MiB
print(device.peak_mb() - before)
"""


def test_peak_memory_is_what_was_held_since_it_was_reset() -> None:
    """In a process of its own: where much was held and freed before, no more of it is asked of the system."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, timeout=120)
    assert float(done.stdout) == pytest.approx(30, rel=0.3)
