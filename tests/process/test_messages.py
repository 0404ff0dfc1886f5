"""Messages from the process of a cell, validated; errors, explained."""

from __future__ import annotations

import errno

import pytest

from genbench.errors import Invalid
from genbench.process.messages import explain, outcome_of


class OutOfMemoryError(RuntimeError):
    """As torch has it for accelerators."""


TORCH = "[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), "oom"),
        (RuntimeError(TORCH), "oom"),
        (OutOfMemoryError("CUDA is full"), "oom"),
        (ValueError("CUDA out of memory"), "failed"),
        (RuntimeError("memory"), "failed"),
        (SystemExit(1), "failed"),
        (Invalid("no samples"), "invalid"),
    ],
)
def test_memory_ran_out_only_on_evidence(error: BaseException, status: str) -> None:
    assert explain(error)["status"] == status


def test_a_full_disk_says_what_to_do() -> None:
    reason = explain(OSError(errno.ENOSPC, "No space left on device", "samples.npz"))["reason"]
    assert "No space left on device" in reason
    assert reason.endswith("; make room, then --retry failed runs it again")


FIT = {"fingerprint": "", "sizes": {}, "shape": [2], "notes": [], "timings": {}, "trace": [], "facts": {}, "checks": []}


@pytest.mark.parametrize(
    ("fields", "valid"),
    [({}, True), ({"facts": {"codes": 0.5}}, True), ({"facts": {"codes": "many"}}, False), ({"facts": []}, False)],
)
def test_facts_of_a_fit_are_numbers_by_name(fields: dict, valid: bool) -> None:
    assert ("result" in outcome_of("fit", {"result": {**FIT, **fields}})) == valid
