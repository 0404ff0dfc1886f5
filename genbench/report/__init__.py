"""Tables of records, in any format: ``render`` is all that a caller needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from genbench.errors import UnknownName
from genbench.record.store import Record
from genbench.report.data_formats import render_csv, render_json, render_parquet, selected
from genbench.report.latex import render_latex
from genbench.report.markdown import render_markdown
from genbench.report.terminal import render_terminal, terminal_text
from genbench.report.view import View, view_of
from genbench.table.columns import columns_of, matching_columns
from genbench.table.frame import to_frame
from genbench.table.summary import summarise

__all__ = ["FORMATS", "check_names", "render", "render_terminal", "views_of"]

FILES: Mapping[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": render_csv,
    "json": render_json,
    "parquet": render_parquet,
}
TEXTS: Mapping[str, Callable[[View], str]] = {"markdown": render_markdown, "latex": render_latex}
FORMATS = ("rich", *TEXTS, *FILES)


def views_of(
    records: Iterable[Record], *, per: str = "model", metrics: Sequence[str] = (), sort: str | None = None
) -> list[View]:
    """Return what to show of each dataset: headline columns, or those named in ``metrics`` (``all``: every one).

    ``sort`` names the column whose best comes first. Raises UnknownName where no record has such a column.
    """
    records = list(records)
    check_names(records, metrics, sort)
    return [view_of(summary, metrics, sort) for summary in summarise(records, per)]


def check_names(records: Iterable[Record], names: Iterable[str], sort: str | None = None) -> None:
    """Raise UnknownName for the first of these names or globs that means no metric or timing of the records.

    ``sort`` is the name of one column.
    """
    columns = columns_of(records)
    known = {column.name for column in columns}
    unknown = [name for name, found in matching_columns(columns, names).items() if not found and name != "all"]
    unknown += [sort] if sort and sort not in known else []
    for name in unknown:
        raise UnknownName("metric", name, known)


def render(
    records: Iterable[Record],
    form: str = "rich",
    *,
    per: str = "model",
    metrics: Sequence[str] = (),
    sort: str | None = None,
    width: int = 100,
) -> str | bytes:
    """Return the records as tables, in one of ``FORMATS``; ``width`` is the terminal's, for ``rich``.

    CSV, JSON and parquet hold everything, named as by ``genbench.table.to_frame``, unless ``metrics`` says what.
    Raises UnknownName where no record has such a column, ValueError for another format.
    """
    records = list(records)
    if form in FILES:
        check_names(records, metrics, sort)
        return FILES[form](selected(to_frame(records, per), columns_of(records), metrics, sort))
    views = views_of(records, per=per, metrics=metrics, sort=sort)
    if form == "rich":
        return terminal_text(views, width)
    if form not in TEXTS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {form!r}")
    return "\n".join(TEXTS[form](view) for view in views)
