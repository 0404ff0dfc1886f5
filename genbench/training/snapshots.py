"""Samples drawn in the middle of a training, its clock stopped: what quality against time is made of."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from genbench.errors import describe
from genbench.protocol import Array, Sampler
from genbench.training.seeding import seeded

__all__ = ["FRACTIONS", "Snapshots", "rows_of"]

FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # of the budget; the whole of it is what the cell samples anyway
FREE, SHARE = 0.2, 0.2  # no more are taken once they took more than these seconds and this share of the training so far
ROWS: Mapping[str, int] = {"vector": 2000, "image": 256}


def rows_of(shape: tuple[int, ...]) -> int:
    """Return how many samples a snapshot has, of rows of this shape."""
    return ROWS["vector" if len(shape) == 1 else "image"]


@dataclass
class Snapshots:
    """The snapshots of one training: ``rows``, and the ``seconds`` and ``steps`` of training at which each was taken.

    ``draw(sample)`` returns the samples (n, *shape) that a snapshot keeps. It draws from a random stream of its own, so
    that a training is the same to the last bit with snapshots and without. One that fails is the last; ``problem``
    says why, and the training goes on. ``spent_s`` is what they took of the wall clock, ``spent_cpu_s`` of CPU.
    """

    draw: Callable[[Sampler], Array]
    stream: np.random.SeedSequence
    synchronise: Callable[[], None] = lambda: None
    rows: list[Array] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    problem: str = ""
    spent_s: float = 0.0
    spent_cpu_s: float = 0.0
    due: float = FRACTIONS[0]  # the fraction of the budget at which the next is taken

    def take(self, sample: Sampler, start: float, step: int, progress: float) -> float:
        """Take a snapshot of a training that began at ``start``, if it can be afforded; return the seconds it took."""
        self.due = next((fraction for fraction in FRACTIONS if fraction > progress), float("inf"))
        self.synchronise()  # what the device still computes is training
        began, began_cpu = time.perf_counter(), time.process_time()
        if self.spent_s > FREE + SHARE * (began - start):
            return 0.0
        try:
            with seeded(self.stream.spawn(1)[0]), torch.no_grad():
                rows = self.draw(sample)
        except Exception as error:
            traceback.print_exc()  # into the cell's log
            self.problem, self.due = f"no snapshot after step {step}: {describe(error)}", float("inf")
        else:
            self.rows.append(rows)
            self.seconds.append(began - start)
            self.steps.append(step)
        self.synchronise()
        spent = time.perf_counter() - began
        self.spent_s += spent
        self.spent_cpu_s += time.process_time() - began_cpu
        return spent

    def as_arrays(self) -> dict[str, Array]:
        """Return what is kept with a cell's samples: snapshots (k, n, *shape), their seconds and steps, (k,) each."""
        if not self.rows:
            return {}
        kept = {"snapshots": np.stack(self.rows), "snapshot_seconds": np.array(self.seconds)}
        return {**kept, "snapshot_steps": np.array(self.steps)}
