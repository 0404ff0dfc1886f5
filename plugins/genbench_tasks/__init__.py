"""Scores of what models can do beside sampling: reconstruct rows, remove noise, find anomalies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["AUCConfig", "SICConfig", "genbench_register"]

By = Literal["anomaly_score", "density", "reconstruction"]


def _check_by(by: str | None) -> None:
    if by not in (None, "anomaly_score", "density", "reconstruction"):
        raise ValueError(f"by must be 'anomaly_score', 'density' or 'reconstruction', got {by!r}")


@dataclass(frozen=True)
class AUCConfig:
    """Options of the area under the ROC curve."""

    by: By | None = (
        None  # its own score, minus the log-density, or the squared error of reconstruction; none: the first there is
    )

    def __post_init__(self) -> None:
        _check_by(self.by)


@dataclass(frozen=True)
class SICConfig:
    """Options of the largest significance improvement."""

    by: By | None = (
        None  # its own score, minus the log-density, or the squared error of reconstruction; none: the first there is
    )
    background: int = 25  # held-out rows that must pass a cut: of 25, the square root is known to 10 %

    def __post_init__(self) -> None:
        _check_by(self.by)
        if self.background < 1:
            raise ValueError(f"background must be in [1, inf), got {self.background}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``reconstruction``, ``denoising``, ``anomaly_auc``, ``anomaly_sic``."""
    return [
        MetricSpec(
            "reconstruction",
            "genbench_tasks.reconstruction:reconstruction",
            None,
            "root mean squared error of reconstructed held-out rows, compared for codes of equal dimensions",
            unit="standard deviations",
            best=0.0,
            needs=("reconstruction",),
            paper="Hinton & Salakhutdinov 2006, doi:10.1126/science.1127647",
        ),
        MetricSpec(
            "denoising",
            "genbench_tasks.reconstruction:denoising",
            None,
            "how much nearer to the truth held-out rows with Gaussian noise are once they are reconstructed",
            better="higher",
            unit="dB",
            needs=("reconstruction",),
            paper="Vincent et al. 2008, doi:10.1145/1390156.1390294",
        ),
        MetricSpec(
            "anomaly_auc",
            "genbench_tasks.anomaly:anomaly_auc",
            AUCConfig,
            "probability that an outlier is more anomalous than a held-out row: area under the ROC curve",
            better="higher",
            unit="probability",
            best=1.0,
            needs=("outliers",),
            paper="DeLong et al. 1988, doi:10.2307/2531595",
        ),
        MetricSpec(
            "anomaly_sic",
            "genbench_tasks.anomaly:anomaly_sic",
            SICConfig,
            "largest factor by which a cut on the anomaly score improves the significance of the outliers",
            better="higher",
            needs=("outliers",),
            paper="Kasieczka et al. 2021, arXiv:2101.08320",
        ),
    ]
