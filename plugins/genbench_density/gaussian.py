"""One Gaussian with the mean and the full covariance of the training rows: the baseline of every table."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import condition_features, from_arrays, to_arrays

MIN_VARIANCE = 1e-6  # in any direction, relative to the mean variance


class Gaussian:
    """Gaussian of maximum likelihood, with exact density and samples; images are flattened.

    Directions without variance (constant columns, or no more rows than dimensions) are given a thousandth of the
    typical standard deviation, so that samples and density exist. The density is then that of the samples, but its
    values come from that thousandth and not from the data: ``log_prob_defect`` says so.

    Where rows have conditions, it is the conditional of their joint Gaussian: a mean that is linear in them (categories
    as 0 and 1), and the covariance of the residuals.
    """

    log_prob_defect = ""

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002
        """Estimate mean (d,) and the Cholesky factor (d, d) of the covariance, in double precision."""
        self.shape = data.shape
        rows = data.train.flatten(1).to(torch.float64 if data.train.device.type != "mps" else torch.float32)
        self.slope, self.centre, self.columns = None, None, data.condition_columns
        if data.weights is None:
            self.mean = rows.mean(0)
            centred, share = rows - self.mean, rows.new_full((len(rows), 1), 1 / len(rows))
        else:
            share = (data.weights / data.weights.sum()).to(rows.dtype)[:, None]  # (n, 1)
            self.mean = (share * rows).sum(0)
            centred = rows - self.mean
        if data.conditions is not None:
            features = self._features(data.conditions)  # (n, k')
            self.centre = (share * features).sum(0)
            features = features - self.centre
            self.slope = torch.linalg.pinv(features.T @ (share * features), rtol=1e-9) @ (
                features.T @ (share * centred)
            )
            centred = centred - features @ self.slope
        covariance = centred.T @ centred / len(rows) if data.weights is None else centred.T @ (share * centred)
        self.factor, raised = factorise(covariance)
        self.log_prob_defect = (
            f"the covariance of {len(rows)} training rows is singular in {raised} of {rows.shape[1]} dimensions, where "
            f"the variance is set to {MIN_VARIANCE:g} of the mean one: that number, not the data, makes the likelihood"
            if raised
            else ""
        )

    def _features(self, conditions: torch.Tensor) -> torch.Tensor:
        return condition_features(conditions, self.columns).to(self.mean.dtype)

    def _mean(self, conditions: torch.Tensor | None) -> torch.Tensor:
        """Return the mean (d,), or the means (n, d) given conditions (n, k)."""
        if self.slope is None or self.centre is None or conditions is None:
            return self.mean
        given: torch.Tensor = (self._features(conditions) - self.centre) @ self.slope
        return self.mean + given

    def sample(self, n: int, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n, *shape), given conditions (n, k) if it was trained with some."""
        if not hasattr(self, "mean"):
            raise RuntimeError("fit the model before sampling")
        noise = torch.randn(n, len(self.mean), device=self.mean.device)
        return torch.addmm(self._mean(conditions).float(), noise, self.factor.T.float()).view(n, *self.shape)

    def log_prob(self, x: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n,) nats for x (n, *shape), given conditions (n, k) if it was trained with some."""
        centred = (x.flatten(1).to(self.mean.dtype) - self._mean(conditions)).T  # (d, n)
        white = torch.linalg.solve_triangular(self.factor, centred, upper=False)
        log_det = self.factor.diagonal().log().sum()
        log_p: torch.Tensor = -0.5 * white.square().sum(0) - log_det - 0.5 * len(self.mean) * math.log(2 * math.pi)
        return log_p

    def parameters(self) -> list[torch.Tensor]:
        """Return the mean (d,) and the lower triangle of the factor, d (d + 1) / 2 numbers."""
        d = len(self.mean)
        return [self.mean, self.factor[tuple(torch.tril_indices(d, d, device=self.mean.device))]]

    def state(self) -> dict[str, Array]:
        """Return mean, factor and slope as arrays by name."""
        parts = {"mean": self.mean, "factor": self.factor, "slope": self.slope, "centre": self.centre}
        return to_arrays(shape=self.shape, columns=self.columns, defect=self.log_prob_defect, **parts)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.shape, self.columns, self.log_prob_defect = tuple(parts["shape"]), parts["columns"], parts["defect"]
        self.mean, self.slope, self.centre = parts["mean"], parts["slope"], parts["centre"]
        self.factor = parts["factor"].mT.contiguous().mT  # in the memory's order of a Cholesky factor: equal rounding


def factorise(covariance: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return the Cholesky factor of a covariance (d, d), and how many of its eigenvalues were raised to a minimum."""
    floor, raised = max(MIN_VARIANCE * float(covariance.diagonal().mean()), MIN_VARIANCE**2), 0
    lowered = covariance - floor * torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    if torch.linalg.cholesky_ex(lowered).info != 0:  # fails where an eigenvalue is below the floor
        values, vectors = torch.linalg.eigh(covariance)
        raised = int((values < floor).sum())
        covariance = (vectors * values.clamp(min=floor)) @ vectors.T
    factor: torch.Tensor = torch.linalg.cholesky(covariance)
    return factor, raised
