"""The process of a cell, inside."""

from __future__ import annotations

import pytest

from genbench.process import child


def test_a_cell_sees_its_own_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    here: dict[str, str] = {}
    monkeypatch.setattr(child.os, "environ", here)
    assert child._hide_other_gpus("cpu") == "cpu"
    assert here == {}
    assert child._hide_other_gpus("cuda:1") == "cuda:0"
    assert here == {"CUDA_VISIBLE_DEVICES": "1"}
    here["CUDA_VISIBLE_DEVICES"] = "4,GPU-5f"
    assert child._hide_other_gpus("cuda:1") == "cuda:0"
    assert here == {"CUDA_VISIBLE_DEVICES": "GPU-5f"}
