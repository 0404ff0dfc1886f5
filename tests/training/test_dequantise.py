"""Which tensors are images of the data, and which are not."""

from __future__ import annotations

import pytest
import torch

from genbench.training.dequantise import Dequantiser

LEVELS = 17


def images(n: int = 300) -> torch.Tensor:
    grey = torch.randint(LEVELS, (n, 1, 4, 4))
    return (grey + torch.rand(n, 1, 4, 4)) * 2 / LEVELS - 1


@pytest.mark.parametrize(
    "of",
    [
        lambda x: x,
        lambda x: x[10:50],
        lambda x: x.flatten(1),
        lambda x: x[torch.randperm(len(x))[:30]],
        lambda x: x.flip(-1),
        lambda x: torch.cat([x, x.flip(-2)]),
        lambda x: x[:, :, :2].clone(),
        lambda x: x.double(),
        lambda x: ((x + 1) * LEVELS / 2).floor().add(0.5) * 2 / LEVELS - 1,  # centres of levels
    ],
    ids=["rows", "slice", "flat", "chosen", "flipped", "more", "cropped", "double", "centres"],
)
def test_the_rows_and_what_their_pixels_are_put_into_are_recognised(of) -> None:
    torch.manual_seed(0)
    train = images()
    assert Dequantiser(LEVELS, train).recognises(of(train))


@pytest.mark.parametrize(
    "of",
    [
        lambda x: torch.rand_like(x),
        lambda x: torch.tanh(x),
        lambda x: 0.5 * x,
        lambda x: x.abs(),
        lambda x: torch.cat([x, torch.rand_like(x)]),
        lambda x: (x > 0).float(),
        lambda x: (x > 0).long(),
        lambda x: x > 0,
        lambda x: ((x + 1) * LEVELS / 2).floor(),
        lambda x: x.bfloat16(),
    ],
    ids=["noise", "tanh", "scaled", "abs", "half", "binary", "codes", "bool", "levels", "rounded"],
)
def test_what_a_model_computes_is_not(of) -> None:
    torch.manual_seed(0)
    train = images()
    assert not Dequantiser(LEVELS, train).recognises(of(train))


def test_without_training_rows_what_lies_in_the_range_is_taken_for_pixels() -> None:
    assert Dequantiser(4).recognises(torch.rand(8, 2))
    assert not Dequantiser(4).recognises(2 * torch.ones(8, 2))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_a_draw_is_in_the_level_of_its_pixel(levels: int) -> None:
    grey = torch.randint(levels, (64, 1, 4, 4))
    drawn = Dequantiser(levels).draw(2 * (grey + 0.5) / levels - 1, torch.arange(64))
    within = (drawn.double() + 1) * levels / 2 - grey
    rounding = levels / 2**23
    assert within.min() >= -rounding
    assert within.max() <= 1 + rounding
    assert within.std() > 0.2
