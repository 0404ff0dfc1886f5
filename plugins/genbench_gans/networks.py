"""Generators and discriminators: multilayer perceptrons for vectors, small convolutional networks for images.

There is no batch normalisation: a gradient penalty is defined for each sample alone, and the statistics of an averaged
generator would have to be computed anew.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

__all__ = ["MLP", "ConvDiscriminator", "ConvGenerator", "discriminator", "draw", "generator", "latent_size"]

Shape = tuple[int, ...]
MIN_SIDE = 4  # pixels: an image is not halved where its smaller side would have fewer
BLOCK_SAMPLES = {"vector": 16_384, "image": 512}  # drawn at once, which bounds the memory for the activations


class MLP(nn.Sequential):
    """Multilayer perceptron with ReLU: (n, d_in) to (n, d_out) through ``depth`` hidden layers of ``width`` units."""

    def __init__(self, d_in: int, d_out: int, width: int, depth: int) -> None:
        sizes = [d_in] + [width] * depth
        hidden = [(nn.Linear(a, b), nn.ReLU(inplace=True)) for a, b in itertools.pairwise(sizes)]
        super().__init__(*itertools.chain(*hidden), nn.Linear(sizes[-1], d_out))

    @property
    def linear(self) -> list[nn.Linear]:
        """The affine layers, from input to output."""
        return [layer for layer in self if isinstance(layer, nn.Linear)]


class ConvGenerator(nn.Sequential):
    """Codes (n, latent) to images (n, channels, height, width) in [-1, 1]: each stage resizes, then convolves.

    Resizing before a convolution avoids a checkerboard pattern (Odena, Dumoulin, Olah 2016,
    doi:10.23915/distill.00003).
    """

    def __init__(self, latent: int, shape: Shape, channels: int) -> None:
        *finer, coarsest = _widths(shape, channels)
        height, width = (side >> len(finer) for side in shape[1:])
        layers = [nn.Linear(latent, coarsest * height * width), nn.Unflatten(1, (coarsest, height, width))]
        for a, b in itertools.pairwise([coarsest, *reversed(finer)]):
            layers += [nn.ReLU(inplace=True), nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1)]
        super().__init__(*layers, nn.ReLU(inplace=True), nn.Conv2d(channels, shape[0], 3, padding=1), nn.Tanh())


class ConvDiscriminator(nn.Sequential):
    """Images (n, channels, height, width) to scores (n, 1): strided convolutions as in DCGAN, then an MLP.

    Source: Radford, Metz, Chintala 2016, arXiv:1511.06434.
    """

    def __init__(self, shape: Shape, channels: int, hidden: int) -> None:
        widths = [shape[0], *_widths(shape, channels)[:-1]]
        height, width = (side >> (len(widths) - 1) for side in shape[1:])
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        head = [nn.Linear(widths[-1] * height * width, hidden), nn.LeakyReLU(0.2, inplace=True), nn.Linear(hidden, 1)]
        super().__init__(*layers, nn.Flatten(), *head)


def _widths(shape: Shape, channels: int) -> list[int]:
    """Return the channels at each resolution, from fine to coarse, for as long as both sides can be halved.

    They double from one resolution to the next, twice at most.
    """
    height, width = shape[1:]
    widths = [channels]
    while height % 2 == width % 2 == 0 and min(height, width) >= 2 * MIN_SIDE:
        height, width = height // 2, width // 2
        widths.append(channels << min(len(widths), 2))
    return widths


def generator(shape: Shape, latent: int, width: int, depth: int, channels: int) -> nn.Module:
    """Return a network from codes (n, latent) to samples (n, *shape); only images use ``channels``."""
    return MLP(latent, shape[0], width, depth) if len(shape) == 1 else ConvGenerator(latent, shape, channels)


def discriminator(shape: Shape, width: int, depth: int, channels: int) -> nn.Module:
    """Return a network from samples (n, *shape) to scores (n, 1); only images use ``channels``."""
    return MLP(shape[0], 1, width, depth) if len(shape) == 1 else ConvDiscriminator(shape, channels, width)


def latent_size(shape: Shape) -> int:
    """Return the default number of dimensions of a code: those of a vector, at least 2, or 32 for images."""
    return max(2, shape[0]) if len(shape) == 1 else 32


@torch.no_grad()
def draw(network: nn.Module, latent: int, n: int) -> torch.Tensor:
    """Return n samples (n, *shape) of a generator, drawn in blocks of bounded memory."""
    block = BLOCK_SAMPLES["vector" if isinstance(network, MLP) else "image"]
    device = next(network.parameters()).device
    sizes = [min(block, n - start) for start in range(0, n, block)] or [0]
    return torch.cat([network(torch.randn(size, latent, device=device)) for size in sizes])
