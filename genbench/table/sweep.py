"""Sweeps: rows of tables along a numeric option of the dataset, of the models, or the number of training rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.errors import UnknownName
from genbench.record.score import finite_or_none
from genbench.record.store import Record
from genbench.table.columns import ColumnInfo, matching_columns
from genbench.table.summary import Row, Summary, requested_rows

TRAIN_ROWS = "train_rows"
MAX_COLUMNS = 6  # metrics that are shown unasked, besides the core metrics
ROWS_SUFFIX = re.compile(r"(, )?\d+ training rows")


@dataclass(frozen=True)
class SweepLine:
    """One model along a sweep: its row at each value of the option, and where it has none of that option, ``always``.

    ``role`` is ``model`` or ``reference``, ``model`` the name of the plugin.
    """

    label: str
    role: str
    model: str
    rows: Mapping[float, Row] = field(default_factory=dict)
    always: Row | None = None

    @property
    def every(self) -> tuple[Row, ...]:
        """All its rows."""
        return (*self.rows.values(), *((self.always,) if self.always else ()))

    def at(self, value: float) -> Row | None:
        """Return the row at a value of the option."""
        return self.rows.get(value, self.always)


@dataclass(frozen=True)
class Sweep:
    """A sweep of one option: ``of`` is ``dataset``, ``model`` or ``train_rows``, ``values`` are those of the option."""

    dataset: str
    option: str
    of: str
    values: tuple[float, ...]
    columns: tuple[ColumnInfo, ...]  # of metrics that have a value
    core: tuple[str, ...]
    lines: tuple[SweepLine, ...]

    @property
    def title(self) -> str:
        """What is swept: ``dim of gaussian``, ``training rows of grid``."""
        return f"{'training rows' if self.of == TRAIN_ROWS else self.option}, {self.dataset}"

    def chosen(self, metrics: Sequence[str] = ()) -> tuple[ColumnInfo, ...]:
        """Return the columns of these names or globs; by default all if they are few, else the core metrics."""
        if metrics:
            names = {name for found in matching_columns(self.columns, metrics).values() for name in found}
            return tuple(column for column in self.columns if column.name in names)
        plain = tuple(c for c in self.columns if not c.timing and not c.observable and not c.fact)
        return plain if len(plain) <= MAX_COLUMNS else tuple(column for column in plain if column.name in self.core)


def sweeps_of(summaries: Iterable[Summary], option: str = "") -> list[Sweep]:
    """Return the sweeps in tables: of ``option``, by default of the first numeric option that has several values.

    Options of the dataset come first, then the number of training rows, then options of models. Raises UnknownName if
    ``option`` has not several values.
    """
    groups: dict[str, list[tuple[Summary, Row]]] = {}
    for summary in summaries:
        rows = [row for row in summary.rows if row.role != "published"]
        groups.setdefault(str(rows[0].records[0]["dataset"]), []).extend((summary, row) for row in rows)
    found, known = list[Sweep](), dict[str, None]()
    for pairs in groups.values():
        swept = _swept([row for _, row in pairs])
        known.update(dict.fromkeys(name for _, name in swept))
        chosen = next(((of, name) for of, name in swept if option in ("", name)), None)
        if chosen is not None:
            found += _of_option(pairs, *chosen)
    if option and not found:
        raise UnknownName("option with several values", option, known)
    return found


def _swept(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the options that have several values, each with what it is an option of."""
    values: dict[tuple[str, str, str], set[float]] = {}
    for row in rows:
        record = row.records[0]
        for name, value in _numbers(record.get("dataset_config")).items():
            values.setdefault(("dataset", name, ""), set()).add(value)
        if (rows_asked := requested_rows(record)) is not None:
            values.setdefault((TRAIN_ROWS, TRAIN_ROWS, ""), set()).add(rows_asked)
        for name, value in _numbers(record.get("model_config")).items():
            values.setdefault(("model", name, str(record["model"])), set()).add(value)
    several = {(of, name): None for (of, name, _), found in values.items() if len(found) > 1}
    return sorted(several, key=lambda key: ("dataset", TRAIN_ROWS, "model").index(key[0]))


def _numbers(config: Any) -> dict[str, float]:
    items = config.items() if isinstance(config, Mapping) else ()
    return {n: float(v) for n, v in items if not isinstance(v, bool) and finite_or_none(v) is not None}


def _of_option(pairs: Sequence[tuple[Summary, Row]], of: str, option: str) -> Iterator[Sweep]:
    """Yield a sweep for each dataset; those that differ in the option alone are one."""
    groups: dict[str, list[tuple[Summary, Row]]] = {}
    for summary, row in pairs:
        dataset = _without_option(summary.dataset, option) if of == "dataset" else summary.dataset
        groups.setdefault(dataset, []).append((summary, row))
    for dataset, group in groups.items():
        lines = _lines([row for _, row in group], of, option)
        values = tuple(sorted({value for line in lines for value in line.rows}))
        if len(values) > 1:
            with_value = {name for _, row in group for name, entry in row.entries.items() if entry.estimate}
            columns = {c.name: c for summary, _ in group for c in summary.columns if c.name in with_value}
            core = dict.fromkeys(name for summary, _ in group for name in summary.core)
            yield Sweep(dataset, option, of, values, tuple(columns.values()), tuple(core), lines)


def _lines(rows: Sequence[Row], of: str, option: str) -> tuple[SweepLine, ...]:
    """Return the lines of a sweep, models first: rows that differ in the option alone are one line."""
    lines: dict[str, SweepLine] = {}
    for row in rows:
        value, label = _value(row.records[0], of, option), _line_label(row.label, of, option)
        line = lines.get(label)
        if line is not None and (value in line.rows or (value is None and line.always)):
            label, line = row.label, None  # it differs in something else, too
        line = line or SweepLine(label, row.role, str(row.records[0]["model"]))
        at = {} if value is None else {value: row}
        lines[label] = replace(line, rows={**line.rows, **at}, always=row if value is None else line.always)
    return tuple(sorted(lines.values(), key=lambda line: line.role == "reference"))


def _value(record: Record, of: str, option: str) -> float | None:
    if of == TRAIN_ROWS:
        return finite_or_none((record.get("sizes") or {}).get("train") or requested_rows(record))
    return _numbers(record.get(f"{of}_config")).get(option)


def _line_label(label: str, of: str, option: str) -> str:
    if of == TRAIN_ROWS:
        return ROWS_SUFFIX.sub("", label).replace(" ()", "")
    return _without_option(label, option) if of == "model" else label


def _without_option(label: str, option: str) -> str:
    """Return ``vae[beta=4]`` for ``vae[latent=2,beta=4]`` without the option ``latent``."""
    name, bracket, rest = label.partition("[")
    inner, end, suffix = rest.partition("]")
    parts = [part for part in inner.split(",") if not part.strip().startswith(f"{option}=")]
    return f"{name}{bracket}{','.join(parts)}{end}{suffix}" if any(parts) else name + suffix
