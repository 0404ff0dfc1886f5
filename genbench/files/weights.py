"""Event weights in a user's file: which column holds them, and whether a law can be drawn by them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genbench.budget import Sizes
    from genbench.files.reader import UserData
    from genbench.protocol import Array

MIN_DRAWN = 20  # rows


def weights_of(found: UserData) -> Array | None:
    """Return the event weights (n,) of the rows, None if no column of them is named."""
    return next(iter(found.beside.get("--weights", {}).values()), None)


def check_weights(found: UserData) -> None:
    """Raise DataError for event weights by which no law, or too few rows, can be drawn."""
    import numpy as np

    from genbench.data import unweighted_count

    if (weights := weights_of(found)) is None:
        return
    if (total := float(weights.sum())) <= 0:
        raise found.error(f"--weights: their sum is {total:g}, expected more than 0: rows of negative weight outweigh")
    if (count := unweighted_count(np.abs(weights))) < MIN_DRAWN:
        raise found.error(
            f"--weights: the heaviest rows outweigh the others, so that only {count} of {len(weights)} can be drawn by "
            f"weight: at least {MIN_DRAWN} needed"
        )


def sizes_before_drawing(sizes: Sizes, weights: Array) -> Sizes:
    """Return the sizes of splits of which the rows that are drawn by weight are about ``sizes``; training uses all."""
    import numpy as np

    from genbench.budget import Sizes
    from genbench.data import unweighted_count

    size = np.abs(weights)
    factor = len(weights) / unweighted_count(size) * size.sum() / max(weights.sum(), size.sum() / len(size))
    return Sizes(sizes.train, math.ceil(sizes.test * factor), math.ceil(sizes.reference * factor))
