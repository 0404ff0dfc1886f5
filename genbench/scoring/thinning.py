"""Parts of the rows of both sides, for metrics whose cost grows with the number of pairs of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, RealSide

MAX_PAIR_ROWS = 20_000  # of either side, unless a user wants more
REAL_FIELDS = ("test_raw", "truth_test", "labels_test", "conditions_test", "observables_test")
FAKE_FIELDS = ("fake_raw", "truth_fake", "labels_fake", "conditions_fake", "observables_fake")


class Thinning:
    """Draws at most ``max_rows`` rows of either side, None for all; the same of real rows for all that is scored."""

    def __init__(self, max_rows: int | None = None) -> None:
        self.max_rows = max_rows
        self._found: dict[int, tuple[Evidence, Evidence]] = {}

    def applies(self, evidence: Evidence) -> bool:
        """Return whether a side has more rows than are wanted."""
        return self.max_rows is not None and max(len(evidence.real.rows), len(evidence.fake)) > self.max_rows

    def thinned(self, evidence: Evidence) -> Evidence:
        """Return the evidence of the rows that are drawn, in their order; what all rows made together is left out."""
        if id(evidence.fake) not in self._found:  # all metrics of these samples share what they compute of a part
            self._found = {id(evidence.fake): (evidence, self._thinned(evidence))}
        return replace(self._found[id(evidence.fake)][1], train=evidence.train)

    def _thinned(self, evidence: Evidence) -> Evidence:
        real, fake = evidence.real.rows, evidence.fake
        of_real, of_fake = self._drawn(evidence, "real", len(real)), self._drawn(evidence, "fake", len(fake))
        changed: dict[str, Any] = {name: _part(getattr(evidence, name), of_real) for name in REAL_FIELDS}
        changed |= {name: _part(getattr(evidence, name), of_fake) for name in FAKE_FIELDS}
        total = max(len(real), len(fake))
        side = evidence.real.once(("part", self.max_rows, total), lambda: RealSide(real[of_real], total))
        return replace(
            evidence, real=side, fake=fake[of_fake], density_test=None, density_fake=None, densities={},
            log_prob_classes=None, tasks=None, **changed,
        )  # fmt: skip

    def _drawn(self, evidence: Evidence, name: str, n: int) -> Array | slice:
        if self.max_rows is None or n <= self.max_rows:
            return slice(None)
        drawn: Array = np.sort(evidence.rng(f"rows of pairs, {name}").permutation(n)[: self.max_rows])
        return drawn


def _part(values: Any, rows: Array | slice) -> Any:
    if isinstance(values, Mapping):
        return {name: each[rows] for name, each in values.items()}
    return None if values is None else values[rows]
