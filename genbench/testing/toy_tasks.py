"""What a toy generator makes of held-out rows: reconstructions, denoised rows, anomaly scores, with its known fault."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genbench.protocol import Array, HeldOutTasks
from genbench.testing.toy_data import Clusters

NOISE = 0.5  # standard deviation of the noise that is to be removed, of which half is
OUTLIER_RANGE = 2.5  # of uniform outliers, to either side
ERROR, ERROR_OFF_MODES = 0.05, 0.2  # of a reconstruction: everywhere, and for each unit of distance from the modes


def toy_tasks(
    rows: Array, fault: Callable[[Array], Array], log_prob: Callable[[Array], Array], base: Clusters, seed: list[int]
) -> HeldOutTasks:
    """Return what a model makes of rows (n, d): it restores those near the modes of ``base`` but for its fault."""
    rng = np.random.default_rng(seed)

    def restore(given: Array) -> Array:
        distance = np.sqrt(np.square(given[:, None, :] - base.centres).sum(2).min(1))
        error = ERROR + ERROR_OFF_MODES * np.maximum(distance - 3 * base.std, 0.0)
        restored: Array = fault(given) + error[:, None] * rng.normal(size=given.shape)
        return restored

    noise = NOISE * rng.normal(size=rows.shape)
    outliers = rng.uniform(-OUTLIER_RANGE, OUTLIER_RANGE, size=rows.shape)
    scores = -log_prob(rows), -log_prob(outliers)
    errors = (np.square(restore(rows) - rows).sum(1), np.square(restore(outliers) - outliers).sum(1))
    return HeldOutTasks(
        rows,
        reconstruction=restore(rows),
        noise=NOISE,
        noisy=rows + noise,
        denoised=restore(rows + noise / 2),
        codes=rows[:, :1],
        anomaly={"anomaly_score": scores, "density": scores, "reconstruction": errors},
    )
