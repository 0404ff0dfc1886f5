"""Named random streams derived from one seed, keyed by name and not by position; no global state is left changed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def stream(root: int, *names: str | int) -> np.random.SeedSequence:
    """Return the random stream called ``names`` of a root seed.

    It does not depend on which other streams there are: its spawn key is a hash of the names.
    """
    key = tuple(name if isinstance(name, int) else _hash(name) for name in names)
    return np.random.SeedSequence(root, spawn_key=key)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


@contextmanager
def seed_generators(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch while entered; restore their states on exit."""
    words = sequence.generate_state(3, np.uint64)
    on_cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if on_cuda else []
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
