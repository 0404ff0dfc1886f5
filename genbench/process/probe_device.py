"""Find the device that a name means on this machine, without loading a driver in this process."""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from genbench.errors import UserError
from genbench.process.launch import launch_environment

PROBE_TIMEOUT_S = 120.0  # for a driver to answer
DEVICE_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # of NVIDIA, AMD and WSL


def device_of(name: str) -> str:
    """Return the device or devices that a name means here, as ``cpu`` or ``cuda:0,cuda:1``.

    Drivers are queried in another process, and only where there may be an accelerator. Raises UserError for an absent
    device.
    """
    if name == "cpu" or (name == "auto" and not _may_have_accelerator()):
        return "cpu"
    error, device = probe_device(name)
    if error:
        raise UserError(error)
    return device


def _may_have_accelerator() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    try:
        build = importlib.metadata.version("torch").partition("+")[2]
    except importlib.metadata.PackageNotFoundError:
        build = ""
    return build != "cpu" and any(Path(node).exists() for node in DEVICE_NODES)


def probe_device(name: str) -> tuple[str, str]:
    """Return (error, devices) for the names of devices, queried in a process of its own: CUDA stays out of this one."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(theirs, name), daemon=True)
    with launch_environment():
        process.start()
    theirs.close()
    answer = [f"--device {name}: its driver did not answer in {PROBE_TIMEOUT_S:.0f} s", ""]
    try:
        if ours.poll(PROBE_TIMEOUT_S):
            answer = json.loads(ours.recv_bytes())
    except EOFError:
        answer = [f"--device {name}: the process that queried it died", ""]
    process.kill() if not answer[1] else process.join()
    return answer[0], answer[1]


def _probe(channel: Connection, names: str) -> None:
    from genbench.training.device import Device

    try:
        answer = ["", ",".join(str(Device(name).torch) for name in names.split(","))]
    except Exception as error:
        answer = [str(error), ""]
    channel.send_bytes(json.dumps(answer).encode())
