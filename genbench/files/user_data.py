"""What is read from a user's file or object: numbers, checked, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genbench.errors import DataError
from genbench.files.source import DEFAULT_LAYOUT, FileLayout

if TYPE_CHECKING:
    from genbench.protocol import Array


@dataclass(frozen=True)
class UserData:
    """The user's numbers, checked: real and finite, a table or images.

    ``rows`` is float64 (n, d), or images (n, channels, height, width): unsigned integers with ``levels`` grey levels,
    or float64. ``columns`` are the names of the d columns: ``c0``, ``c1``, ... if ``named`` is False. ``labels`` (n,)
    are as in the file. ``units`` are those of the columns that have one in the file. ``sha256`` is the hash of the
    file's bytes. ``notes`` say what was guessed or changed. ``parts`` (n,) is ``train`` or ``test`` for each row of a
    folder that has these sub-folders, and None for all other data. ``categories`` are the levels of columns of text,
    whose rows are codes from 0. ``beside`` maps an option such as ``--weights`` to the columns that it names, each
    (n,) by its name: they are not among ``columns``. ``types`` are those of the columns in the file: of numpy,
    ``text``, ``dictionary``, or nothing for numbers of a file without types. ``layout`` is how the file arranges what
    it holds. ``others`` are columns of the file that were not asked for, and ``dropped`` is the number of rows that
    were left out.
    """

    rows: Array
    columns: tuple[str, ...]
    named: bool
    labels: Array | None
    levels: int | None
    notes: tuple[str, ...]
    sha256: str
    label: str  # the file's name in errors
    units: Mapping[str, str] = field(default_factory=dict)
    parts: Array | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    layout: FileLayout = DEFAULT_LAYOUT
    others: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.rows.ndim == 2 else "image"

    def error(self, message: str) -> DataError:
        """Return a DataError that begins with the file's name."""
        return DataError(f"{self.label}: {message}")
