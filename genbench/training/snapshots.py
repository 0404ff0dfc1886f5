"""Samples drawn during training while its clock is paused, from which quality against time is computed."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from genbench.errors import describe
from genbench.protocol import Array, Sampler
from genbench.training.seeding import seed_generators

BUDGET_FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # at the end of the budget the cell is sampled anyway
# snapshots may take this many seconds, and this share of the training time so far
ALLOWANCE_S, MAX_TIME_SHARE = 0.2, 0.2
VECTOR_ROWS, IMAGE_ROWS = 2000, 256


def rows_per_snapshot(shape: tuple[int, ...]) -> int:
    """Return how many samples a snapshot has, for data of this shape."""
    return VECTOR_ROWS if len(shape) == 1 else IMAGE_ROWS


@dataclass
class Snapshots:
    """The snapshots of one training: ``rows``, and the ``seconds`` and ``steps`` of training at which each was taken.

    ``draw(sample)`` returns the samples (n, *shape) of a snapshot. It draws from a random stream of its own, so that
    the training is the same to the last bit with and without snapshots. Once a snapshot fails, no more are taken:
    ``problem`` says why, and the training continues. ``spent_s`` and ``spent_cpu_s`` are the wall and CPU seconds that
    all snapshots took.
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
    due: float = BUDGET_FRACTIONS[0]  # fraction of the budget at which the next is taken

    def take(self, sample: Sampler, start: float, step: int, progress: float) -> float:
        """Take a snapshot if the allowance permits and return the seconds it took; training began at ``start``."""
        self.due = next((fraction for fraction in BUDGET_FRACTIONS if fraction > progress), float("inf"))
        self.synchronise()  # what the device still computes belongs to the training
        began, began_cpu = time.perf_counter(), time.process_time()
        if self.spent_s > ALLOWANCE_S + MAX_TIME_SHARE * (began - start):
            return 0.0
        try:
            with seed_generators(self.stream.spawn(1)[0]), torch.no_grad():
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
        """Return the arrays to save with a cell's samples: snapshots (k, n, *shape), their seconds and steps (k,)."""
        if not self.rows:
            return {}
        return {
            "snapshots": np.stack(self.rows),
            "snapshot_seconds": np.array(self.seconds),
            "snapshot_steps": np.array(self.steps),
        }
