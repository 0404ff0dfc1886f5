"""What training, sampling and likelihoods of one cell share: its data, its device, its random streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genbench.plan.cell import Cell
from genbench.protocol import Data
from genbench.training.device import Device
from genbench.training.load import stream_of
from genbench.training.standardise import Transform

Report = Callable[..., None]  # report(phase=..., step=..., steps=..., values=..., known=..., timings=...)
Timings = dict[str, float | None]


@dataclass(frozen=True)
class Setup:
    """A cell with its data loaded; ``noise`` dequantises integer images, and each stream seeds one stage."""

    cell: Cell
    data: Data
    transform: Transform
    device: Device
    report: Report
    noise: np.random.Generator
    fit_stream: np.random.SeedSequence
    sample_stream: np.random.SeedSequence
    density_stream: np.random.SeedSequence
    check_stream: np.random.SeedSequence
    snapshot_stream: np.random.SeedSequence
    task_stream: np.random.SeedSequence


def setup_of(cell: Cell, data: Data, transform: Transform, report: Report) -> Setup:
    """Return the setup of a cell; raises UserError where this machine lacks its device."""
    noise = np.random.Generator(np.random.PCG64(stream_of(cell, "dequantise")))
    return Setup(cell, data, transform, Device(cell.device), report, noise, *stream_of(cell, "fit").spawn(6))
