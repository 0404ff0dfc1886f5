"""The complete table for programs: CSV, JSON, parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genbench.report.text import csv_text
from genbench.table.columns import ColumnInfo, matching_columns
from genbench.table.frame import parts_of

if TYPE_CHECKING:
    import pandas as pd


def render_csv(frame: pd.DataFrame) -> str:
    """Return CSV with a header line; missing values are empty, and text cannot be read as a formula."""
    safe = frame.map(lambda value: csv_text(value) if isinstance(value, str) else value)
    safe.columns = [csv_text(str(name)) for name in safe.columns]
    return safe.to_csv(index=False, lineterminator="\n")


def render_json(frame: pd.DataFrame) -> str:
    """Return a JSON list with one flat object per row, in ASCII; missing values are null."""
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    return json.dumps(rows, indent=1, allow_nan=False) + "\n"


def render_parquet(frame: pd.DataFrame) -> bytes:
    """Return the bytes of a parquet file."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def select_columns(
    frame: pd.DataFrame, columns: Sequence[ColumnInfo], metrics: Sequence[str] = (), sort: str | None = None
) -> pd.DataFrame:
    """Return the frame with only these metrics and their errors, ranks and so on (none: all), sorted by ``sort``."""
    chosen = {name for names in matching_columns(columns, metrics).values() for name in names}
    others = [c.name for c in columns if metrics and c.name not in chosen]
    kept = [name for name in frame if name not in {part for other in others for part in parts_of(other)}]
    if sort:
        ascending = next(column.better for column in columns if column.name == sort) != "higher"
        place = {label: i for i, label in enumerate(frame["dataset_label"])}
        frame = frame.sort_values(parts_of(sort)[0], ascending=ascending, kind="stable")
        frame = frame.sort_values("dataset_label", key=lambda labels: labels.map(place), kind="stable")
    return frame[kept]


def _plain(value: Any) -> Any:
    import pandas as pd

    return None if value is None or pd.isna(value) else value
