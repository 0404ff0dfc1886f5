"""The script that measures on a GPU, in small on the CPU: all of its tables are there, and nothing has failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gpu import mean_distance


@pytest.mark.slow
def test_the_script_runs_on_the_cpu(tmp_path: Path) -> None:
    out = tmp_path / "gpu.md"
    command = [sys.executable, str(Path(__file__).with_name("gpu.py")), "--device", "cpu", "--small", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert "ended early" not in text
    assert "Traceback" not in done.stderr
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.startswith("| vae |")]
    assert "energy by blocks on cpu" in text
    assert "all models on the CPU" in text


def test_mean_distance_by_blocks() -> None:
    x, y = torch.randn(30, 3), torch.randn(20, 3)
    assert mean_distance(x, y, block=7) == pytest.approx(float(torch.cdist(x, y).mean()), rel=1e-5)
