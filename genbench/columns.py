"""Columns of data, and what is known of data before they are loaded."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal

__all__ = ["COLUMN_KINDS", "Column", "DataFacts", "DataKind"]

DataKind = Literal["vector", "image"]
COLUMN_KINDS = ("continuous", "integer", "category", "angle")


@dataclass(frozen=True)
class Column:
    """One column of a table, in the data's own units.

    Models learn an ``integer`` column with uniform noise between -1/2 and 1/2, and samples are rounded; an ``angle``
    has a period, by default 2 pi; a ``category`` holds codes of its ``levels``, from 0, and is one column a level for
    models. Raises ValueError for another kind, and for a category without levels.
    """

    name: str
    _: KW_ONLY
    kind: str = "continuous"  # or integer, category, angle
    unit: str = ""
    log: bool = False  # modelled and scored as its logarithm
    period: float | None = None  # of an angle, for example; None if not periodic
    levels: tuple[str, ...] = ()  # names of the codes of a category

    def __post_init__(self) -> None:
        if self.kind not in COLUMN_KINDS:
            raise ValueError(f"column {self.name!r}: kind {self.kind!r}, expected {', '.join(COLUMN_KINDS)}")
        if (self.kind == "category") != bool(self.levels):
            raise ValueError(f"column {self.name!r}: a category has levels, and no other kind has")
        if self.kind == "angle" and self.period is None:
            object.__setattr__(self, "period", 2 * math.pi)


@dataclass(frozen=True)
class DataFacts:
    """What a model can ask of data before it is trained; when a run is planned, None stands for what is not known."""

    kind: DataKind
    _: KW_ONLY
    shape: tuple[int, ...] | None = None  # of one sample: (d,) or (channels, height, width)
    levels: int | None = None  # grey levels of integer images; None for others, too
    columns: tuple[Column, ...] = ()
    rows: int | None = None
    conditions: tuple[Column, ...] = ()
