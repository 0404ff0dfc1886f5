"""Normalising flows, whose density is exact: RealNVP, masked autoregressive flow, neural spline flow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DataFacts, ModelSpec, Spec

__all__ = ["FlowConfig", "MAFConfig", "NSFConfig", "RealNVPConfig", "genbench_register"]


MAX_BINS = 256  # each of which has at least a thousandth of all of them together


@dataclass(frozen=True)
class FlowConfig:
    """Options of all flows."""

    transforms: int = 8  # one after the other
    width: int = 64  # units of each of the two hidden layers of a transform
    batch: int = 0  # rows of a batch; 0: 512 on the plane, 128 for other data
    learning_rate: float = 5e-3  # of Adam; it falls to 0 along half a cosine
    ema: float = 0.999  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        for name, low in self.minima().items():
            if not low <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be in [{low}, inf), got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be in (0.0, inf), got {self.learning_rate}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0.0, 1.0), got {self.ema}")

    def minima(self) -> dict[str, float]:
        """Return the smallest value of each option that has one."""
        return {"transforms": 1, "width": 1, "batch": 0}


@dataclass(frozen=True)
class RealNVPConfig(FlowConfig):
    """Options of the RealNVP."""


@dataclass(frozen=True)
class MAFConfig(FlowConfig):
    """Options of the masked autoregressive flow."""


@dataclass(frozen=True)
class NSFConfig(FlowConfig):
    """Options of the neural spline flow."""

    transforms: int = 0  # one after the other; 0: 2 on the plane, 3 for other data
    width: int = 0  # units of each of the two hidden layers of a transform; 0: 64 on the plane, 128 for other data
    bins: int = 0  # of a spline; 0: 32 on the plane, where many modes may be told apart, 8 for other data
    bound: float = 0.0  # splines reach from -bound to bound, and change nothing beyond; 0: 4 on the plane, else 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bins > MAX_BINS:
            raise ValueError(f"bins must be in [0, {MAX_BINS}], got {self.bins}")

    def minima(self) -> dict[str, float]:
        """Return the smallest value of each option that has one."""
        return {**super().minima(), "transforms": 0, "width": 0, "bins": 0, "bound": 0.0}


def suits_affine(facts: DataFacts) -> str | None:
    """Return why affine transforms that depend on other columns cannot model such data, or None."""
    if facts.shape is None or math.prod(facts.shape) > 1:
        return None
    return "its transforms are affine given other columns, of which these data have none: take nsf"


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``realnvp``, ``maf`` and ``nsf``."""
    return [
        ModelSpec(
            "realnvp",
            "genbench_flows.realnvp:RealNVP",
            RealNVPConfig,
            "normalising flow of affine couplings: fast both ways",
            density="exact",
            steps={"vector": 2500, "image": 1500},
            conditions="optional",
            suits=suits_affine,
            paper="Dinh et al. 2017, arXiv:1605.08803",
        ),
        ModelSpec(
            "maf",
            "genbench_flows.maf:MAF",
            MAFConfig,
            "masked autoregressive flow: affine transforms, each column given those before it",
            density="exact",
            steps={"vector": 2500, "image": 1500},
            conditions="optional",
            suits=suits_affine,
            paper="Papamakarios et al. 2017, arXiv:1705.07057",
        ),
        ModelSpec(
            "nsf",
            "genbench_flows.nsf:NSF",
            NSFConfig,
            "neural spline flow: monotone splines, each column given those before it",
            density="exact",
            steps={"vector": 2800, "image": 1500},
            conditions="optional",
            paper="Durkan et al. 2019, arXiv:1906.04032",
        ),
    ]
