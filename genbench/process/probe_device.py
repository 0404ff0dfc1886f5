"""Find the device that a name means on this machine, without loading a driver in this process."""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from genbench.errors import UserError
from genbench.process.launch import launch_environment

PROBE_TIMEOUT_S = 120.0  # for a driver to answer
BF16_FLAGS = ("avx512_bf16", "amx_bf16")
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


def has_bf16(device: str) -> bool:
    """Return whether a device, or several of a kind, multiply in bf16 faster than in single precision.

    Of a processor those do that have AVX512-BF16 or AMX; others, and devices that nobody can query, are taken not to.
    """
    if device.startswith("cuda"):
        return _ask(_probe_bf16, device) == ["", "bf16"]
    if device != "cpu":
        return False
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return not flags.isdisjoint(BF16_FLAGS)


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
    error, devices = _ask(_probe, name)
    return error, devices


def _ask(probe: Callable[[Connection, str], None], name: str) -> list[str]:
    """Return what a probe of the names of devices answers: an error, or nothing and what it found."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=probe, args=(theirs, name), daemon=True)
    with launch_environment():
        process.start()
    theirs.close()
    answer: list[str] = [f"--device {name}: its driver did not answer in {PROBE_TIMEOUT_S:.0f} s", ""]
    try:
        if ours.poll(PROBE_TIMEOUT_S):
            answer = json.loads(ours.recv_bytes())
    except EOFError:
        answer = [f"--device {name}: the process that queried it died", ""]
    process.kill() if not answer[1] else process.join()
    return answer


def _probe(channel: Connection, names: str) -> None:
    from genbench.training.device import Device

    try:
        answer = ["", ",".join(str(Device(name).torch) for name in names.split(","))]
    except Exception as error:
        answer = [str(error), ""]
    channel.send_bytes(json.dumps(answer).encode())


def _probe_bf16(channel: Connection, names: str) -> None:
    import torch

    try:
        capable = all(torch.cuda.get_device_capability(name)[0] >= 8 for name in names.split(","))  # Ampere, 2020
        answer = ["", "bf16" if capable else "fp32"]
    except Exception as error:
        answer = [str(error), ""]
    channel.send_bytes(json.dumps(answer).encode())
