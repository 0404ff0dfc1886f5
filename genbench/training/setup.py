"""What training, sampling and likelihoods of one cell share: its data, its device, its random streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.spec import ModelSpec
from genbench.training.conditions import ConditionSpace, condition_space, conditions_of
from genbench.training.device import Device
from genbench.training.load import stream_of
from genbench.training.standardise import Transform

Report = Callable[..., None]  # report(phase=..., step=..., steps=..., values=..., known=..., timings=...)
Timings = dict[str, float | None]


@dataclass(frozen=True)
class Setup:
    """A cell with its data loaded; ``noise`` dequantises integer images, and each stream seeds one stage.

    ``conditions`` is their space where the model is given conditions.
    """

    cell: Cell
    data: Data
    transform: Transform
    conditions: ConditionSpace | None
    device: Device
    report: Report
    noise: np.random.Generator
    fit_stream: np.random.SeedSequence
    sample_stream: np.random.SeedSequence
    density_stream: np.random.SeedSequence
    check_stream: np.random.SeedSequence
    snapshot_stream: np.random.SeedSequence
    task_stream: np.random.SeedSequence

    @property
    def is_discrete(self) -> bool:
        """Whether ``log_prob`` of the model is the probability of the grey levels of an image, not a density."""
        assert isinstance(self.cell.model.spec, ModelSpec)
        return self.cell.model.spec.support == "discrete" and self.data.levels is not None

    def model_conditions(self, split: str) -> Array | None:
        """Return the conditions (n, k) of a split in the space of models; None where there are none."""
        given = conditions_of(self.data, split)
        return None if given is None or self.conditions is None else self.conditions.to_model(given)

    def conditions_on_device(self, split: str) -> torch.Tensor | None:
        """Return the same as a tensor on the device."""
        return self.on_device(conditions_of(self.data, split))

    def on_device(self, given: Array | None) -> torch.Tensor | None:
        """Return conditions (n, k) in the data's units as a tensor in the space of models, on the device."""
        if given is None or self.conditions is None:
            return None
        return torch.from_numpy(self.conditions.to_model(given)).to(self.device.torch)


def setup_of(cell: Cell, data: Data, transform: Transform, report: Report) -> Setup:
    """Return the setup of a cell; raises UserError where this machine lacks its device."""
    noise = np.random.Generator(np.random.PCG64(stream_of(cell, "dequantise")))
    conditions = condition_space(data)
    return Setup(
        cell, data, transform, conditions, Device(cell.device), report, noise, *stream_of(cell, "fit").spawn(6)
    )
