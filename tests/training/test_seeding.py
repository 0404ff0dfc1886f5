"""Random streams: named by content, independent of one another, and nothing left behind."""

import random

import numpy as np
import pytest
import torch

from genbench.training.seeding import seed_generators, stream


def drawn(sequence: np.random.SeedSequence) -> tuple[float, float, float]:
    with seed_generators(sequence):
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002 (what plugins may do)


def states() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), name, keys.tobytes(), tuple(rest), torch.get_rng_state().numpy().tobytes()


def test_the_same_names_give_the_same_numbers_whatever_was_drawn_before() -> None:
    first = drawn(stream(3, "fit", "vae", "ring"))
    drawn(stream(3, "data", "ring"))
    torch.rand(5)
    assert drawn(stream(3, "fit", "vae", "ring")) == first


def test_every_name_the_order_of_names_and_the_seed_make_another_stream() -> None:
    names = [("fit", "vae"), ("vae", "fit"), ("fit", "vae", "ring"), ("fit",), ("fitvae",), ("fit", 1), ("fit", "1")]
    seen = {drawn(stream(seed, *each)) for seed in (0, 1) for each in names}
    assert len(seen) == 2 * len(names)


def test_global_generators_are_put_back() -> None:
    before = states()
    drawn(stream(0, "fit"))
    assert states() == before


def test_global_generators_are_put_back_when_a_plugin_raises() -> None:
    before = states()
    with pytest.raises(ZeroDivisionError), seed_generators(stream(0, "fit")):
        print(torch.rand(3), random.random(), 1 / 0)
    assert states() == before


def test_the_three_generators_of_a_stream_are_seeded_apart() -> None:
    assert len(set(drawn(stream(0, "fit")))) == 3
