"""Binary images as units that are 0 or 1: pixels above the middle of [-1, 1] are 1, as of two grey levels."""

from __future__ import annotations

from torch import Tensor

__all__ = ["to_images", "to_units"]


def to_units(x: Tensor) -> Tensor:
    """Return units (n, pixels), 0 or 1, of images x (n, channels, height, width)."""
    return (x >= 0).flatten(1).float()


def to_images(v: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return images (n, *shape) of units v (n, pixels), each pixel at the centre of its grey level, -1/2 or 1/2."""
    return (v - 0.5).view(-1, *shape)
