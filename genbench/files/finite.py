"""Refuse numbers that nothing can be trained on: missing, infinite, beyond float32, without a logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from genbench.files.columns import pattern_of
from genbench.files.numbers import FLOAT32_MAX, MAX_LEVELS, DescribeRow
from genbench.files.source import Source, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array


def check_finite(
    source: Source, rows: Array, names: Sequence[str], describe_row: DescribeRow, na: str
) -> tuple[Array | None, str]:
    """Return a mask of the rows to keep (None: all) and a note; ``rows`` are (n, d) or (n, c, h, w).

    Raises DataError, with counts and columns, if numbers are missing or infinite and ``na`` is not ``drop``.
    """
    import numpy as np

    if rows.dtype.kind != "f":
        return None, ""
    flat = rows.reshape(len(rows), -1)
    # a sum is finite only if all its terms are: data without gaps take one pass and no mask
    with np.errstate(all="ignore"):
        if np.isfinite(flat.sum(axis=0)).all():
            return None, ""
    finite = np.isfinite(flat)
    good: Array = np.asarray(finite.all(axis=1))
    if good.all():
        return None, ""
    bad, first = int((~good).sum()), int(np.argmin(good))
    empty: Array = np.asarray(np.isnan(flat).all(axis=0))
    if rows.ndim == 2 and empty.any() and not empty.all():
        columns = [name for name, is_empty in zip(names, empty, strict=True) if is_empty]
        what = f"column {quote(columns[0])} holds" if len(columns) == 1 else f"{join_names(columns)} hold"
        left_out = ",".join(f"-{pattern_of(name)}" for name in columns[:MAX_LEVELS])
        raise source.error(f"{what} nothing in all {len(rows)} rows: leave out with --columns={left_out}")
    nan, total = int(np.isnan(flat).sum()), int((~finite).sum())
    counts = [f"{n} {kind}" for n, kind in ((nan, "missing (NaN)"), (total - nan, "infinite")) if n]
    where = ""
    if rows.ndim == 2:
        per_column = (~finite).sum(axis=0)
        named = [f"{quote(name)} {n}" for name, n in zip(names, per_column, strict=True) if n]
        where = f", in {join_names(named, 6)}"
    if na == "drop":
        return good, f"dropped {bad} of {len(rows)} rows with missing or infinite values{where}"
    raise source.error(
        f"{' and '.join(counts)} value{'s' if total > 1 else ''} in {bad} of {len(rows)} rows{where}; "
        f"first at {describe_row(first)}; --na drop leaves these rows out"
    )


def check_logs(source: Source, values: Array, column: str) -> None:
    """Raise DataError if a column given to --log has values that are not positive."""
    import numpy as np

    wrong = values <= 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise source.error(
            f"--log {quote(column)}: row {row + 1} is {values[row]:g}, expected values above 0 "
            f"({int(wrong.sum())} of {len(values)} are not); leave the column out of --log"
        )


def check_range(source: Source, values: Array, column: str) -> None:
    """Raise DataError if a number does not fit into float32, the type in which models are trained."""
    import numpy as np

    large = np.abs(values) > FLOAT32_MAX
    if large.any():
        row = int(np.argmax(large.reshape(len(values), -1).any(axis=1)))
        worst = float(values.reshape(-1)[int(np.argmax(large))])
        raise source.error(
            f"column {quote(column)}, row {row + 1}: {worst:g} is beyond float32 (3.4e38); rescale the column, "
            "or give it to --log"
        )
