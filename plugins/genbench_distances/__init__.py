"""Distances between held-out real rows and samples: by pairs, transport, moments, neighbours, a classifier."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = [
    "C2STConfig",
    "FrechetConfig",
    "MMDConfig",
    "NeighbourConfig",
    "SlicedConfig",
    "TransportConfig",
    "genbench_register",
]


@dataclass(frozen=True)
class MMDConfig:
    """Options of the maximum mean discrepancy with a Gaussian kernel."""

    bandwidth: float = 0.0  # standard deviation of the kernel; 0: the median distance of real rows

    def __post_init__(self) -> None:
        if not 0 <= self.bandwidth < math.inf:
            raise ValueError(f"bandwidth must be in [0.0, inf), got {self.bandwidth}")


@dataclass(frozen=True)
class TransportConfig:
    """Options of exact optimal transport."""

    max_rows: int = 2000  # rows of either side that are used; more are subsampled at random

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise ValueError(f"max_rows must be in [1, inf), got {self.max_rows}")


@dataclass(frozen=True)
class SlicedConfig:
    """Options of the sliced distances."""

    n_projections: int = 128  # directions, uniform on the sphere; in one dimension there is only one
    directions_seed: int = 0  # with the same seed, all models and runs have the same directions

    def __post_init__(self) -> None:
        if self.n_projections < 1:
            raise ValueError(f"n_projections must be in [1, inf), got {self.n_projections}")
        if self.directions_seed < 0:
            raise ValueError(f"directions_seed must be in [0, inf), got {self.directions_seed}")


@dataclass(frozen=True)
class FrechetConfig:
    """Options of the Fréchet distance."""

    interval_dimensions: int = 256  # with more, the interval is left out: it costs 20 times as much as the value

    def __post_init__(self) -> None:
        if self.interval_dimensions < 0:
            raise ValueError(f"interval_dimensions must be in [0, inf), got {self.interval_dimensions}")


@dataclass(frozen=True)
class NeighbourConfig:
    """Options of precision, recall, density and coverage."""

    k: int = 5  # the ball around a row has the distance to its k-th nearest other row as radius

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be in [1, inf), got {self.k}")


@dataclass(frozen=True)
class C2STConfig:
    """Options of the classifier two-sample test."""

    folds: int = 5  # each row is scored by the classifier that was not trained on it
    trees: int = 60  # boosting rounds of each classifier
    max_rows: int = 10_000  # rows of either side that are used; more are subsampled at random
    permutations: int = 0  # trainings on exchanged labels, for an exact p-value; 0: a closed form

    def __post_init__(self) -> None:
        for name, minimum in (("folds", 2), ("trees", 1), ("max_rows", 10), ("permutations", 0)):
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} must be in [{minimum}, inf), got {getattr(self, name)}")


COPY_FAULTS = ("exact_copies", "near_copies", "memorised_half")
# faults that `genbench audit` found each metric to detect in all datasets, even with 100 rows
DETECTS: dict[str, tuple[str, ...]] = {
    "energy": ("repeated_points", "shift", "uneven_weights"),
    "sliced_w2": ("outliers", "shift"),
    "max_sliced_w2": ("outliers",),
    "w1_marginal": ("shift",),
    "frechet": ("outliers", "shift"),
    "frechet_debiased": ("outliers", "shift"),
    "kid": ("outliers", "shift"),
    "mmd": ("shift",),
    "precision": ("lost_correlation", "outliers", "quantisation", "shift"),
    "recall": ("dropped_modes", "shift"),
    "density": ("lost_correlation", "quantisation", "shift"),
    "coverage": ("quantisation", "shift", "width"),
    "c2st": ("quantisation", "repeated_points", "shift"),
    "ct": (*COPY_FAULTS, "lost_correlation", "shift", "width"),
    "duplicates": ("exact_copies", "memorised_half"),
    "authenticity": (*COPY_FAULTS, "shift", "width"),
    "membership": ("exact_copies", "memorised_half"),
    "separation": ("shift",),
}


def _metric(name: str, module: str, config: type | None, summary: str, **fields: Any) -> MetricSpec:
    fields["detects"] = DETECTS.get(name, ())
    fields["pairs"] = module in ("energy", "kernels", "neighbours")
    return MetricSpec(name, f"genbench_distances.{module}:{name}", config, summary, **fields)


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of all distances and of the metrics of copying."""
    data = "units of the space"
    kynkaanniemi, naeem = "Kynkäänniemi et al. 2019, arXiv:1904.06991", "Naeem et al. 2020, arXiv:2002.09797"
    return [
        _metric(
            "energy",
            "energy",
            None,
            "energy distance, unbiased: 2E|X-Y| - E|X-X'| - E|Y-Y'|",
            unit=data,
            snapshots=True,
            best=0.0,
            paper="Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018",
        ),
        _metric(
            "energy_v",
            "energy",
            None,
            "energy distance of the empirical distributions: never negative, biased upwards",
            unit=data,
            best=0.0,
            paper="Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018",
        ),
        _metric(
            "w1",
            "transport",
            TransportConfig,
            "exact 1-Wasserstein distance, with a proof of optimality",
            unit=data,
            best=0.0,
            paper="Peyré & Cuturi 2019, arXiv:1803.00567",
        ),
        _metric(
            "w2",
            "transport",
            TransportConfig,
            "exact 2-Wasserstein distance, with a proof of optimality",
            unit=data,
            best=0.0,
            version=2,
            paper="Peyré & Cuturi 2019, arXiv:1803.00567",
        ),
        _metric(
            "sliced_w1",
            "sliced",
            SlicedConfig,
            "1-Wasserstein distance, mean over directions",
            unit=data,
            best=0.0,
            paper="Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3",
        ),
        _metric(
            "sliced_w2",
            "sliced",
            SlicedConfig,
            "2-Wasserstein distance, root mean square over directions",
            unit=data,
            best=0.0,
            version=2,
            paper="Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3",
        ),
        _metric(
            "max_sliced_w2",
            "sliced",
            SlicedConfig,
            "2-Wasserstein distance along the worst of the directions",
            unit=data,
            best=0.0,
            version=2,
            paper="Deshpande et al. 2019, arXiv:1904.05877",
        ),
        _metric(
            "w1_marginal",
            "marginals",
            None,
            "1-Wasserstein distance of each column, mean over columns",
            unit=data,
            best=0.0,
            version=2,
            paper="Vallender 1974, doi:10.1137/1118101",
        ),
        _metric(
            "w1_observables",
            "marginals",
            None,
            "1-Wasserstein distance of each derived observable, mean over observables",
            unit="standard deviations",
            best=0.0,
            needs=("samples", "observables"),
            paper="Vallender 1974, doi:10.1137/1118101",
        ),
        _metric(
            "separation",
            "separation",
            None,
            "separation power of the histograms of each column and observable, mean over them, unbiased",
            best=0.0,
            version=2,
            paper="Krause et al. 2024, arXiv:2410.21611",
        ),
        _metric(
            "correlation",
            "marginals",
            None,
            "mean absolute difference of Spearman's correlations",
            best=0.0,
            version=2,
            data=("vector",),
        ),
        _metric(
            "frechet",
            "frechet",
            FrechetConfig,
            "squared Fréchet distance of Gaussians with the same moments",
            unit=f"{data}, squared",
            best=0.0,
            paper="Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500",
        ),
        _metric(
            "frechet_debiased",
            "frechet",
            FrechetConfig,
            "squared Fréchet distance, its bias removed by a comparison with halves",
            unit=f"{data}, squared",
            best=0.0,
            paper="Chong & Forsyth 2020, arXiv:1911.07023",
        ),
        _metric(
            "kid",
            "polynomial",
            None,
            "squared MMD with the kernel (x·y/d + 1)³, unbiased, of all samples",
            best=0.0,
            version=2,
            paper="Bińkowski et al. 2018, arXiv:1801.01401",
        ),
        _metric(
            "mmd",
            "kernels",
            MMDConfig,
            "squared MMD with a Gaussian kernel as wide as the median distance, unbiased",
            best=0.0,
            paper="Gretton et al. 2012, JMLR 13",
        ),
        _metric(
            "precision",
            "neighbours",
            NeighbourConfig,
            "share of samples inside the balls of real rows",
            better="higher",
            version=3,
            paper=kynkaanniemi,
        ),
        _metric(
            "recall",
            "neighbours",
            NeighbourConfig,
            "share of real rows inside the balls of samples",
            better="higher",
            version=3,
            paper=kynkaanniemi,
        ),
        _metric(
            "density",
            "neighbours",
            NeighbourConfig,
            "number of real balls that hold a sample, divided by k",
            better="higher",
            best=1.0,
            version=3,
            paper=naeem,
        ),
        _metric(
            "coverage",
            "neighbours",
            NeighbourConfig,
            "share of real balls that hold at least one sample",
            better="higher",
            version=2,
            paper=naeem,
        ),
        _metric(
            "c2st",
            "c2st",
            C2STConfig,
            "area under the ROC curve of trees or products of columns, samples against real rows",
            best=0.5,
            version=3,
            paper="Lopez-Paz & Oquab 2017, arXiv:1610.06545",
        ),
        _metric(
            "ct",
            "copying",
            None,
            "C_T of distances to training rows: 0 is best; below, samples are nearer than held-out rows are",
            better="higher",
            ranked=False,
            unit="standard deviations",
            best=0.0,
            needs=("samples", "train"),
            version=2,
            paper="Meehan et al. 2020, arXiv:2004.05675",
        ),
        _metric(
            "duplicates",
            "copying",
            None,
            "share of samples that repeat a training row",
            best=0.0,
            copying=True,
            needs=("samples", "train"),
        ),
        _metric(
            "membership",
            "membership",
            None,
            "area under the ROC curve of training against held-out rows, by the distance to the nearest sample",
            best=0.5,
            copying=True,
            needs=("samples", "train"),
            paper="Hilprecht et al. 2019, doi:10.2478/popets-2019-0067; Chen et al. 2020, arXiv:1909.03935",
        ),
        _metric(
            "authenticity",
            "copying",
            None,
            "share of samples that are farther from a training row than its nearest neighbour",
            better="higher",
            ranked=False,
            needs=("samples", "train"),
            paper="Alaa et al. 2022, arXiv:2102.08921",
        ),
    ]
