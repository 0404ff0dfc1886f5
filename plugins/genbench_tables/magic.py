"""The MAGIC gamma telescope: Hillas parameters of simulated air showers (Bock et al. 2004)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genbench.budget import Sizes
from genbench.data import split
from genbench.protocol import Column, Data
from genbench.stored import load_stored
from genbench_tables import MagicConfig

__all__ = ["COLUMNS", "LABELS", "Magic"]

DATA_FILE = Path(__file__).parent / "data" / "magic.npz"
LABELS = ("gamma", "hadron")

# fWidth is skewed too, but can be 0, which has no logarithm; fSize is a logarithm already
COLUMNS = (
    Column("fLength", unit="mm", log=True),
    Column("fWidth", unit="mm"),
    Column("fSize", unit="log10 photons"),
    Column("fConc"),
    Column("fConc1"),
    Column("fAsym", unit="mm"),
    Column("fM3Long", unit="mm"),
    Column("fM3Trans", unit="mm"),
    Column("fAlpha", unit="deg"),
    Column("fDist", unit="mm"),
)


class Magic:
    """19,020 showers, 18,905 of them distinct: the ellipse of each image, and whether it is of a gamma or a hadron."""

    def __init__(self, config: MagicConfig) -> None:
        self.label = config.label

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits, copies of a shower in one of them; ``labels`` are 0 for gamma and 1 for hadron."""
        stored = load_stored(DATA_FILE)
        rows, labels = stored["rows"], stored["labels"].astype(np.int64)
        if self.label != "all":
            mask = labels == LABELS.index(self.label)
            rows, labels = rows[mask], labels[mask]
        train, test, reference = split(rows, sizes, rng)
        return Data(
            rows[train],
            rows[test],
            rows[reference],
            columns=COLUMNS,
            labels={"train": labels[train], "test": labels[test], "reference": labels[reference]},
        )
