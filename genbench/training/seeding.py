"""Named random streams from one seed, keyed by content and not by position, and nothing left in global state."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["seeded", "stream"]


def stream(root: int, *names: str | int) -> np.random.SeedSequence:
    """Return the stream called ``names`` of a root seed.

    Adding, removing or reordering other streams changes none: the spawn key is a hash of the names.
    """
    words = tuple(n if isinstance(n, int) else _hash(n) for n in names)
    return np.random.SeedSequence(root, spawn_key=words)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


@contextmanager
def seeded(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch inside, and put back afterwards what was there."""
    words = sequence.generate_state(3, np.uint64)
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if on_gpu else []
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (a plugin may use it)
    with torch.random.fork_rng(devices):
        random.seed(int(words[0]))
        np.random.seed(words[1:2].view(np.uint32))  # noqa: NPY002
        torch.manual_seed(int(words[2] >> np.uint64(1)))
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
