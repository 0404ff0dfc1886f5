"""Rows that are held out of training."""

from __future__ import annotations

import torch


def held_out(rows: torch.Tensor, share: float = 0.1, at_most: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows (n, ...) in two parts drawn at random: to train on, and a ``share`` of them that is held out.

    At least one row is held out, and no more than ``at_most``; of a single row, both parts are that row. The parts are
    drawn by torch's global generator, for codes or whatever a model computes. Of the data themselves, ``validation`` of
    ``TrainingData`` gives all models the same parts. Raises ValueError for a share outside of (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")
    if len(rows) < 2:
        return rows, rows
    order = torch.randperm(len(rows), device=rows.device)
    count = max(1, min(len(rows) if at_most is None else at_most, int(len(rows) * share + 1e-9)))
    return rows[order[count:]], rows[order[:count]]
