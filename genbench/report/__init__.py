"""Tables of records in any format, by ``render``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from genbench.errors import UnknownName, UserError
from genbench.record.store import Record
from genbench.report.data_formats import render_csv, render_json, render_parquet, select_columns
from genbench.report.latex import render_latex, render_latex_datasets
from genbench.report.markdown import render_markdown
from genbench.report.shared_legend import legend_once
from genbench.report.sweep import sweep_views
from genbench.report.terminal import render_terminal, terminal_text
from genbench.report.view import View, view_of
from genbench.table.columns import columns_of, matching_columns
from genbench.table.frame import to_frame
from genbench.table.suites import Suite
from genbench.table.summary import summarise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "check_names", "render", "render_terminal", "views_of"]

DATA_RENDERERS: Mapping[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": render_csv,
    "json": render_json,
    "parquet": render_parquet,
}
TEXT_RENDERERS: Mapping[str, Callable[[View], str]] = {"markdown": render_markdown, "latex": render_latex}
FORMATS = ("rich", *TEXT_RENDERERS, *DATA_RENDERERS)


def views_of(
    records: Iterable[Record],
    *,
    per: str = "model",
    option: str = "",
    metrics: Sequence[str] = (),
    sort: str | None = None,
    suites: Sequence[Suite] = (),
) -> list[View]:
    """Return the table of each dataset, with the default columns or those named in ``metrics`` (``all``: every one).

    Rows are sorted by the column ``sort``, best first. ``suites`` are those of the runs, whose published values are
    rows too. With ``per="option"`` there is a table of each sweep: of ``option``, by default of the first that has
    several values. The last table explains what means the same in all. Raises UnknownName if no record has such a
    column or option.
    """
    records = list(records)
    check_names(records, metrics, sort)
    if per == "option":
        return legend_once(sweep_views(records, option, metrics, suites))
    return legend_once([view_of(summary, metrics, sort) for summary in summarise(records, per, suites)])


def check_names(records: Iterable[Record], names: Iterable[str], sort: str | None = None) -> None:
    """Raise UnknownName for the first of these names or globs that matches no metric or timing of the records.

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
    option: str = "",
    metrics: Sequence[str] = (),
    sort: str | None = None,
    width: int = 100,
    suites: Sequence[Suite] = (),
) -> str | bytes:
    """Return the records as tables, in one of ``FORMATS``; ``width`` is that of the terminal, for ``rich``.

    ``suites`` are those of the runs, whose published values are rows too. CSV, JSON and parquet hold all columns of
    ``genbench.table.to_frame``, or those named in ``metrics``. Raises UnknownName if no record has such a column,
    ValueError for an unknown format.
    """
    records = list(records)
    if form in DATA_RENDERERS and per == "option":
        raise UserError(f"--per option: {form} has the options as dataset_config and model_config, with --per model")
    if form in DATA_RENDERERS:
        check_names(records, metrics, sort)
        return DATA_RENDERERS[form](select_columns(to_frame(records, per, suites), columns_of(records), metrics, sort))
    views = views_of(records, per=per, option=option, metrics=metrics, sort=sort, suites=suites)
    if form == "rich":
        return terminal_text(views, width)
    if form == "latex" and per == "model" and len(views) > 1:
        return render_latex_datasets(views)
    if form not in TEXT_RENDERERS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {form!r}")
    return "\n".join(TEXT_RENDERERS[form](view) for view in views)
