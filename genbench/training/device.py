"""The device a cell trains on: found by name, with synchronisation and peak memory."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

from genbench.errors import UserError


class Device:
    """One of ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``; raises UserError where this machine lacks it."""

    def __init__(self, name: str = "auto") -> None:
        self.torch = torch.device(_best() if name == "auto" else name)
        self.kind = self.torch.type
        self._resident = 0.0
        if self.kind == "cuda":
            count = torch.cuda.device_count()
            if (self.torch.index or 0) >= count:
                raise UserError(f"--device {name}: this machine has {count} CUDA devices; try --device cpu")
        elif self.kind == "mps" and not torch.backends.mps.is_available():
            raise UserError("--device mps: this machine has no Metal device; try --device cpu")

    def __repr__(self) -> str:
        return f"Device({str(self.torch)!r})"

    def synchronise(self) -> None:
        """Wait until the device has done all its work."""
        if self.kind == "cuda":
            torch.cuda.synchronize(self.torch)
        elif self.kind == "mps":
            torch.mps.synchronize()

    def warm_up(self) -> None:
        """Run first kernels, so that no clock counts their start-up."""
        x = torch.ones(64, 64, device=self.torch, requires_grad=True)
        torch.nn.functional.silu(x @ x).sum().backward()  # type: ignore[no-untyped-call]
        self.synchronise()

    def reset_peak(self) -> None:
        """Count peak memory from here."""
        if self.kind == "cuda":
            torch.cuda.reset_peak_memory_stats(self.torch)
            return
        with suppress(OSError):  # only Linux can reset the high-water mark of a process
            Path("/proc/self/clear_refs").write_text("5")
        self._resident = _high_water_mb()

    def peak_mb(self) -> float:
        """Peak memory in MiB since ``reset_peak``: of the allocator on CUDA, elsewhere the growth of this process."""
        if self.kind == "cuda":
            return torch.cuda.max_memory_allocated(self.torch) / 2**20
        return _high_water_mb() - self._resident


def _high_water_mb() -> float:
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
