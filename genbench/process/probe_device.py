"""Which device a name means on this machine, found out without this process touching a driver."""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from genbench.errors import UserError
from genbench.process.launch import quietly

__all__ = ["device_of", "probe_device"]

PROBE = 120.0  # seconds for a driver to answer

NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # what drivers of NVIDIA, AMD and WSL bring


def device_of(name: str) -> str:
    """Return the device or devices that a name means here, as ``cpu`` or ``cuda:0,cuda:1``.

    Raises UserError where one is absent. Only a machine that may have an accelerator is asked, in another process.
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
    return build != "cpu" and any(Path(node).exists() for node in NODES)


def probe_device(name: str) -> tuple[str, str]:
    """Return (error, devices) for the names of devices, asked in a throw-away process: this one stays clear of CUDA."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(theirs, name), daemon=True)
    with quietly():
        process.start()
    theirs.close()
    answer = [f"--device {name}: its driver did not answer in {PROBE:.0f} s", ""]
    try:
        if ours.poll(PROBE):
            answer = json.loads(ours.recv_bytes())
    except EOFError:
        answer = [f"--device {name}: the process that asked for it died", ""]
    process.kill() if not answer[1] else process.join()
    return answer[0], answer[1]


def _probe(channel: Connection, names: str) -> None:
    from genbench.training.device import Device

    try:
        answer = ["", ",".join(str(Device(name).torch) for name in names.split(","))]
    except Exception as error:
        answer = [str(error), ""]
    channel.send_bytes(json.dumps(answer).encode())
