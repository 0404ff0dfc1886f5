"""A user's file or object when a run is planned: read and checked once, described, and made a dataset of the plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from genbench.errors import DataError
from genbench.files.columns import ColumnNames
from genbench.files.dataset import FileConfig, given_columns, read_and_check
from genbench.files.objects import InMemory
from genbench.files.source import Source, find, join_names, quote
from genbench.files.user_data import UserData
from genbench.spec import DatasetSpec

if TYPE_CHECKING:
    from genbench.budget import Sizes
    from genbench.protocol import Column


class FileOptions(TypedDict, total=False):
    """How a user's file is read: the fields of `FileConfig` besides its path."""

    columns: ColumnNames
    labels: str | None
    weights: str | None
    given: ColumnNames
    log: ColumnNames
    periodic: ColumnNames
    kinds: ColumnNames
    units: ColumnNames
    observables: ColumnNames
    na: str
    encoding: str | None
    max_bytes: int
    read_as: str | None
    pixel_range: str


@dataclass(frozen=True)
class OpenedFile:
    """A user's file, or an object in memory, that was read and checked, as a dataset of a plan."""

    spec: DatasetSpec
    config: FileConfig
    data: UserData
    columns: tuple[Column, ...]

    @property
    def notes(self) -> list[str]:
        """What was guessed or changed, each after the name of the file."""
        return [f"{self.data.label}: {note}" for note in self.data.notes]

    def describe(self, sizes: Sizes) -> dict[str, object]:
        """Return what will be modelled, for JSON.

        Its keys are ``rows splits shape levels columns conditions labels dropped left_out notes``. ``splits`` are the
        numbers of rows in each at these sizes. ``left_out`` are columns of the file that are not modelled, each with
        the reason. ``columns`` are those of a table, none for images; ``conditions`` are described in the same way.
        """
        import numpy as np

        from genbench.data import split

        found = self.data
        given, conditions = given_columns(found, self.config)
        held_out = None if found.parts is None else found.parts == "test"
        parts = split(found.rows, sizes, np.random.default_rng(0), held_out)
        columns = _describe_columns(found, self.columns)
        left_out = dict.fromkeys(found.others, "not chosen")
        if found.labels is not None and self.config.labels:
            left_out[self.config.labels] = "labels"
        left_out |= {name: option.strip("-") for option, named in found.beside.items() for name in named}
        left_out |= {str(c["column"]): "constant" for c in columns if str(c["kind"]).startswith("constant")}
        return {
            "rows": len(found.rows),
            "splits": dict(zip(("train", "test", "reference"), map(len, parts), strict=True)),
            "shape": list(found.rows.shape[1:]),
            "levels": found.levels,
            "columns": columns,
            "conditions": _describe_columns(replace(found, rows=given), conditions) if given is not None else [],
            "labels": None if found.labels is None else len(set(found.labels.tolist())),
            "dropped": found.dropped,
            "left_out": left_out,
            "notes": list(found.notes),
        }


def open_data(data: str | Path | InMemory, *, folder: Path | None = None, **options: Unpack[FileOptions]) -> OpenedFile:
    """Return a user's file or object, which is read and checked here so that no cell fails on it.

    The dataset is named after the file. ``folder`` is where an object will be stored. Raises DataError.
    """
    if (na := options.get("na", "refuse")) not in ("refuse", "drop"):
        raise DataError(f"--na must be 'refuse' or 'drop', got {quote(na)}")
    if isinstance(data, InMemory):
        source, name = data.source, data.name
        absolute = str(data.path_in(folder or Path()).absolute())
    else:
        source = find(data)
        name, absolute = _name(source), str(source.path.resolve()) + (f":{source.key}" if source.key else "")
    config = FileConfig(absolute, **options)  # type: ignore[arg-type]  # which splits names itself
    shown = config if isinstance(data, InMemory) else replace(config, path=str(data))  # in errors, as the user wrote it
    found, columns = read_and_check(shown, data if isinstance(data, InMemory) else None)
    n = len(found.rows)
    content = (
        f"{n} rows of {len(found.columns)} columns" if found.kind == "vector" else f"{n} images {found.rows.shape[1:]}"
    )
    spec = DatasetSpec(
        name,
        "genbench.files:FileDataset",
        FileConfig,
        f"{content} from {source.label}",
        data="vector" if found.kind == "vector" else "image",
        rows=n,
        labels=found.labels is not None,
        observables=bool(config.observables),
        source=absolute,
    )
    return OpenedFile(spec, replace(config, sha256=found.sha256), found, columns)


def dataset_spec(
    path: str | Path, *, notes: list[str] | None = None, **options: Unpack[FileOptions]
) -> tuple[DatasetSpec, FileConfig]:
    """Return the spec and the config of a user's file, read and checked; its notes are added to ``notes``.

    Raises DataError.
    """
    opened = open_data(path, **options)
    if notes is not None:
        notes += opened.notes
    return opened.spec, opened.config


def _describe_columns(found: UserData, columns: Sequence[Column]) -> list[dict[str, object]]:
    """Return for each column of a table its name, kind, unit, lowest and highest value; nothing for images.

    The kind is continuous, integer, angle, category or constant, with ``log`` or the period where a column has them; a
    category has no lowest and highest value.
    """
    from genbench.data import constant_columns

    described: list[dict[str, object]] = []
    constant = constant_columns(found.rows) if columns else ()
    for i, column in enumerate(columns):
        low: float | None = float(found.rows[:, i].min())
        high: float | None = float(found.rows[:, i].max())
        kind = "angle" if column.period is not None else column.kind
        if column.kind == "category":
            kind = f"category of {len(column.levels)}: {join_names(column.levels, 6)}"
            low = high = None
        if constant[i]:
            kind = "constant"
        details = f", period {column.period:g}" if column.period is not None else ", log" if column.log else ""
        described.append({"column": column.name, "kind": kind + details, "unit": column.unit, "low": low, "high": high})
    return described


def _name(source: Source) -> str:
    """Return a dataset name made from the file's name.

    It keeps the suffixes, so that ``magic.csv``, ``magic.csv.gz`` and ``magic`` are three names.
    """
    path = source.path.resolve()
    ending = path.suffix
    if source.compression:
        ending = Path(path.stem).suffix + ending
    stem = path.name.removesuffix(ending) if ending else path.name
    stem = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._+-]+", "_", stem)) or "data"
    suffix = re.sub(r"[^A-Za-z0-9._+-]+", "_", ending + (f".{source.key.strip('/')}" if source.key else ""))[:32]
    return stem[: 64 - len(suffix)] + suffix
