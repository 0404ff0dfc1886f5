"""Numbers that nothing can be trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from user_files import TABLE, refusal, says

from genbench.files import open_data, read


def test_missing_rows_are_dropped_only_when_asked(tmp_path):
    rows = TABLE.to_numpy().copy()
    rows[3, 0], rows[7, 1], rows[7, 2] = np.nan, np.inf, np.nan
    pd.DataFrame(rows, columns=list(TABLE)).to_parquet(tmp_path / "a.parquet")
    np.save(tmp_path / "a.npy", rows)
    for name in ("a.parquet", "a.npy"):
        says(refusal(read, tmp_path / name), "2 missing (NaN) and 1 infinite", "2 of 50 rows", "row 4", "--na drop")
        found = read(tmp_path / name, na="drop")
        np.testing.assert_array_equal(found.rows, np.delete(TABLE.to_numpy(), [3, 7], axis=0))
        says(" ".join(found.notes), "dropped 2 of 50 rows")
    np.save(tmp_path / "b.npy", np.full((5, 2), np.nan))
    says(refusal(read, tmp_path / "b.npy", na="drop"), "leaves no row")
    says(refusal(read, tmp_path / "b.npy", na="fill"), "--na must be")


def test_numbers_without_a_logarithm_or_beyond_float32_are_refused(tmp_path):
    rows = TABLE.to_numpy().copy()
    rows[3, 0], rows[8, 1] = -1.0, 1e39
    pd.DataFrame(rows, columns=list(TABLE)).to_parquet(tmp_path / "a.parquet")
    says(refusal(open_data, tmp_path / "a.parquet", log="pt"), "--log 'pt': row", "expected values above 0")
    says(refusal(open_data, tmp_path / "a.parquet"), "row 9: 1e+39 is beyond float32")
    rows[:, 0] = 1.0 + np.abs(rows[:, 0])
    rows[3, 0] = 0.0
    pd.DataFrame(rows, columns=list(TABLE)).to_parquet(tmp_path / "b.parquet")
    says(refusal(open_data, tmp_path / "b.parquet", log="pt"), "row 4 is 0, expected values above 0 (1 of 50 are not)")
