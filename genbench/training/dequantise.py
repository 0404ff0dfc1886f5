"""Draw the pixels of integer images anew within their grey levels, and tell images from what a model computes."""

from __future__ import annotations

import torch

MAX_COMPARED = 1024  # values of a tensor that are looked for among those of the training rows
BLOCK_VALUES = 1 << 22  # of the training rows that are searched at once


class Dequantiser:
    """Uniform noise within the grey levels of images in [-1, 1), of which there are ``levels``.

    ``train`` are the training rows, by whose values images are recognised. Without them, all floating numbers in
    [-1, 1) are taken for pixels.
    """

    def __init__(self, levels: int, train: torch.Tensor | None = None) -> None:
        self.levels = levels
        self._train = train

    def recognises(self, rows: torch.Tensor) -> bool:
        """Return whether the values of a tensor are pixels: those of training rows, or centres of grey levels.

        Views of the training rows are recognised at once, of others up to 1,024 values are looked at, evenly spaced.
        """
        if not rows.is_floating_point():
            return False
        train = self._train
        if train is not None and rows.untyped_storage().data_ptr() == train.untyped_storage().data_ptr():
            return True
        values = rows.detach().reshape(-1)
        values = values[:: max(1, -(-len(values) // MAX_COMPARED))]
        if not bool(((values >= -1) & (values < 1)).all()):
            return False
        return train is None or self._are_centres(values) or _all_among(values, train)

    def _are_centres(self, values: torch.Tensor) -> bool:
        level = (values.double() + 1).mul(self.levels / 2).floor_()
        centres = level.add_(0.5).div_(self.levels / 2).sub_(1).to(values.dtype)
        return bool((centres - values).abs().max() <= 2 * torch.finfo(values.dtype).eps)

    def draw(self, rows: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Return the rows (n, *shape) of an index (n,), each value uniform within its grey level."""
        half = self.levels / 2  # a grey level is 1/half wide in [-1, 1]
        floor = rows.index_select(0, index).add_(1).mul_(half).floor_()
        return floor.add_(torch.rand_like(floor)).div_(half).sub_(1)


def _all_among(values: torch.Tensor, train: torch.Tensor) -> bool:
    """Return whether each of some values is a value of the training rows, to the last bit."""
    wanted = values.to(train.dtype)
    if not torch.equal(wanted.to(values.dtype), values):
        return False
    wanted = torch.unique(wanted)
    missing = torch.ones(len(wanted), dtype=torch.bool, device=wanted.device)
    for block in torch.split(train.reshape(-1), BLOCK_VALUES):
        place = torch.searchsorted(wanted, block).clamp_(max=len(wanted) - 1)
        missing[place[wanted[place] == block]] = False
    return not bool(missing.any())
