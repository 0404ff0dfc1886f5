"""Generators and discriminators: multilayer perceptrons for vectors, small convolutional networks for images.

There is no batch normalisation: a gradient penalty is defined for each sample alone, and the statistics of an averaged
generator would have to be computed anew. Multilayer perceptrons take conditions as further columns (Mirza & Osindero
2014, arXiv:1411.1784), convolutional networks have places of their own for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from genbench.spec import Column

__all__ = [
    "MLP",
    "ConditionalGenerator",
    "ConvDiscriminator",
    "ConvGenerator",
    "ProjectionDiscriminator",
    "discriminator",
    "draw",
    "evaluate",
    "features_of",
    "generator",
    "latent_size",
    "with_columns",
]

Shape = tuple[int, ...]
MIN_SIDE = 4  # pixels: an image is not halved where its smaller side would have fewer
BLOCK_SAMPLES = {"vector": 16_384, "image": 512}  # drawn at once, which bounds the memory for the activations


class MLP(nn.Sequential):
    """Multilayer perceptron with ReLU: (n, d_in) to (n, d_out) through ``depth`` hidden layers of ``width`` units."""

    def __init__(self, d_in: int, d_out: int, width: int, depth: int) -> None:
        sizes = [d_in] + [width] * depth
        hidden = [(nn.Linear(a, b), nn.ReLU(inplace=True)) for a, b in itertools.pairwise(sizes)]
        super().__init__(*itertools.chain(*hidden), nn.Linear(sizes[-1], d_out))

    def forward(self, x: torch.Tensor, given: torch.Tensor | None = None) -> torch.Tensor:
        """Map x (n, d), with features of conditions (n, k) as its last columns where there are any: d + k = d_in."""
        h = with_columns(x, given)
        for layer in self:
            h = layer(h)
        return h

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


class ConditionalGenerator(nn.Module):
    """A ``ConvGenerator`` of the code and the conditions, which also scale and shift its channels at each resolution.

    Source: Brock, Donahue, Simonyan 2019 (BigGAN), arXiv:1809.11096, without its batch normalisation.
    """

    def __init__(self, latent: int, shape: Shape, channels: int, conditions: int) -> None:
        super().__init__()
        self.layers = ConvGenerator(latent + conditions, shape, channels)
        convolutions = [layer for layer in self.layers if isinstance(layer, nn.Conv2d)]
        self.modulations = nn.ModuleList(nn.Linear(conditions, 2 * layer.in_channels) for layer in convolutions)
        for modulation in self.modulations.parameters():
            nn.init.zeros_(modulation)

    def forward(self, z: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Map codes z (n, latent) and features of conditions (n, conditions) to images (n, *shape)."""
        h = torch.cat([z, given], 1)
        modulations = iter(self.modulations)
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):  # one before each convolution
                scale, shift = next(modulations)(given)[:, :, None, None].chunk(2, 1)
                h = h * (1 + scale) + shift
            h = layer(h)
        return h


class ProjectionDiscriminator(nn.Module):
    """A ``ConvDiscriminator`` to whose score <h, embedding of the conditions> is added, h being its last features.

    Source: Miyato & Koyama 2018, arXiv:1802.05637.
    """

    def __init__(self, shape: Shape, channels: int, hidden: int, conditions: int) -> None:
        super().__init__()
        *body, score = ConvDiscriminator(shape, channels, hidden)
        self.body = nn.Sequential(*body)
        self.embedding = nn.Linear(conditions, hidden, bias=False)
        self.score = score

    def forward(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Map images (n, *shape) and features of conditions (n, conditions) to scores (n, 1)."""
        h = self.body(x)  # (n, hidden)
        score: torch.Tensor = self.score(h) + (h * self.embedding(given)).sum(1, keepdim=True)
        return score


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


def generator(shape: Shape, latent: int, width: int, depth: int, channels: int, conditions: int = 0) -> nn.Module:
    """Return a network from codes (n, latent) to samples (n, *shape); only images use ``channels``.

    It is also given features of conditions (n, conditions), where there are any.
    """
    if len(shape) == 1:
        return MLP(latent + conditions, shape[0], width, depth)
    if conditions:
        return ConditionalGenerator(latent, shape, channels, conditions)
    return ConvGenerator(latent, shape, channels)


def discriminator(shape: Shape, width: int, depth: int, channels: int, conditions: int = 0) -> nn.Module:
    """Return a network from samples (n, *shape) to scores (n, 1); only images use ``channels``.

    It is also given features of conditions (n, conditions), where there are any.
    """
    if len(shape) == 1:
        return MLP(shape[0] + conditions, 1, width, depth)
    if conditions:
        return ProjectionDiscriminator(shape, channels, width, conditions)
    return ConvDiscriminator(shape, channels, width)


def evaluate(network: nn.Module, x: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
    """Return what a network makes of x (n, ...), and of features of conditions (n, k) where there are any."""
    out: torch.Tensor = network(x) if given is None else network(x, given)
    return out


def with_columns(x: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
    """Return x (n, d) with features of conditions (n, k) as its last columns, where there are any."""
    return x if given is None else torch.cat([x, given], 1)


def features_of(columns: Sequence[Column]) -> int:
    """Return how many features ``condition_features`` makes of conditions with these columns; 0 without conditions."""
    return sum(len(column.levels) if column.kind == "category" else 1 for column in columns)


def latent_size(shape: Shape) -> int:
    """Return the default number of dimensions of a code: those of a vector, at least 2, or 32 for images."""
    return max(2, shape[0]) if len(shape) == 1 else 32


@torch.no_grad()
def draw(network: nn.Module, latent: int, n: int, given: torch.Tensor | None = None) -> torch.Tensor:
    """Return n samples (n, *shape) of a generator, drawn in blocks of bounded memory.

    They are given features of conditions (n, k), where there are any.
    """
    block = BLOCK_SAMPLES["vector" if isinstance(network, MLP) else "image"]
    device = next(network.parameters()).device
    samples = []
    for start in range(0, max(n, 1), block):
        z = torch.randn(min(block, n - start), latent, device=device)
        samples.append(evaluate(network, z, None if given is None else given[start : start + block]))
    return torch.cat(samples)
